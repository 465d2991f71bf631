"""Take observations from whoever has numbers and no connector: what cannot be used is given back, item by item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.audit.service import record as audit
from hub.core.access import Permission, Principal, visible
from hub.core.instants import from_micros
from hub.metrics.calendars import rules_calendar
from hub.metrics.models import Calendar, Metric, Series
from hub.metrics.service.dictionary import MetricDraft, SeriesDraft, define_metric, define_series
from hub.metrics.service.observations import ObservationDraft, Recorded, record_observations
from rules import calendars
from rules.errors import RulesError

_AT_ONCE = 500
"""Names per statement: databases limit the number of parameters."""


@dataclass(frozen=True)
class Pushed:
    """What somebody says about one period; dates are texts, read in the calendar of the series."""

    series: str
    """Public id or key."""
    period_start: str
    value: float | None
    period_end: str | None = None
    numerator: float | None = None
    denominator: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class Founding:
    """What to make of a series that is not there yet: a metric of the same key, measured in this org unit."""

    org_unit_id: int
    cadence: str
    unit: str = ""
    latency: str = ""


@dataclass(frozen=True)
class Refusal:
    """An item that was not recorded: which one (from 0), what is wrong with it, what to do."""

    index: int
    field: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Taken:
    """What became of a push."""

    recorded: Recorded
    refused: Sequence[Refusal]


class _UnusableError(Exception):
    def __init__(self, field: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.field = field
        self.remedy = remedy


def push_observations(
    session: Session, items: Sequence[Pushed], *, founding: Founding | None, principal: Principal, now: datetime
) -> Taken:
    """Record what can be used; pushing the same again adds nothing."""
    found = _find(session, {item.series for item in items}, principal)
    known: dict[int, calendars.Calendar] = {}
    drafts, refused = [], []
    for index, item in enumerate(items):
        try:
            series = found.get(item.series)
            if series is None:
                series = found[item.series] = _found_series(session, item.series, founding, principal, now)
            _refuse_fed(series)
            if series.calendar_id not in known:
                known[series.calendar_id] = rules_calendar(session.get_one(Calendar, series.calendar_id))
            drafts.append(_read(item, series, known[series.calendar_id]))
        except _UnusableError as error:
            refused.append(Refusal(index, error.field, str(error), error.remedy))
    recorded = record_observations(session, drafts, now=now)
    if recorded.created:
        _note(session, found, recorded, principal, now)
    return Taken(recorded, refused)


def _find(session: Session, names: Iterable[str], principal: Principal) -> dict[str, Series]:
    """Find the series that are named and that the principal may write to."""
    wanted = sorted(names)
    found: dict[str, Series] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        named = select(Series).where(or_(Series.key.in_(part), Series.public_id.in_(part)))
        for series in session.scalars(visible(named, principal, Series, Permission.METRICS_WRITE)):
            found |= {series.key: series, series.public_id: series}
    return found


def _found_series(session: Session, key: str, founding: Founding | None, principal: Principal, now: datetime) -> Series:
    if founding is None:
        reason = f"there is no series {key!r}, or you may not write to it"
        raise _UnusableError("series", reason, "Correct its id or key, or say in `define` what to make of new ones.")
    taken = select(Metric.id).where(Metric.key == key).union(select(Series.id).where(Series.key == key))
    if session.execute(taken).first() is not None:
        raise _UnusableError("series", f"the key {key!r} is taken", "Choose another key, or ask its owner for access.")
    try:
        metric = MetricDraft(key=key, name=key, org_unit_id=founding.org_unit_id, unit=founding.unit)
    except ValidationError as error:
        remedy = "A key begins with a letter or digit and holds letters, digits and . _ : / - only."
        raise _UnusableError("series", f"{key!r} is no key: {error.errors()[0]['msg']}", remedy) from None
    series = SeriesDraft(
        key=key,
        metric_id=define_metric(session, metric, by=principal, now=now).id,
        org_unit_id=founding.org_unit_id,
        cadence=founding.cadence,
        latency=founding.latency,
    )
    return define_series(session, series, by=principal, now=now)


def _refuse_fed(series: Series) -> None:
    if series.connection_id is not None:
        remedy = "Push under another key, or remove the series from the connection's mapping."
        raise _UnusableError("series", f"series {series.key} is fed by a connection", remedy)


def _read(item: Pushed, series: Series, calendar: calendars.Calendar) -> ObservationDraft:
    start = _instant("period_start", item.period_start, calendar, "start")
    end = None if item.period_end is None else _instant("period_end", item.period_end, calendar, "end")
    if end is not None and end <= start:
        raise _UnusableError("period_end", "the period ends before it begins", "Swap or correct the two dates.")
    if end is None and calendars.cadence(series.cadence) is None:
        raise _UnusableError("period_end", "an irregular series has no period length", "Give period_end as well.")
    return ObservationDraft(
        series_id=series.id,
        period_start=start,
        period_end=end,
        value=item.value,
        numerator=item.numerator,
        denominator=item.denominator,
        note=item.note,
    )


def _instant(field: str, text: str, calendar: calendars.Calendar, day: calendars.DayEdge) -> datetime:
    try:
        return from_micros(calendar.read(text, day=day))
    except (RulesError, OverflowError) as error:
        remedy = "Write a date as 2026-03-31, or an instant as 2026-03-31T08:00:00Z."
        raise _UnusableError(field, str(error), remedy) from None


def _note(
    session: Session, found: Mapping[str, Series], recorded: Recorded, principal: Principal, now: datetime
) -> None:
    """Say in the trail who brought numbers to which series."""
    for series in {one.id: one for one in found.values()}.values():
        if series.id in recorded.series_ids:
            subject = ("series", series.public_id)
            audit(session, action="observations.pushed", subject=subject, by=principal, detail={}, now=now)
