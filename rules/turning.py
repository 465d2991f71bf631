"""Whether series turned lately: a regression on a step or a ramp, its spread widened by the noise's memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.columns import Numbers, Rows
from rules.durations import Duration

_MOST_MEMORY = 0.9
_EDGE = 0.005
_LEAST_BEFORE = 8
_LEAST_SHARE = 0.7
SLACK = 2.0
"""A joint score counts only up to so much above the lesser of its parts: one part alone proves nothing."""
YEARS = {Duration(months=1): 12, Duration(days=7): 52, Duration(months=3): 8}
"""How many periods of each cadence are looked at as the recent past; twice as many before them are the past."""


@dataclass(frozen=True, eq=False)
class Turn:
    """For each series the size of the change, in the levels' unit, and its t-value; NaN where there is too little."""

    size: Numbers
    t: Numbers


def recent(levels: Numbers, newest: Rows, width: int) -> Numbers:
    """Return the columns of each series up to its newest one, NaN where it began later."""
    columns = newest[:, None] - np.arange(width - 1, -1, -1)[None, :]
    found = np.take_along_axis(levels, np.maximum(columns, 0), axis=1)
    return np.where(columns >= 0, found, np.nan)


def step(width: int, length: int) -> Numbers:
    """Return a regressor that is 1 in the last columns."""
    return (np.arange(width) >= width - length).astype(np.float64)


def ramp(width: int, length: int) -> Numbers:
    """Return a regressor that rises to 1 over the last columns."""
    return np.clip((np.arange(width) - (width - length) + 1) / length, 0, 1)


def turned(levels: Numbers, shape: Numbers) -> Turn:
    """Regress each series on a level and a shape; the variance grows with the noise's autocorrelation."""
    known = ~np.isnan(levels)
    y, x = np.where(known, levels, 0.0), np.where(known, shape[None, :], 0.0)
    count, late = known.sum(axis=1), known[:, shape > 0].sum(axis=1)
    enough = (late >= _LEAST_SHARE * (shape > 0).sum()) & (count - late >= _LEAST_BEFORE)
    n = np.maximum(count, 1)
    mean_x, mean_y = x.sum(axis=1) / n, y.sum(axis=1) / n
    off_x = np.where(known, x - mean_x[:, None], 0.0)
    off_y = np.where(known, y - mean_y[:, None], 0.0)
    squares = np.maximum((off_x**2).sum(axis=1), 1e-12)
    size = (off_x * off_y).sum(axis=1) / squares
    rest = off_y - size[:, None] * off_x
    variance = (rest**2).sum(axis=1) / np.maximum(count - 2, 1)
    memory = _memory(rest)
    error = np.sqrt(variance / squares * (1 + memory) / (1 - memory)) + 1e-12
    return Turn(np.where(enough, size, np.nan), np.where(enough, size / error, np.nan))


def _memory(rest: Numbers) -> Numbers:
    before = (rest[:, :-1] ** 2).sum(axis=1)
    found: Numbers = (rest[:, 1:] * rest[:, :-1]).sum(axis=1) / np.maximum(before, 1e-12)
    clipped: Numbers = np.clip(found, 0, _MOST_MEMORY)
    return clipped


def noise(levels: Numbers) -> Numbers:
    """Return the spread of each series after its own drift, from the median deviation of its changes."""
    changes = np.diff(levels, axis=1)
    some = (~np.isnan(changes)).any(axis=1)
    found = np.full(len(levels), np.nan)
    if some.any():
        centre = np.nanmedian(changes[some], axis=1)[:, None]
        found[some] = 1.4826 * np.nanmedian(np.abs(changes[some] - centre), axis=1) / np.sqrt(2)
    floored: Numbers = np.maximum(found, 1e-9)
    return floored


def log_odds(share: Numbers) -> Numbers:
    """Return the logarithm of the odds, kept finite near 0 and 1."""
    clipped = np.clip(share, _EDGE, 1 - _EDGE)
    odds: Numbers = np.log(clipped / (1 - clipped))
    return odds


PART = 1.64
"""Each part of a joint finding has to be there by itself, at the level of one in twenty."""


def jointly(whole: Numbers, first: Numbers, second: Numbers) -> Numbers:
    """Return a joint score, limited by the lesser of its two parts."""
    return np.minimum(whole, np.minimum(first, second) + SLACK)
