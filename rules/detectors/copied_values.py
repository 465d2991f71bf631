"""Copied values: a stretch of values repeats an earlier one exactly.

**What it says.** Two or more values in a row are the same, in the same order, as values some periods before, and chance
hardly does that on this scale. One case for each series: the least likely repeat (slot: its first day).

**Method.** At every distance the values (for ratios numerators and denominators too) are compared with the earlier
ones; the longest run of exact matches at each distance counts, unless it is one value all along, which other rules ask
about. By chance two values match with a probability of about the step of the scale over the spread of the differences
at that distance (the peak of a normal density, never less than the share of matches elsewhere). A run of k has that
probability to the power k, times the places where it could begin and the distances tried (Sidak).

**Source.** Exact n-gram matching, as in duplicate detection; the spread is a robust one (median deviation). The score
is minus the decimal logarithm of the p-value; the effect is the share of the values that repeat.

**Assumptions.** Differences at one distance are about normal and independent. The scale's step is the largest of which
all values are multiples, so a metric reported in hundreds is compared in hundreds.

**Minimum sample.** `least_values` values of a declared or plainly visible cadence.

**How it looks when someone does it.** Nobody measured, and the figures of an earlier month or of the same months last
year were entered again.

**Innocent explanations.** A plan or contract that is the same each year; a small count that has few values to take; an
estimate that stands in until the true value is known; a source that delivered an old file again.

**What would settle it.** The source's own figures for the repeated periods, or the file in which they came.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from rules.columns import Flags, Numbers, Rows, Texts
from rules.findings import Explanation, Findings, Skipped, Tested
from rules.grid import Grid, grids
from rules.history import History
from rules.registry import Params as Base
from rules.registry import detector
from rules.scale import common_step

_NEEDS_VALUES = "more values at a steady cadence"
_PEAK = 1 / np.sqrt(2 * np.pi)
_NORMAL = 1.4826


class Params(Base):
    """What may be set in a rule's `params`."""

    least_values: int = Field(default=12, ge=6, description="fewer values are not tested")
    least_run: int = Field(default=2, ge=2, description="so many values in a row at least")
    most_values: int = Field(default=400, ge=12, description="so many of the newest periods are compared")


@dataclass(frozen=True, eq=False)
class _Best:
    """The least likely repeat of each series of a grid: its length, distance and last column; length 0 where none."""

    p: Numbers
    length: Rows
    lag: Rows
    last: Rows


@detector(
    "copied_values",
    version=1,
    params=Params,
    clears="event",
    facts=("values", "periods_before", "first", "source"),
    effect="share",
)
def detect(history: History, params: Params) -> Findings:
    """Look in each series for the longest exact repeat of its own past that chance hardly explains."""
    asked = history.asked.rows
    tested: list[Tested] = []
    done: list[int] = []
    for grid in grids(history, asked, params.most_values):
        enough = grid.known >= params.least_values
        rows = np.flatnonzero(enough)
        if len(rows):
            tested.append(_tested(history, grid, rows, _search(grid, rows, params)))
            done += grid.series[rows].tolist()
    few = np.setdiff1d(asked, np.array(done, dtype=np.int64))
    return Findings(tuple(tested), (Skipped(few, _NEEDS_VALUES),) if len(few) else ())


def _search(grid: Grid, rows: Rows, params: Params) -> _Best:
    """Try every distance and keep the least likely repeat of each series."""
    layers = list(_layers(grid, rows))
    steps = [common_step(layer) for layer in layers]
    size, width = layers[0].shape
    best = _Best(np.ones(size), np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.int64))
    lags = range(1, width - params.least_run + 1)
    moved = np.concatenate((np.zeros((size, 1)), np.cumsum(np.diff(layers[0], axis=1) != 0, axis=1)), axis=1)
    for lag in lags:
        same = _same(layers, lag)
        some = np.flatnonzero((same[:, 1:] & same[:, :-1]).any(axis=1))
        if not len(some):
            continue
        length, last = _longest(same[some], moved[some, lag:])
        long = length >= params.least_run
        some, length, last = some[long], length[long], last[long]
        chance = _chance([layer[some] for layer in layers], [step[some] for step in steps], same[some], lag, length)
        places = np.maximum((~np.isnan(layers[0][some, lag:])).sum(axis=1) - length + 1, 1) * len(lags)
        p = -np.expm1(places * np.log1p(-np.minimum(chance**length, 1 - 1e-16)))
        better = p < best.p[some]
        kept = some[better]
        best.p[kept], best.length[kept] = p[better], length[better]
        best.lag[kept], best.last[kept] = lag, last[better] + lag
    return best


def _layers(grid: Grid, rows: Rows) -> Iterator[Numbers]:
    """Yield what has to match: the values and, of ratios that state them, both of their parts."""
    yield grid.values[rows]
    parts = [grid.column(name)[rows] for name in ("numerator", "denominator")]
    stated = np.asarray((~np.isnan(parts[0] + parts[1])).any(axis=1), dtype=np.bool_)
    if stated.any():
        for part in parts:
            yield np.where(np.reshape(stated, (-1, 1)), part, grid.values[rows])


def _same(layers: list[Numbers], lag: int) -> Flags:
    """Return which values equal the ones some periods before, in every layer."""
    found = np.asarray(layers[0][:, lag:] == layers[0][:, :-lag], dtype=np.bool_)
    for layer in layers[1:]:
        found = np.asarray(found & (layer[:, lag:] == layer[:, :-lag]), dtype=np.bool_)
    return found


def _longest(same: Flags, moved: Numbers) -> tuple[Rows, Rows]:
    """Return the length and the last column of each row's longest run in which the values are not all one."""
    columns = np.arange(same.shape[1])
    broken = np.maximum.accumulate(np.where(same, -1, columns), axis=1)
    length = np.where(same, columns - broken, 0)
    first = np.clip(broken + 1, 0, same.shape[1] - 1)
    varied = np.take_along_axis(moved, first, axis=1) < moved
    length = np.where(varied, length, 0)
    last = np.argmax(length, axis=1)
    return np.take_along_axis(length, last[:, None], axis=1)[:, 0], last


def _chance(layers: list[Numbers], steps: list[Numbers], same: Flags, lag: int, length: Rows) -> Numbers:
    """Return how likely one pair of values at a distance matches in every layer that stands for itself."""
    found: Numbers = np.ones(len(same))
    for layer, step in zip(layers[1:] or layers, steps[1:] or steps, strict=True):
        apart = layer[:, lag:] - layer[:, :-lag]
        spread = _NORMAL * np.nanmedian(np.abs(apart - np.nanmedian(apart, axis=1)[:, None]), axis=1)
        found *= np.minimum(1.0, _PEAK * step / np.maximum(spread, _PEAK * step))
    pairs = (~np.isnan(layers[0][:, lag:] - layers[0][:, :-lag])).sum(axis=1)
    elsewhere = (same.sum(axis=1) - length) / np.maximum(pairs - length, 1)
    chance: Numbers = np.maximum(found, elsewhere)
    return chance


def _tested(history: History, grid: Grid, rows: Rows, best: _Best) -> Tested:
    series = grid.series[rows]
    repeats = best.length > 0
    first = best.last - best.length + 1
    places = np.arange(len(rows))
    begin = grid.rows[rows[places], np.where(repeats, first, grid.oldest[rows])]
    end = grid.rows[rows[places], np.where(repeats, best.last, grid.newest[rows])]

    def explain(case: int) -> Explanation:
        run = range(int(first[case]), int(best.last[case]) + 1)
        lag, line = int(best.lag[case]), grid.rows[rows[case]]
        calendar = history.calendar(history.series.calendar[series[case]])
        since, source = (
            calendar.day_of(int(grid.observations.start[line[column]])).isoformat() for column in (run[0], run[0] - lag)
        )
        said = f"{len(run)} values from {since} on are the same as those from {source} on, {lag} periods before"
        facts = {"values": len(run), "periods_before": lag, "first": since, "source": source}
        wanted = ("start", "value", "numerator", "denominator", "recorded_at")
        evidence = tuple(
            history.describe(grid.observations, int(line[column]), *wanted) for at in run for column in (at - lag, at)
        )
        return Explanation(said, facts, evidence, int(grid.observations.recorded_at[line[run]].max()))

    return Tested(
        rows=series,
        score=-np.log10(np.maximum(best.p, 1e-300)),
        effect=best.length / grid.known[rows],
        holds=repeats,
        start=grid.observations.start[begin],
        end=grid.observations.end[end],
        explain=explain,
        p=best.p,
        slot=_slots(history, grid, series, begin, repeats),
    )


def _slots(history: History, grid: Grid, series: Rows, begin: Rows, repeats: Flags) -> Texts:
    """Return the first day of each repeat, nothing where there is none."""
    found = np.full(len(series), "", dtype=object)
    for case in np.flatnonzero(repeats).tolist():
        calendar = history.calendar(history.series.calendar[series[case]])
        found[case] = calendar.local(int(grid.observations.start[begin[case]])).date().isoformat()
    return found
