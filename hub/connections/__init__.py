"""Connections: configured connectors, and the one door through which anything is written to a tool."""

from hub.core.area import Area, NavigationEntry, Schedule

AREA = Area(
    name="connections",
    models="hub.connections.models",
    pages="hub.connections.pages:pages",
    navigation=(
        NavigationEntry("Connections", "connections.index", "connections.read", order=80, icon="plug"),
        NavigationEntry("Deliveries", "connections.deliveries", "connections.read", order=80, icon="send"),
    ),
    api="hub.connections.api:api",
    handlers={
        "connections.deliver": "hub.connections.jobs:deliver",
        "connections.release": "hub.connections.jobs:release",
        "connections.sweep": "hub.connections.jobs:sweep",
        "connections.check": "hub.connections.jobs:check",
        "connections.prune": "hub.connections.jobs:prune",
    },
    schedules=(
        Schedule("connections.sweep", "connections.sweep", every_seconds=300),
        Schedule("connections.prune", "connections.prune", every_seconds=86_400),
    ),
    permissions=("connections.read", "connections.manage", "work.manage"),
)
