"""Observations as a matrix: one row a series, one column a period of its cadence, the newest period on the right.

What a series has in the matrix never depends on which other series are there: runs over blocks end like one run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rules.calendars import cadence
from rules.columns import Instants, Numbers, Rows
from rules.distinct import each_distinct
from rules.durations import DAY, HOUR, MINUTE, SECOND, Duration
from rules.history import History
from rules.rhythm import counting
from rules.tables import Observations

_USUAL = (
    (27 * DAY, 32 * DAY, Duration(months=1)),
    (88 * DAY, 94 * DAY, Duration(months=3)),
    (363 * DAY, 368 * DAY, Duration(months=12)),
    (7 * DAY, 7 * DAY, Duration(days=7)),
    (DAY, DAY, Duration(days=1)),
)
"""Distances of starts by which a cadence that nobody declared is known."""
_EPOCH_DAY = 719_163
MONTHLY = Duration(months=1)


@dataclass(frozen=True, eq=False)
class Grid:
    """The newest values of series of one cadence.

    `rows[i, j]` is the row of `observations` for series `series[i]` in period number `first[i] + j`, -1 where there is
    no value. Numbers of months count from January of year 0, of weeks from a Monday, others from 1970.
    """

    length: Duration
    series: Rows
    first: Rows
    rows: Rows
    observations: Observations

    def column(self, name: str) -> Numbers:
        """Return a column of the observations as a matrix, NaN where there is no value."""
        values: Numbers = getattr(self.observations, name)
        if not len(values):
            return np.full(self.rows.shape, np.nan)
        return np.where(self.rows >= 0, values[self.rows], np.nan)

    @cached_property
    def values(self) -> Numbers:
        """The values."""
        return self.column("value")

    @property
    def numbers(self) -> Rows:
        """The number of each column's period, where all series begin with the same."""
        numbers: Rows = self.first[0] + np.arange(self.rows.shape[1])
        return numbers

    @cached_property
    def known(self) -> Rows:
        """How many values each series has."""
        count: Rows = (self.rows >= 0).sum(axis=1)
        return count

    @cached_property
    def oldest(self) -> Rows:
        """The column of each series' oldest value, 0 without any."""
        column: Rows = np.argmax(self.rows >= 0, axis=1)
        return column

    @cached_property
    def newest(self) -> Rows:
        """The column of each series' newest value, the last column without any."""
        column: Rows = self.rows.shape[1] - 1 - np.argmax(self.rows[:, ::-1] >= 0, axis=1)
        return column


def grids(history: History, rows: Rows, most: int, *, together: bool = False) -> Iterator[Grid]:
    """Yield a grid for each cadence among some series, of at most so many of each one's newest periods.

    A column is one and the same period for all series where they are looked at `together`; else the last column is the
    newest period of each.
    """
    values = counting(history).latest
    lengths = _lengths(history, values, rows)
    for length in sorted(set(lengths.values()), key=str):
        chosen = np.array([row for row in rows.tolist() if lengths.get(row) == length], dtype=np.int64)
        place = np.full(len(history.series), -1)
        place[chosen] = np.arange(len(chosen))
        kept = np.flatnonzero(place[values.owner] >= 0)
        if not len(kept):
            continue
        number = _numbers(history, values, kept, length)
        owner = place[values.owner[kept]]
        newest = np.full(len(chosen), int(number.min()))
        np.maximum.at(newest, owner, number)
        recent = number > newest[owner] - most
        kept, owner, number = kept[recent], owner[recent], number[recent]
        age = newest[owner] - number
        if together:
            last = np.full(len(chosen), int(newest.max()))
            width = int(last[0] - number.min()) + 1
        else:
            last, width = newest, int(age.max()) + 1
        first = last - width + 1
        matrix = np.full((len(chosen), width), -1)
        matrix[owner, number - first[owner]] = kept
        yield Grid(length, chosen, first, matrix, values)


def _lengths(history: History, values: Observations, rows: Rows) -> dict[int, Duration]:
    """Return the length of a period of each series that has a cadence, declared or plain to see."""
    known = {text: cadence(text) for text in set(history.series.cadence)}
    found = {}
    for row in rows.tolist():
        text = history.series.cadence[row]
        length = known[text] if text else _seen(values.start[values.offsets[row] : values.offsets[row + 1]])
        if length is not None:
            found[row] = length
    return found


def _seen(starts: Instants) -> Duration | None:
    if len(starts) < len(_USUAL):
        return None
    usual = int(np.median(np.diff(starts)))
    for low, high, length in _USUAL:
        if low <= usual <= high:
            return length
    exact = usual if usual < DAY and usual % SECOND == 0 and HOUR % max(usual, MINUTE) == 0 else 0
    return Duration(microseconds=exact) if exact else None


def _numbers(history: History, values: Observations, kept: Rows, length: Duration) -> Rows:
    """Return the number of the period in which each value's period begins, by the wall clock of its calendar."""
    starts = values.start[kept]
    if not length.months and not length.days:
        return starts // length.microseconds
    days = _days(history, values, kept)
    if length.days:
        # 1970-01-01 was a Thursday: three days later than a Monday.
        return (days + 3) // length.days if length.days % 7 == 0 else days // length.days
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12
    return months // length.months


def _days(history: History, values: Observations, kept: Rows) -> Rows:
    """Return the local day on which each value's period begins, in days since 1970."""
    starts, names = values.start[kept], history.series.calendar[values.owner[kept]]
    days = starts // DAY
    for name in set(history.series.calendar[np.unique(values.owner[kept])]):
        calendar = history.calendar(name)
        if calendar.zone != "UTC":
            own = names == name
            local = each_distinct(lambda at, known=calendar: known.day_of(int(at)).toordinal(), starts[own])
            days[own] = local - _EPOCH_DAY
    return days
