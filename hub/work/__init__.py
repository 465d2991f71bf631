"""Work that must not be lost: items, leases, dispatch, reconciler, schedules and events."""

from hub.core.area import Area, Schedule

AREA = Area(
    name="work",
    models="hub.work.models",
    handlers={"work.prune": "hub.work.jobs:prune"},
    schedules=(Schedule("work.prune", "work.prune", every_seconds=86_400),),
)
