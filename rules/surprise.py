"""How far each value of a series lies from what its own past suggests; nothing later is ever looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.columns import Numbers

_RECENT = 10
_SEASONS = 4
_MEMORY = 30
_LEAST = 6
_NORMAL = 1.4826
_WINSOR = 3.0
_CLEARLY = 0.9
"""A season is believed once it leaves clearly less to explain than the recent level does."""
_FINEST = 1e-3


@dataclass(frozen=True, eq=False)
class Surprise:
    """For each series and place the deviation from the expected value in usual deviations, and the expected value."""

    z: Numbers
    expected: Numbers


def medians(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return medians that leave NaN out, NaN where nothing is left; NumPy's own takes many times as long."""
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)
    count = (~np.isnan(ordered)).sum(axis=-1)
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    picked = [np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0] for at in (low, np.minimum(high, low + 1))]
    return np.where(count > 0, (picked[0] + picked[1]) / 2, np.nan)


def surprises(values: Numbers, season: int) -> Surprise:
    """Compare each value with the median of the recent ones and with that of the same place of earlier seasons.

    The season decides where it has explained clearly more so far; else whatever the value is nearer to. The scale is
    the robust deviation of the last residuals before it, widened for how few they are.
    """
    size, width = values.shape
    floor = np.maximum(_FINEST * np.nan_to_num(medians(np.abs(values), 1)), 1e-9)
    levels = [np.full((size, width), np.nan) for _ in range(2)]
    z, expected = np.full((size, width), np.nan), np.full((size, width), np.nan)
    for at in range(1, width):
        levels[0][:, at] = medians(values[:, max(0, at - _RECENT) : at], 1)
        earlier = [at - count * season for count in range(1, _SEASONS + 1) if at >= count * season]
        if len(earlier) > 1:
            levels[1][:, at] = medians(values[:, earlier], 1)
        past = slice(max(0, at - _MEMORY), at)
        scales, counts = zip(*(_scale(values[:, past] - level[:, past]) for level in levels), strict=True)
        far = [
            (values[:, at] - level[:, at]) / (np.maximum(scale, floor) * np.sqrt(1 + 2 / np.maximum(count, 1)))
            for level, scale, count in zip(levels, scales, counts, strict=True)
        ]
        clear = scales[1] < _CLEARLY * np.where(np.isnan(scales[0]), np.inf, scales[0])
        usual = clear | (np.abs(far[1]) < np.abs(far[0]))
        z[:, at] = np.where(usual, far[1], far[0])
        expected[:, at] = np.where(usual, levels[1][:, at], levels[0][:, at])
    return Surprise(z, expected)


def _scale(rest: Numbers) -> tuple[Numbers, Numbers]:
    """Return the larger of median deviation and winsorised root mean square, NaN from too few, and how many."""
    size = np.abs(rest)
    count = (~np.isnan(size)).sum(axis=1)
    middle = _NORMAL * medians(size, 1)
    clipped = np.minimum(np.nan_to_num(size), np.nan_to_num(_WINSOR * middle)[:, None])
    square = np.sqrt((clipped**2).sum(axis=1) / np.maximum(count, 1))
    return np.where(count >= _LEAST, np.maximum(middle, square), np.nan), count.astype(np.float64)
