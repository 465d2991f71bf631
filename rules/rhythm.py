"""When the news of a series came, and the rhythm that can be learned from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.calendars import UNKNOWN
from rules.columns import Flags, Instants, Numbers, Rows
from rules.durations import DAY
from rules.history import History
from rules.tables import Observations

RECENT = 24
"""A rhythm is learned from so many of the newest distances; of values, one more."""
_FOUR_WEEKS = 28 * DAY
_MOST_IN_FOUR_WEEKS = 28 * 24
_FEW = 12
EVERY_DAY = 0b1111111


@dataclass(frozen=True, eq=False)
class News:
    """The newest period with a value, one row a series; UNKNOWN where there is none.

    `firsts` are the first versions of all periods that count, `row` the newest one's row among them.
    """

    firsts: Observations
    row: Rows
    start: Instants
    end: Instants
    known_at: Instants

    @property
    def there(self) -> Flags:
        """Which series have any."""
        return self.row >= 0


def counting(history: History) -> Observations:
    """Return the versions with a value, of periods that have begun and whose value was not taken back since."""
    values = history.observations
    there = ~np.isnan(values.value)
    if not there.all():
        last = np.flatnonzero(np.append(values.period_changes, True))
        there &= there[last[np.concatenate(([0], np.cumsum(values.period_changes)))]]
    there &= values.start <= history.as_of
    return values if there.all() else values.take(there)


def news(history: History) -> News:
    """Return the newest period with a value of each series."""
    firsts = counting(history).first
    row = np.where(np.diff(firsts.offsets) > 0, firsts.offsets[1:] - 1, -1)
    start, end, known_at = (
        np.where(row >= 0, column[row], UNKNOWN) if len(firsts) else np.full(len(row), UNKNOWN)
        for column in (firsts.start, firsts.end, firsts.recorded_at)
    )
    return News(firsts, row, start, end, known_at)


def usual_gap(firsts: Observations, wanted: Flags, share: float, least: int) -> Numbers:
    """Return for each wanted series a quantile of the distances between its recent periods' ends, NaN below `least`."""
    rows, owner = _recent_rows(firsts, wanted)
    after = np.flatnonzero(np.diff(owner) == 0) + 1
    gaps = (firsts.end[rows[after]] - firsts.end[rows[after - 1]]).astype(np.float64)
    return _quantile(gaps, owner[after], len(wanted), share, least)


def usual_lag(firsts: Observations, wanted: Flags, share: float, least: int) -> Numbers:
    """Return for each wanted series a quantile of the time from a period's end to its value, imputed times aside."""
    rows, owner = _recent_rows(firsts, wanted)
    real = ~firsts.recorded_imputed[rows]
    rows, owner = rows[real], owner[real]
    lags = np.maximum(firsts.recorded_at[rows] - firsts.end[rows], 0).astype(np.float64)
    return _quantile(lags, owner, len(wanted), share, least)


def weekdays(firsts: Observations, wanted: Flags, offset: int) -> Rows:
    """Return for each series, as bits from Monday on, the weekdays of its last four weeks; all where they are few.

    `offset` is the distance of the local clock from UTC. The middle of a period decides, so that an hour of daylight
    saving does not matter. Series that are not wanted report every day.
    """
    rows, owner = _recent_rows(firsts, wanted, _MOST_IN_FOUR_WEEKS)
    newest = np.zeros(len(wanted), dtype=np.int64)
    newest[owner] = firsts.start[rows]
    recent = firsts.start[rows] > newest[owner] - _FOUR_WEEKS
    rows, owner = rows[recent], owner[recent]
    middle = firsts.start[rows] + (firsts.end[rows] - firsts.start[rows]) // 2 + offset
    # 1970-01-01 was a Thursday, the fourth day of its week.
    found = np.zeros(len(wanted), dtype=np.int64)
    np.bitwise_or.at(found, owner, 1 << ((middle // DAY + 3) % 7))
    return np.where(np.bincount(owner, minlength=len(wanted)) >= _FEW, found, EVERY_DAY)


def _recent_rows(firsts: Observations, wanted: Flags, most: int = RECENT + 1) -> tuple[Rows, Rows]:
    """Return the rows of the newest periods of each wanted series, oldest first, and whose they are."""
    series = np.flatnonzero(wanted)
    ends = firsts.offsets[series + 1]
    counts = np.minimum(ends - firsts.offsets[series], most)
    owner = np.repeat(series, counts)
    before = np.repeat(np.cumsum(counts), counts) - np.arange(len(owner))
    return np.repeat(ends, counts) - before, owner


def _quantile(values: Numbers, owner: Rows, size: int, share: float, least: int) -> Numbers:
    """Return the smallest value that at least a share of each group does not exceed."""
    ordered = values[np.lexsort((values, owner))]
    counts = np.bincount(owner, minlength=size)
    starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
    enough = np.flatnonzero(counts >= max(least, 1))
    found = np.full(size, np.nan)
    found[enough] = ordered[starts[enough] + np.ceil(share * counts[enough]).astype(np.int64) - 1]
    return found
