"""What was known about an organisation's measurements at one instant: the only thing a detector ever sees.

    history = History.build(
        as_of="2026-03-31",
        series=[{"id": "nps", "cadence": "weekly", "latency": "3d"}],
        observations=[{"series": "nps", "start": "2026-03-02", "value": 41, "recorded_at": "2026-03-10"}],
    )

`build` takes plain rows and leaves out whatever was recorded after `as_of`. Who already has columns (the hub, from one
blob a series) makes the tables with `Observations.of(...)` and the like, filtered by recorded_at, and calls
`History(as_of=..., series=..., ...)`; nothing is copied. Any table may be left out. For many instants of one past, keep
a `Ledger` and call `History.of(ledger, as_of)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from rules.calendars import Calendar, cadence
from rules.columns import Entities, Grouped, Rows, Table, Versioned
from rules.errors import HistoryError, suggest
from rules.ledger import Ledger, Row
from rules.tables import (
    Definitions,
    Events,
    Feeds,
    Links,
    Objectives,
    Observations,
    OrgUnits,
    Ownership,
    People,
    Records,
    Series,
    Targets,
)

SUBJECTS = ("series", "key_result", "objective")
"""The kinds of subject that a rule may be about."""

PERSONAL = frozenset({"reported_by", "set_by", "actor", "owner", "steward", "person", "note", "reason"})
"""Columns about persons, or with words of theirs: a statistic may use them, no evidence shows them."""


class Scope(NamedTuple):
    """The subjects that one rule asks about: their kind, and their rows in `history.subjects(kind)`."""

    kind: str
    rows: Rows


class Measures(NamedTuple):
    """Which series measure which subjects: row `series[i]` measures row `subject[i]`; sorted by both."""

    subject: Rows
    series: Rows


@dataclass(frozen=True, eq=False)
class History:
    """Frozen columns as known at `as_of`; every table is described in `rules.tables`."""

    as_of: int
    series: Series = field(default_factory=Series.empty)
    observations: Observations = field(default_factory=Observations.empty)
    targets: Targets = field(default_factory=Targets.empty)
    records: Records = field(default_factory=Records.empty)
    events: Events = field(default_factory=Events.empty)
    org_units: OrgUnits = field(default_factory=OrgUnits.empty)
    people: People = field(default_factory=People.empty)
    ownership: Ownership = field(default_factory=Ownership.empty)
    objectives: Objectives = field(default_factory=Objectives.empty)
    links: Links = field(default_factory=Links.empty)
    definitions: Definitions = field(default_factory=Definitions.empty)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    feeds: Feeds = field(default_factory=Feeds.empty)
    more: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    scope: Scope | None = None

    def __post_init__(self) -> None:
        """Check that grouped tables speak of these series and that every calendar named is there."""
        for name in ("observations", "targets", "records"):
            table: Observations | Targets | Records = getattr(self, name)
            if len(table):
                self._check(table)
            else:
                object.__setattr__(self, name, replace(table, offsets=np.zeros(len(self.series) + 1, dtype=np.int64)))
        for rhythm in set(self.series.cadence):
            cadence(rhythm)
        for calendar in set(self.series.calendar):
            if calendar and calendar not in self.calendars:
                raise HistoryError(
                    f"a series names the calendar {calendar!r}, which is not there{suggest(calendar, self.calendars)}"
                )

    def _check(self, table: Observations | Targets | Records) -> None:
        if len(table.offsets) != len(self.series) + 1:
            count = len(table.offsets)
            raise HistoryError(f"{table.name}.offsets has {count} entries, {len(self.series)} series need one more")
        if isinstance(table, Versioned) and not table.is_sorted:
            raise HistoryError(f"{table.name} is not sorted by {' and '.join(table.order)} within each series")
        if table.recorded_at.max() > self.as_of:
            raise HistoryError(f"{table.name} has rows recorded after as_of: leave them out, nothing may look ahead")

    @classmethod
    def build(
        cls,
        *,
        as_of: int | str | date,
        calendars: Iterable[Calendar | Row] = (),
        more: Mapping[str, Iterable[Row]] | None = None,
        **rows: Iterable[Row],
    ) -> Self:
        """Make a history from plain rows by table name; a plain date means the end of that day."""
        ledger = Ledger.of(calendars=calendars, more=more, **rows)
        if not isinstance(as_of, int):
            as_of = ledger.calendars.get("default", Calendar()).read(as_of, day="end")
        return cls.of(ledger, as_of)

    @classmethod
    def of(cls, ledger: Ledger, as_of: int) -> Self:
        """Make the history that was known at an instant."""
        return cls(as_of=as_of, **ledger.known(as_of))

    def scoped(self, kind: str, rows: Rows) -> Self:
        """Return the same columns with other subjects to ask about."""
        return replace(self, scope=Scope(kind, rows))

    def subjects(self, kind: str) -> Entities:
        """Return the table in which subjects of a kind are rows."""
        return self.series if kind == "series" else self.objectives

    def rows(self, kind: str) -> Rows:
        """Return the rows of every subject of a kind, in scope or not."""
        if kind == "series":
            return np.arange(len(self.series))
        return np.flatnonzero((self.objectives.level == "key_result") == (kind == "key_result"))

    @property
    def asked(self) -> Scope:
        """The subjects a detector has to test: the rule's scope, else all series."""
        return self.scope or Scope("series", self.rows("series"))

    def calendar(self, name: str) -> Calendar:
        """Return a calendar by name; without a name, the one called default or else UTC, Monday to Friday."""
        return self.calendars[name] if name else self.calendars.get("default", Calendar())

    def measures(self, kind: str) -> Measures:
        """Return which series measure the subjects of a kind."""
        if kind == "series":
            return Measures(self.rows("series"), self.rows("series"))
        return self._measured

    def whole(self, kind: str) -> Rows:
        """Return the rows of the subjects all of whose series are here, and none in another block."""
        rows = self.rows(kind)
        return rows if kind == "series" else np.setdiff1d(rows, self._measured_elsewhere)

    @cached_property
    def _measured_elsewhere(self) -> Rows:
        """Objectives with a `measures` link that leads to no row of this history, and their parents."""
        here = self.objectives.row_of
        split: set[int] = set()
        for row in np.flatnonzero(self.links.kind == "measures"):
            ends = {self.links.source[row], self.links.target[row]}
            if not ends & self.series.row_of.keys():
                split.update(here[end] for end in ends & here.keys())
        split.update(here[parent] for row in list(split) if (parent := self.objectives.parent[row]) in here)
        return np.array(sorted(split), dtype=np.int64)

    @cached_property
    def _measured(self) -> Measures:
        """Pairs from `measures` links in either direction; what measures a key result also measures its objective."""
        pairs: set[tuple[int, int]] = set()
        of_objective, of_series = self.objectives.row_of, self.series.row_of
        for row in np.flatnonzero(self.links.kind == "measures"):
            ends = self.links.source[row], self.links.target[row]
            for subject, series in (ends, ends[::-1]):
                if subject in of_objective and series in of_series:
                    pairs.add((of_objective[subject], of_series[series]))
        for subject, series in list(pairs):
            parent = of_objective.get(self.objectives.parent[subject])
            if self.objectives.level[subject] == "key_result" and parent is not None:
                pairs.add((parent, series))
        ordered = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
        return Measures(ordered[:, 0], ordered[:, 1])

    def describe(self, table: Table, row: int, *names: str) -> dict[str, object]:
        """Return one row as evidence: JSON values with the table's name and, where it is grouped, its series."""
        found: dict[str, object] = {"table": table.name}
        if isinstance(table, Grouped):
            found["series"] = self.series.id[table.owner[row]]
        return found | {name: value for name, value in table.plain(row, *names).items() if name not in PERSONAL}
