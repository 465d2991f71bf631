"""Syncing: read tools, keep what they hold, map it into the ledger, and listen to what they tell."""

from hub.core.area import Area, Schedule

AREA = Area(
    name="syncing",
    models="hub.syncing.models",
    pages="hub.syncing.pages:pages",
    handlers={
        "syncing.sync": "hub.syncing.jobs:sync",
        "syncing.read_inbox": "hub.syncing.jobs:read_inbox",
        "syncing.on_connection_changed": "hub.syncing.jobs:on_connection_changed",
        "syncing.preview": "hub.syncing.jobs:preview",
        "syncing.prune": "hub.syncing.jobs:prune",
    },
    subscriptions={"connection.changed": ("syncing.on_connection_changed",)},
    schedules=(Schedule("syncing.prune", "syncing.prune", every_seconds=86_400),),
    history="hub.syncing.history:fill",
    panels={"connections.connection": "hub.syncing.panels:connection"},
    permissions=("connections.read", "connections.manage"),
)
