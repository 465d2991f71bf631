"""Ownership: who answers for a result, and who for its data."""

from hub.core.area import Area

AREA = Area(
    name="ownership",
    models="hub.ownership.models",
    pages="hub.ownership.pages:pages",
    history="hub.ownership.history:fill",
    panels={"metrics.metric": "hub.ownership.panels:metric"},
)
