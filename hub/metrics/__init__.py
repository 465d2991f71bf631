"""Metrics: what is measured, what was seen and wanted, and the columns that rules read."""

from hub.core.area import Area, NavigationEntry

AREA = Area(
    name="metrics",
    models="hub.metrics.models",
    pages="hub.metrics.pages:pages",
    navigation=(NavigationEntry("Metrics", "metrics.index", "metrics.read", order=30, icon="chart"),),
    api="hub.metrics.api:api",
    erase="hub.metrics.service.forgetting:erase",
    permissions=("metrics.read", "metrics.write"),
)
