"""Which series a record is about: found by how rows name it, or founded when it is met for the first time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median_low
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.connections.models import Connection
from hub.metrics.calendars import rules_calendar
from hub.metrics.models import Calendar, Metric, Series
from hub.metrics.service import MetricDraft, SeriesDraft, define_metric, define_series
from hub.people.models import OrgUnit
from hub.syncing.mapping import LongLayout, Traits
from hub.syncing.models import ExternalRef
from hub.syncing.service.cells import UnusableError
from hub.syncing.service.storing import Known
from rules import calendars
from rules.durations import DAY
from rules.errors import RulesError

BY = "system:syncing"
SERIES = "series"
"""Role and kind under which a series is known by how rows name it."""
CADENCES = ((1, "daily"), (7, "weekly"), (31, "monthly"), (92, "quarterly"), (366, "yearly"))
"""Days from one period to the next, at most, and what that is called."""
USUAL_CADENCE = "monthly"
"""Where one period alone is known."""


@dataclass(frozen=True)
class Subject:
    """Which series a row is about, as the row names it."""

    metric: str
    org_unit: str
    segment: str

    @property
    def external_id(self) -> str:
        """Give the one text that stands for it."""
        return f"{self.metric}|{self.org_unit}|{self.segment}"[:300]


@dataclass(frozen=True)
class Origin:
    """Whose records they are, and how they are read."""

    connection: Connection
    stream: str
    layout: LongLayout
    now: datetime


def known_units(session: Session, origin: Origin, records: Iterable[Known]) -> frozenset[str]:
    """Give those of the org units named in records that there are."""
    named = {str(origin.layout.read(record.data, "org_unit") or "") for record in records} - {""}
    return frozenset(session.scalars(select(OrgUnit.key).where(OrgUnit.key.in_(named))).all()) if named else frozenset()


def subject_of(origin: Origin, data: Mapping[str, Any], units: frozenset[str]) -> Subject:
    """Say which series a record is about; raises UnusableError."""
    metric = str(origin.layout.read(data, "metric") or "").strip()
    if not metric:
        column = origin.layout.column("metric")
        raise UnusableError(column, "no metric is named", "Name the metric, or say in the mapping which one it is.")
    org_unit = str(origin.layout.read(data, "org_unit") or "").strip()
    if org_unit and org_unit not in units:
        column = origin.layout.column("org_unit")
        raise UnusableError(column, f"there is no org unit {org_unit!r}", "Add the org unit, or correct its key.")
    return Subject(metric, org_unit, str(origin.layout.read(data, "segment") or "").strip())


Found = tuple[Series, calendars.Calendar]


def find_series(
    session: Session, origin: Origin, usable: Sequence[tuple[Known, Subject]]
) -> dict[Subject, Found | UnusableError]:
    """Find the series of each subject, and found those that are met for the first time, or say why that cannot be."""
    rows_of: dict[Subject, list[Known]] = {}
    for record, subject in usable:
        rows_of.setdefault(subject, []).append(record)
    found: dict[Subject, Found | UnusableError] = {}
    for subject, records in rows_of.items():
        known = session.scalar(
            select(Series)
            .join(ExternalRef, ExternalRef.entity_id == Series.id)
            .where(
                ExternalRef.connection_id == origin.connection.id,
                ExternalRef.stream == origin.stream,
                ExternalRef.external_id == subject.external_id,
                ExternalRef.role == SERIES,
            )
        )
        try:
            series = known or _found_series(session, origin, subject, records)
        except UnusableError as error:
            found[subject] = error
            continue
        found[subject] = (series, rules_calendar(session.get_one(Calendar, series.calendar_id)))
    return found


def _found_series(session: Session, origin: Origin, subject: Subject, records: Sequence[Known]) -> Series:
    """Take over the series that measures this already, or define one; remember how its rows name it."""
    unit = session.get_one(OrgUnit, origin.connection.org_unit_id)
    if subject.org_unit:
        unit = session.scalars(select(OrgUnit).where(OrgUnit.key == subject.org_unit)).one()
    traits = origin.layout.traits_of(subject.metric)
    metric = session.scalar(select(Metric).where(Metric.key == key_of(subject.metric)))
    if metric is None:
        metric = define_metric(session, _metric_draft(subject, traits, unit.id), by=BY, now=origin.now)
    else:
        _refuse_second_name(session, origin, subject, metric)
    series = session.scalar(
        select(Series).where(
            Series.metric_id == metric.id, Series.org_unit_id == unit.id, Series.segment == subject.segment
        )
    )
    draft = _series_draft(series) if series else _new_series(session, origin, metric, subject, records, unit=unit)
    if draft.connection_id is None:
        draft = draft.model_copy(update={"connection_id": origin.connection.id})
    series = define_series(session, draft, by=BY, now=origin.now)
    session.add(
        ExternalRef(
            connection_id=origin.connection.id,
            stream=origin.stream,
            external_id=subject.external_id,
            role=SERIES,
            entity_kind=SERIES,
            entity_id=series.id,
        )
    )
    session.flush()
    return series


def _refuse_second_name(session: Session, origin: Origin, subject: Subject, metric: Metric) -> None:
    """Keep two metrics of one source apart whose names make one key: their values would make one series."""
    ids = session.scalars(
        select(ExternalRef.external_id)
        .join(Series, Series.id == ExternalRef.entity_id)
        .where(
            ExternalRef.connection_id == origin.connection.id,
            ExternalRef.role == SERIES,
            Series.metric_id == metric.id,
        )
    )
    others = {one.rsplit("|", 2)[0] for one in ids} - {subject.metric}
    if others:
        reason = f"{subject.metric!r} and {min(others)!r} would both be the metric {metric.key}"
        remedy = "Rename one of them at its source: a key holds letters, digits and . _ : / - only."
        raise UnusableError(origin.layout.column("metric"), reason, remedy)


def _metric_draft(subject: Subject, traits: Traits, org_unit_id: int) -> MetricDraft:
    return MetricDraft(
        key=key_of(subject.metric),
        name=traits.name or subject.metric[:200],
        org_unit_id=org_unit_id,
        unit=traits.unit,
        kind=traits.kind,
        direction=traits.direction,
        self_reported=traits.self_reported,
        wording=traits.definition,
    )


def _series_draft(series: Series) -> SeriesDraft:
    return SeriesDraft(**{name: getattr(series, name) for name in SeriesDraft.model_fields})


def _new_series(
    session: Session,
    origin: Origin,
    metric: Metric,
    subject: Subject,
    records: Sequence[Known],
    *,
    unit: OrgUnit,
) -> SeriesDraft:
    traits = origin.layout.traits_of(subject.metric)
    return SeriesDraft(
        key=_free_key(session, metric.key, unit.key, subject.segment),
        metric_id=metric.id,
        org_unit_id=unit.id,
        segment=subject.segment,
        cadence=traits.cadence or guess_cadence(origin.layout, records),
        latency=traits.latency,
        function=unit.function or "",
    )


def _free_key(session: Session, metric: str, unit: str, segment: str) -> str:
    """Name a series after its metric; the second one of a metric names its org unit and segment too."""
    longer = "/".join(part for part in (metric, unit, key_of(segment) if segment else "") if part)
    taken = session.scalar(select(Series.id).where(Series.key == metric))
    return longer[:120] if taken is not None or segment else metric


def key_of(name: str) -> str:
    """Make a key of what rows call something."""
    return re.sub(r"[^A-Za-z0-9._:/-]+", "-", name).strip("-._:/")[:120] or "metric"


def guess_cadence(layout: LongLayout, records: Sequence[Known]) -> str:
    """Read a cadence off the distances of the periods: by the days of their starts, whatever the zone."""
    calendar = calendars.Calendar()
    read = (_start_or_none(calendar, layout, record) for record in records)
    gaps = [
        (after - before) / DAY for before, after in pairwise(sorted({start for start in read if start is not None}))
    ]
    if not gaps:
        return USUAL_CADENCE
    usual = median_low(gaps)
    return next((name for days, name in CADENCES if usual <= days), "yearly")


def _start_or_none(calendar: calendars.Calendar, layout: LongLayout, record: Known) -> int | None:
    try:
        return calendar.read(str(layout.read(record.data, "period_start")))
    except RulesError:
        return None
