"""The scale on which a metric's records lie: how many there are below a value, the steps they come in, and heaps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rules.columns import Numbers, Rows
from rules.history import History

_FINEST = 10**6
"""A grid of more steps than this is no grid: the scale is taken as continuous."""
_WHOLE = 1e-3
_COMBS = (100, 60, 50, 30, 25, 20, 15, 12, 10, 5, 4, 2)
_HEAPED = 1.5
"""So many times the even share lies on a comb's teeth."""
_FEW_STEPS = 40
_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Sample:
    """Records by value: `values` rise, `below` counts the records before each of them and, last, all."""

    values: Numbers
    below: Numbers

    @classmethod
    def of(cls, values: Numbers, counts: Numbers) -> Sample:
        order = np.argsort(values, kind="stable")
        return cls(values[order], np.concatenate(([0.0], np.cumsum(counts[order]))))

    @property
    def size(self) -> float:
        """How many records there are."""
        return float(self.below[-1])

    def under(self, at: Numbers) -> Numbers:
        """Return how many records lie below each of some values."""
        return self.below[np.searchsorted(self.values, at, "left")]

    def quantile(self, share: float) -> float:
        """Return the smallest value that at least a share of the records does not exceed."""
        row = int(np.searchsorted(self.below[1:], share * self.size, "left"))
        return float(self.values[min(row, len(self.values) - 1)])

    def mirrored(self) -> Sample:
        """Return the sample with the signs of all values turned."""
        counts = np.diff(self.below)
        return Sample.of(-self.values[::-1], counts[::-1])


def samples(history: History, rows: Rows) -> dict[int, Sample]:
    """Return the records of each series that has any, by the series' row."""
    records, found = history.records, dict[int, Sample]()
    for row in rows.tolist():
        part = slice(records.offsets[row], records.offsets[row + 1])
        values, counts = records.value[part], records.count[part]
        known = ~np.isnan(values)
        if known.any():
            weights = np.where(np.isnan(counts), 1.0, counts)[known]
            found[row] = Sample.of(values[known], weights)
    return found


def together(parts: Iterable[Sample]) -> Sample:
    """Return the records of several samples as one."""
    listed = list(parts)
    values = np.concatenate([part.values for part in listed])
    return Sample.of(values, np.concatenate([np.diff(part.below) for part in listed]))


def grid(sample: Sample) -> float:
    """Return the step of which all values are multiples apart, 0 where the scale is continuous."""
    distinct = np.unique(sample.values)
    if len(distinct) < 2:  # noqa: PLR2004 - one value has no distance
        return 0.0
    step = float(np.diff(distinct).min())
    steps = (distinct - distinct[0]) / step
    whole = steps[-1] <= _FINEST and bool((np.abs(steps - np.rint(steps)) < _WHOLE).all())
    return step if whole else 0.0


def comb(sample: Sample, step: float) -> float:
    """Return the distance between the heaps of a gridded scale (60 for minutes in seconds), its step without heaps."""
    counts = np.diff(sample.below)
    steps = np.rint(sample.values / step)
    wide = steps[-1] - steps[0]
    for teeth in _COMBS:
        if wide < teeth * _FEW_STEPS:
            continue
        on = counts[steps % teeth == 0].sum()
        finer = (part for part in (*_COMBS, 1) if part < teeth and teeth % part == 0)
        # Heaps on fifties are none of their own where all lie on tens: every comb inside has to be beaten.
        if all(on > _HEAPED * counts[steps % part == 0].sum() * part / teeth for part in finer):
            return teeth * step
    return step


def common_step(layer: Numbers) -> Numbers:
    """Return for each series the largest step of which all its values are multiples, down to a millionth."""
    found = np.zeros(len(layer))
    for decimals in range(_DECIMALS + 1):
        scaled = layer * 10.0**decimals
        whole = np.rint(scaled)
        fits = (found == 0) & np.all(np.isnan(layer) | (np.abs(scaled - whole) < 1e-4), axis=1)  # noqa: PLR2004 - rounding
        if fits.any():
            integers = np.abs(np.where(np.isnan(whole[fits]), 0, whole[fits]))
            common = np.gcd.reduce(np.minimum(integers, 2.0**62).astype(np.int64), axis=1)
            found[fits] = np.maximum(common, 1) * 10.0**-decimals
    finest = 10.0**-_DECIMALS
    return np.where(found == 0, finest, found)
