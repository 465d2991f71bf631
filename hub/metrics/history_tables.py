"""The tables of rules.History that this area can fill: series, targets, definitions, calendars, org units, people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hub.core.instants import to_micros
from hub.metrics.calendars import rules_calendar
from hub.metrics.models import Calendar, Definition, Metric, Series, Status, Target
from hub.people.models import OrgUnit, Person
from rules import calendars
from rules import tables as rules_tables
from rules.calendars import UNKNOWN
from rules.durations import Duration

CHUNK = 5000
"""Ids that one statement asks for: below every database's limit of parameters."""


class SeriesRows(NamedTuple):
    """Series with what their metrics say about them, column by column."""

    id: Sequence[int]
    public_id: Sequence[str]
    key: Sequence[str]
    metric_id: Sequence[int]
    metric: Sequence[str]
    name: Sequence[str]
    unit: Sequence[str]
    kind: Sequence[str]
    direction: Sequence[str]
    indicator: Sequence[str | None]
    cutoffs: Sequence[Sequence[float]]
    self_reported: Sequence[bool]
    incentive: Sequence[bool]
    metric_status: Sequence[str]
    segment: Sequence[str]
    cadence: Sequence[str]
    calendar: Sequence[str]
    latency: Sequence[str]
    since: Sequence[datetime | None]
    org_unit_id: Sequence[int]
    function: Sequence[str]
    guardrail_id: Sequence[int | None]
    system_of_record_id: Sequence[int | None]
    peers: Sequence[str]
    status: Sequence[str]


_SERIES = (
    select(
        Series.id,
        Series.public_id,
        Series.key,
        Series.metric_id,
        Metric.public_id,
        Metric.name,
        Metric.unit,
        Metric.kind,
        Metric.direction,
        Metric.indicator,
        Metric.cutoffs,
        Metric.self_reported,
        Metric.incentive,
        Metric.status,
        Series.segment,
        Series.cadence,
        Calendar.key,
        Series.latency,
        Series.since,
        Series.org_unit_id,
        Series.function,
        Series.guardrail_id,
        Series.system_of_record_id,
        Series.peers,
        Series.status,
    )
    .join(Metric, Metric.id == Series.metric_id)
    .join(Calendar, Calendar.id == Series.calendar_id)
    .order_by(Series.id)
)


def read_series(session: Session, ids: Sequence[int] | None) -> SeriesRows:
    """Read some series (ids rising) or all, in the order of their ids."""
    rows = [row for statement in _limited(_SERIES, Series.id, ids) for row in session.execute(statement)]
    return SeriesRows(*(zip(*rows, strict=True) if rows else [()] * len(SeriesRows._fields)))


@dataclass(frozen=True)
class OrgUnitTree:
    """All org units, by id."""

    rows: Mapping[int, OrgUnit]

    @classmethod
    def read(cls, session: Session) -> OrgUnitTree:
        """Read the whole tree; an organisation has some hundred units."""
        return cls({unit.id: unit for unit in session.scalars(select(OrgUnit).order_by(OrgUnit.id))})

    @cached_property
    def functions(self) -> Mapping[int, str]:
        """Function of each unit, its own or that of the nearest unit above that names one."""
        found: dict[int, str] = {}
        for number, unit in self.rows.items():
            above: OrgUnit | None = unit
            while above is not None and not above.function:
                above = self.rows.get(above.parent_id) if above.parent_id else None
            found[number] = (above.function if above else None) or ""
        return found

    def key(self, number: int | None) -> str:
        """Give the key of a unit, by which rules name it in their YAML; empty where there is none."""
        return "" if number is None else self.rows[number].key

    def table(self) -> rules_tables.OrgUnits:
        """Give the units as rules see them."""
        units = self.rows.values()
        return rules_tables.OrgUnits.of(
            id=column(unit.key for unit in units),
            parent=column(self.key(unit.parent_id) for unit in units),
            title=column(unit.name for unit in units),
            function=column(self.functions[unit.id] for unit in units),
        )


def series_table(rows: SeriesRows, units: OrgUnitTree, said: Mapping[str, Mapping[str, Any]]) -> rules_tables.Series:
    """Give the series as rules see them; `said` holds columns that areas above fill, by public id."""
    names: dict[int | None, str] = dict(zip(rows.id, rows.public_id, strict=True))
    latency = {text: Duration.parse(text) if text else None for text in set(rows.latency)}
    org_units = {number: units.key(number) for number in set(rows.org_unit_id)}
    own_function = zip(rows.function, rows.org_unit_id, strict=True)
    named = zip(rows.name, rows.segment, strict=True)
    states = zip(rows.status, rows.metric_status, strict=True)
    columns = {
        "id": column(rows.public_id),
        "metric": column(rows.metric),
        "title": column([f"{name}, {segment}" if segment else name for name, segment in named]),
        "unit": column(rows.unit),
        "kind": column(rows.kind),
        "direction": column(rows.direction),
        "cadence": column(rows.cadence),
        "calendar": column(rows.calendar),
        "latency": objects([latency[text] for text in rows.latency]),
        "thresholds": objects([tuple(cutoffs) for cutoffs in rows.cutoffs]),
        "org_unit": column([org_units[number] for number in rows.org_unit_id]),
        "function": column([function or units.functions[number] for function, number in own_function]),
        "guardrail": column([names.get(number) for number in rows.guardrail_id]),
        "system_of_record": column([names.get(number) for number in rows.system_of_record_id]),
        "peers": column(rows.peers),
        "indicator": column(rows.indicator),
        "self_reported": np.array(rows.self_reported, dtype=np.bool_),
        "incentive": np.array(rows.incentive, dtype=np.bool_),
        "retired": np.array([Status.RETIRED in both for both in states], dtype=np.bool_),
        "labels": objects([{"key": key} for key in rows.key]),
        "since": instants(rows.since),
    }
    columns |= {name: column([values.get(row) for row in rows.public_id]) for name, values in said.items()}
    return rules_tables.Series.of(**columns)


def targets_table(
    session: Session, series: Mapping[int, str], as_of: datetime, *, everything: bool
) -> rules_tables.Targets:
    """Give the targets of some series (ids rising), all versions that were known at an instant."""
    statement = (
        select(
            Target.series_id,
            Target.period_start,
            Target.period_end,
            Target.target,
            Target.threshold,
            Target.stretch,
            Target.recorded_at,
            Target.set_by,
            Target.reason,
        )
        .where(Target.recorded_at <= as_of)
        .order_by(Target.series_id, Target.period_start, Target.recorded_at, Target.id)
    )
    ids = None if everything else list(series)
    rows = [row for part in _limited(statement, Target.series_id, ids) for row in session.execute(part)]
    places = np.searchsorted(np.array(list(series), dtype=np.int64), [row.series_id for row in rows])
    return rules_tables.Targets.of(
        start=instants(row.period_start for row in rows),
        end=instants(row.period_end for row in rows),
        target=numbers(row.target for row in rows),
        threshold=numbers(row.threshold for row in rows),
        stretch=numbers(row.stretch for row in rows),
        recorded_at=instants(row.recorded_at for row in rows),
        set_by=column(row.set_by for row in rows),
        reason=column(row.reason for row in rows),
        offsets=np.concatenate(([0], np.cumsum(np.bincount(places.astype(np.int64), minlength=len(series))))),
    )


def definitions_table(session: Session, metric_ids: set[int], as_of: datetime) -> rules_tables.Definitions:
    """Give the definitions of some metrics that were known at an instant."""
    statement = (
        select(Metric.public_id, Definition)
        .join(Metric, Metric.id == Definition.metric_id)
        .where(Definition.recorded_at <= as_of)
        .order_by(Metric.public_id, Definition.recorded_at, Definition.version)
    )
    rows = [row for row in session.execute(statement) if row.Definition.metric_id in metric_ids]
    return rules_tables.Definitions.of(
        metric=column(row.public_id for row in rows),
        wording=column(row.Definition.wording for row in rows),
        formula=column(row.Definition.formula for row in rows),
        valid_from=instants(row.Definition.starts_at for row in rows),
        reason=column(row.Definition.reason for row in rows),
        recorded_at=instants(row.Definition.recorded_at for row in rows),
    )


def people_table(session: Session, units: OrgUnitTree, as_of: datetime) -> rules_tables.People:
    """Give the persons, as active as they were at an instant."""
    rows = session.execute(
        select(Person.public_id, Person.org_unit_id, Person.active, Person.left_at).order_by(Person.id)
    ).all()
    gone = [row.left_at is not None and row.left_at <= as_of for row in rows]
    return rules_tables.People.of(
        id=column(row.public_id for row in rows),
        org_unit=column(units.key(row.org_unit_id) for row in rows),
        function=column(units.functions.get(row.org_unit_id, "") for row in rows),
        active=np.array(
            [not left and (row.active or row.left_at is not None) for row, left in zip(rows, gone, strict=True)],
            dtype=np.bool_,
        ),
        left_at=instants(row.left_at if left else None for row, left in zip(rows, gone, strict=True)),
    )


def all_calendars(session: Session) -> dict[str, calendars.Calendar]:
    """Give every calendar by its key."""
    return {row.key: rules_calendar(row) for row in session.scalars(select(Calendar))}


def column(values: Iterable[str | None]) -> NDArray[np.object_]:
    """Make a column of texts; None = unknown."""
    listed = ["" if value is None else value for value in values]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def objects(values: Sequence[object]) -> NDArray[np.object_]:
    """Make a column of objects, each as it is, also where it is a tuple."""
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def instants(values: Iterable[datetime | None]) -> NDArray[np.int64]:
    """Make a column of instants."""
    return np.array([UNKNOWN if value is None else to_micros(value) for value in values], dtype=np.int64)


def numbers(values: Iterable[float | None]) -> NDArray[np.float64]:
    """Make a column of numbers."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _limited(
    statement: Select[*tuple[Any, ...]], identity: InstrumentedAttribute[int], ids: Sequence[int] | None
) -> Iterable[Select[*tuple[Any, ...]]]:
    if ids is None:
        return [statement]
    return [statement.where(identity.in_(ids[place : place + CHUNK])) for place in range(0, len(ids), CHUNK)]
