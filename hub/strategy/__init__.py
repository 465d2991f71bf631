"""Strategy: objectives, key results and the cycles they run in."""

from hub.core.area import Area, NavigationEntry

AREA = Area(
    name="strategy",
    models="hub.strategy.models",
    pages="hub.strategy.pages:pages",
    navigation=(NavigationEntry("Objectives", "strategy.index", "strategy.read", order=10, icon="target"),),
    api="hub.strategy.api:api",
    history="hub.strategy.history:fill",
    permissions=("strategy.read", "strategy.write"),
)
