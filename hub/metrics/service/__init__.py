"""Everything one may do with the ledger; other areas write its tables only through these verbs."""

from hub.metrics.service.dictionary import (
    CalendarDraft,
    MetricDraft,
    SeriesDraft,
    define_calendar,
    define_metric,
    define_series,
    define_wording,
    find_metric,
    find_series,
)
from hub.metrics.service.observations import ObservationDraft, Recorded, record_observations
from hub.metrics.service.pushing import Founding, Pushed, Refusal, Taken, push_observations
from hub.metrics.service.reading import (
    definitions_as_of,
    latest,
    newest_versions,
    observations_as_of,
    targets_as_of,
    versions_of,
)
from hub.metrics.service.stretches import rebuild_columns
from hub.metrics.service.targets import TargetDraft, record_targets

__all__ = [
    "CalendarDraft",
    "Founding",
    "MetricDraft",
    "ObservationDraft",
    "Pushed",
    "Recorded",
    "Refusal",
    "SeriesDraft",
    "Taken",
    "TargetDraft",
    "define_calendar",
    "define_metric",
    "define_series",
    "define_wording",
    "definitions_as_of",
    "find_metric",
    "find_series",
    "latest",
    "newest_versions",
    "observations_as_of",
    "push_observations",
    "rebuild_columns",
    "record_observations",
    "record_targets",
    "targets_as_of",
    "versions_of",
]
