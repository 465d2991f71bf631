"""Say what is measured: calendars, metrics with their versioned definitions, series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.audit.service import Actor
from hub.audit.service import record as audit
from hub.core.errors import ConflictError, InvalidInputError, NotFoundError
from hub.core.ids import new_public_id
from hub.metrics.calendars import read_cadence, read_latency, rules_calendar, stretch_width
from hub.metrics.models import Calendar, Definition, Direction, Indicator, Kind, Metric, Series, Status
from hub.metrics.service.stretches import rebuild_columns

Entry = TypeVar("Entry", Calendar, Metric, Series)
Key = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
DEFAULT_CALENDAR = "default"


class _Draft(BaseModel):
    """What an entry is to look like, whole: what a draft leaves out gets its default, not what stood there before."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CalendarDraft(_Draft):
    """A calendar: zone, working days, holidays."""

    key: Key
    name: str = ""
    zone: str = "UTC"
    working_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    country: str = ""
    subdivision: str = ""
    days_off: tuple[date, ...] = ()
    week_start: int = 0
    year_start: int = 1


class MetricDraft(_Draft):
    """A metric; a wording that differs from the newest definition becomes a new version of it."""

    key: Key
    name: str = Field(min_length=1, max_length=200)
    org_unit_id: int
    unit: str = Field(default="", max_length=40)
    kind: Kind = Kind.MEASURE
    direction: Direction = Direction.NONE
    indicator: Indicator | None = None
    cutoffs: tuple[float, ...] = ()
    self_reported: bool = False
    incentive: bool = False
    status: Status = Status.ACTIVE
    wording: str = ""
    formula: str = ""


class SeriesDraft(_Draft):
    """A metric in one org unit; without a calendar it lives in the one called `default` (UTC, Monday to Friday)."""

    key: Key
    metric_id: int
    org_unit_id: int
    segment: str = Field(default="", max_length=120)
    cadence: str = "monthly"
    calendar_id: int | None = None
    latency: str = ""
    since: datetime | None = None
    validation_policy: Mapping[str, Any] = {}
    function: str = Field(default="", max_length=40)
    guardrail_id: int | None = None
    system_of_record_id: int | None = None
    peers: str = Field(default="", max_length=80)
    connection_id: int | None = None
    status: Status = Status.ACTIVE


def define_calendar(session: Session, draft: CalendarDraft, *, by: Actor | str, now: datetime) -> Calendar:
    """Add a calendar, or change the one of this key."""
    values = draft.model_dump() | {
        "name": draft.name or draft.key,
        "working_days": sorted(set(draft.working_days)),
        "days_off": [day.isoformat() for day in draft.days_off],
    }
    rules_calendar(Calendar(**values))
    calendar = session.scalar(select(Calendar).where(Calendar.key == draft.key))
    return _write(session, Calendar, calendar, values, by=by, now=now)


def define_metric(session: Session, draft: MetricDraft, *, by: Actor | str, now: datetime) -> Metric:
    """Add a metric, or change the one of this key."""
    values = draft.model_dump(exclude={"wording", "formula"}) | {"cutoffs": sorted(draft.cutoffs)}
    metric = session.scalar(select(Metric).where(Metric.key == draft.key))
    metric = _write(session, Metric, metric, values, by=by, now=now)
    if draft.wording or draft.formula:
        define_wording(session, metric, wording=draft.wording, formula=draft.formula, by=by, now=now)
    return metric


def define_wording(
    session: Session,
    metric: Metric,
    *,
    wording: str,
    formula: str = "",
    reason: str = "",
    starts_at: datetime | None = None,
    recorded_at: datetime | None = None,
    set_by: str | None = None,
    by: Actor | str,
    now: datetime,
) -> Definition:
    """Add a version of a metric's definition; the same words as the newest version are no news.

    `recorded_at` and `set_by` are what the source says, where there is one; who did it here is in the audit trail. A
    first wording that held before we heard of it and comes without a timestamp counts as known since then, imputed.
    """
    newest = session.scalar(
        select(Definition).where(Definition.metric_id == metric.id).order_by(Definition.version.desc()).limit(1)
    )
    if newest is not None and (newest.wording, newest.formula) == (wording, formula):
        return newest
    starts_at = starts_at or now
    imputed = newest is None and recorded_at is None and starts_at < now
    definition = Definition(
        public_id=new_public_id("def"),
        metric_id=metric.id,
        version=1 if newest is None else newest.version + 1,
        wording=wording,
        formula=formula,
        reason=reason,
        set_by=set_by,
        starts_at=starts_at,
        recorded_at=starts_at if imputed else min(recorded_at or now, now),
        recorded_imputed=imputed,
        ingested_at=now,
    )
    session.add(definition)
    session.flush()
    detail = {"definition": definition.public_id, "version": definition.version}
    audit(session, action="definition.added", subject=("metric", metric.public_id), by=by, detail=detail, now=now)
    return definition


def define_series(session: Session, draft: SeriesDraft, *, by: Actor | str, now: datetime) -> Series:
    """Add a series, or change the one of this key. Another cadence lays its columns out anew."""
    calendar_id = draft.calendar_id
    if calendar_id is None:
        calendar_id = _default_calendar(session, by=by, now=now).id
    values = draft.model_dump() | {
        "calendar_id": calendar_id,
        "cadence": read_cadence(draft.cadence),
        "latency": read_latency(draft.latency),
        "validation_policy": dict(draft.validation_policy),
    }
    _refuse_second_series(session, draft)
    series = session.scalar(select(Series).where(Series.key == draft.key))
    width = None if series is None else stretch_width(series.cadence)
    series = _write(session, Series, series, values, by=by, now=now)
    if width not in (None, stretch_width(series.cadence)):
        rebuild_columns(session, series.id)
    return series


def find_metric(session: Session, key: str) -> Metric:
    """Give the metric of this key or public id."""
    return _find(session, Metric, key)


def find_series(session: Session, key: str) -> Series:
    """Give the series of this key or public id."""
    return _find(session, Series, key)


def _find(session: Session, model: type[Entry], key: str) -> Entry:
    found = session.scalar(select(model).where((model.key == key) | (model.public_id == key)))
    if found is None:
        raise NotFoundError(f"there is no {model.__tablename__} {key!r}: look its key up in the list")
    return found


def _default_calendar(session: Session, *, by: Actor | str, now: datetime) -> Calendar:
    found = session.scalar(select(Calendar).where(Calendar.key == DEFAULT_CALENDAR))
    return found or define_calendar(session, CalendarDraft(key=DEFAULT_CALENDAR, name="Default"), by=by, now=now)


def _refuse_second_series(session: Session, draft: SeriesDraft) -> None:
    for pointer in ("guardrail_id", "system_of_record_id"):
        other = getattr(draft, pointer)
        if other is not None and session.get(Series, other) is None:
            raise InvalidInputError(f"{pointer} {other} is no series: define that series first")
    taken = session.scalar(
        select(Series.key).where(
            Series.metric_id == draft.metric_id,
            Series.org_unit_id == draft.org_unit_id,
            Series.segment == draft.segment,
            Series.key != draft.key,
        )
    )
    if taken is not None:
        raise ConflictError(f"series {taken!r} measures this already: use it, or give the new one a segment")


_PREFIXES: Mapping[str, str] = {"calendar": "cal", "metric": "met", "series": "ser"}


def _write(
    session: Session,
    model: type[Entry],
    row: Entry | None,
    values: Mapping[str, Any],
    *,
    by: Actor | str,
    now: datetime,
) -> Entry:
    kind = model.__tablename__
    if row is None:
        born = {"created_at": now} if hasattr(model, "created_at") else {}
        row = model(public_id=new_public_id(_PREFIXES[kind]), **values, **born)
        session.add(row)
        changed, action = dict(values), f"{kind}.added"
    else:
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        for name, value in changed.items():
            setattr(row, name, value)
        action = f"{kind}.changed"
    session.flush()
    if changed:
        audit(session, action=action, subject=(kind, row.public_id), by=by, detail=changed, now=now)
    return row
