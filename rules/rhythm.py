"""When the news of a series came, and the rhythm that can be learned from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.calendars import UNKNOWN
from rules.durations import DAY
from rules.history import History
from rules.tables import Flags, Instants, Numbers, Observations, Rows

RECENT = 24
"""A rhythm is learned from so many of the newest periods."""
_WEEKS = 28 * DAY
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


def usual_gap(firsts: Observations, share: float, least: int) -> Numbers:
    """Return for each series a quantile of the distances between the ends of its recent periods, NaN below `least`."""
    same = np.flatnonzero(np.diff(firsts.owner) == 0)
    recent = same[_age_rank(firsts)[same + 1] < RECENT]
    gaps = (firsts.end[recent + 1] - firsts.end[recent]).astype(np.float64)
    return _quantile(gaps, firsts.owner[recent], len(firsts.offsets) - 1, share, least)


def usual_lag(firsts: Observations, share: float, least: int) -> Numbers:
    """Return for each series a quantile of the time from a period's end to its value; imputed times do not count."""
    rows = np.flatnonzero(~firsts.recorded_imputed & (_age_rank(firsts) < RECENT))
    lags = np.maximum(firsts.recorded_at[rows] - firsts.end[rows], 0).astype(np.float64)
    return _quantile(lags, firsts.owner[rows], len(firsts.offsets) - 1, share, least)


def weekdays(firsts: Observations, newest: Instants, offset: int) -> Rows:
    """Return for each series, as bits from Monday on, the weekdays of its last four weeks; all where they are few.

    `offset` is the distance of the local clock from UTC. The middle of a period decides, so that an hour of daylight
    saving does not matter.
    """
    owner = firsts.owner
    recent = np.flatnonzero(firsts.start > newest[owner] - _WEEKS)
    middle = firsts.start[recent] + (firsts.end[recent] - firsts.start[recent]) // 2 + offset
    # 1970-01-01 was a Thursday, the fourth day of its week.
    bits = 1 << ((middle // DAY + 3) % 7)
    found = np.zeros(len(firsts.offsets) - 1, dtype=np.int64)
    np.bitwise_or.at(found, owner[recent], bits)
    counts = np.bincount(owner[recent], minlength=len(found))
    return np.where(counts >= _FEW, found, EVERY_DAY)


def _age_rank(firsts: Observations) -> Rows:
    """Return how many newer periods each row's series has."""
    return firsts.offsets[firsts.owner + 1] - 1 - np.arange(len(firsts))


def _quantile(values: Numbers, owner: Rows, size: int, share: float, least: int) -> Numbers:
    """Return the smallest value that at least a share of each group does not exceed."""
    ordered = values[np.lexsort((values, owner))]
    counts = np.bincount(owner, minlength=size)
    starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
    enough = np.flatnonzero(counts >= max(least, 1))
    found = np.full(size, np.nan)
    found[enough] = ordered[starts[enough] + np.ceil(share * counts[enough]).astype(np.int64) - 1]
    return found
