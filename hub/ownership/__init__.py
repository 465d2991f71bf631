"""Ownership: who answers for a result, and who for its data."""

from hub.core.area import Area

AREA = Area(
    name="ownership",
    models="hub.ownership.models",
    history="hub.ownership.history:fill",
    panels={"metric": "hub.ownership.panels:metric"},
)
