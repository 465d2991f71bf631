"""Who answers for what on one day, where people work, and which functions do the work: the graph of ownership."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rules.calendars import UNKNOWN
from rules.durations import Duration
from rules.history import History
from rules.subjects import org_path

WORK = frozenset({"works_on"})
"""Kinds of link that say who does the work."""
_COLLEAGUES = 2


@dataclass(frozen=True, eq=False)
class Owners:
    """The holders of one role on the day of a history."""

    history: History
    role: str

    @property
    def known(self) -> bool:
        """Whether this history knows people or owners at all; without either, nothing is missing."""
        return bool(len(self.history.people) or len(self.history.ownership))

    def holders(self, kind: str, row: int) -> tuple[str, ...]:
        """Return who holds the role for a subject: its own column and the current terms, sorted."""
        table = self.history.subjects(kind)
        named = getattr(table, self.role, None)
        own = {named[row]} if named is not None and named[row] else set()
        return tuple(sorted(own | self._terms.get(table.ids[row], set())))

    @cached_property
    def _current(self) -> list[int]:
        terms, now = self.history.ownership, self.history.as_of
        ends = np.where(terms.end == UNKNOWN, 2**62, terms.end)
        return np.flatnonzero((terms.role == self.role) & (terms.start <= now) & (now < ends)).tolist()

    @cached_property
    def _terms(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for row in self._current:
            found.setdefault(self.history.ownership.subject[row], set()).add(self.history.ownership.person[row])
        return found

    @cached_property
    def load(self) -> Counter[str]:
        """How many subjects each person holds the role for, by the table of terms alone: it is whole in every block."""
        return Counter(person for people in self._terms.values() for person in people)

    def usual_load(self, person: str) -> float:
        """Return the median load of the other holders in the same org unit, of all others where there are too few."""
        unit = self._unit(person)
        others = [name for name in self.load if name != person]
        near = [name for name in others if unit and self._unit(name) == unit]
        loads = [self.load[name] for name in (near if len(near) >= _COLLEAGUES else others)]
        return float(np.median(loads)) if loads else 0.0

    def _unit(self, person: str) -> str:
        row = self.history.people.row_of.get(person)
        return "" if row is None else str(self.history.people.org_unit[row])

    def gone(self, person: str, patience: Duration) -> int | None:
        """Return since when somebody is no longer there (UNKNOWN: nobody knows since when), None while they are."""
        people = self.history.people
        row = people.row_of.get(person)
        if row is None:
            return None
        left = int(people.left_at[row])
        if left == UNKNOWN:
            return None if people.active[row] else UNKNOWN
        over = self.history.calendar("").add(left, patience) <= self.history.as_of
        return left if over or (not people.active[row] and left > self.history.as_of) else None

    def function_of(self, person: str) -> str:
        """Return the function in which somebody works, by themselves or by their org unit."""
        people = self.history.people
        row = people.row_of.get(person)
        return "" if row is None else people.function[row] or self.function_of_unit(people.org_unit[row])

    def function_of_unit(self, unit: str) -> str:
        """Return the function of an org unit, or of the nearest one above it that has any."""
        units = self.history.org_units
        rows = (units.row_of.get(name) for name in org_path(self.history, unit))
        return next((units.function[row] for row in rows if row is not None and units.function[row]), "")

    def above(self, person: str, unit: str) -> bool:
        """Tell whether somebody works in an org unit or in one above it."""
        row = self.history.people.row_of.get(person)
        return row is not None and bool(unit) and self.history.people.org_unit[row] in org_path(self.history, unit)

    def working(self, kind: str, row: int) -> frozenset[str]:
        """Return the functions that do a subject's work: by links, else its own function, else its org unit's."""
        table = self.history.subjects(kind)
        linked = self._workers.get(table.ids[row], frozenset())
        own = table.function[row] or self.function_of_unit(table.org_unit[row])  # type: ignore[attr-defined] # both have them
        return linked or frozenset({own} - {""})

    @cached_property
    def _workers(self) -> dict[str, frozenset[str]]:
        links, found = self.history.links, dict[str, set[str]]()
        for row in np.flatnonzero(np.isin(links.kind, list(WORK))).tolist():
            ends = (links.source[row], links.target[row])
            for subject, other in (ends, ends[::-1]):
                function = self.function_of(other) or self.function_of_unit(other)
                if function:
                    found.setdefault(subject, set()).add(function)
        return {subject: frozenset(functions) for subject, functions in found.items()}
