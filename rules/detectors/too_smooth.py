"""Too smooth: counts that vary less from one period to the next than counting by chance allows.

**What it says.** Seven periods in a row scatter around their own trend less than a Poisson count must, and that happens
far more often than one time in twenty. One case for each series of counts.

**Method.** Whole weeks of a daily count (seven periods of any other cadence, cut where their numbers divide) are each
compared with a straight line through them: the sum of squares over the mean is chi-square with five degrees of freedom
if the counts are Poisson; the lower tail says how likely so little scatter is. Of the weeks with a mean of at least
`least_mean` those below 5 % are counted and judged by a binomial of 5 %. Real counts scatter more than Poisson, so a
week with batches or an outbreak is only one that says nothing.

**Source.** D. Kobak, Significance 19 (2022), on reported deaths; the trend inside the week is added. The score is minus
the decimal logarithm of the p-value; the effect is the share of smooth weeks above 5 %.

**Assumptions.** The items counted happen independently; from a mean of three on the chi-square errs on the careful
side.

**Minimum sample.** `least_windows` whole weeks with enough counts, of a series of kind count whose values are not
rounded.

**How it looks when someone does it.** The true numbers are not counted, or not to be shown; what is reported follows a
smooth curve by hand, so that no day stands out.

**Innocent explanations.** A moving average or an estimate from a model is reported; the count is capped by capacity
(beds, staff, slots) and always full; a schedule fixes how many there are; a weekly total is spread evenly over its
days.

**What would settle it.** The items behind the counts with their dates, or the rule by which the daily figure is made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rules.columns import Numbers, Rows
from rules.findings import Explanation, Findings, Skipped, Tested
from rules.grid import Grid, grids
from rules.history import History
from rules.placebo import binomial_tail, chi_square_below
from rules.registry import Params as Base
from rules.registry import detector
from rules.scale import common_step

_NEEDS_COUNTS = "more whole weeks of counts that are not rounded"
_WINDOW = 7
_FREEDOM = _WINDOW - 2
_RARE = 0.05
_LEAST_FIT = 0.2
_MOST = 1500


class Params(Base):
    """What may be set in a rule's `params`."""

    least_windows: int = Field(default=8, ge=4, description="fewer weeks are not tested")
    least_mean: float = Field(default=3.0, ge=1, description="weeks with a smaller mean say nothing")
    least_effect: float = Field(default=0.1, ge=0, le=1, description="a smaller excess of smooth weeks does not matter")


@dataclass(frozen=True, eq=False)
class _Weeks:
    """For each series and week how likely so little scatter is, NaN where it cannot be told; where each week begins."""

    tail: Numbers
    scatter: Numbers
    first: Rows


@detector(
    "too_smooth",
    version=1,
    params=Params,
    clears="event",
    facts=("smooth", "weeks", "scatter"),
    effect="share",
)
def detect(history: History, params: Params) -> Findings:
    """Count the weeks in which a count scatters less than chance allows."""
    asked = history.asked.rows
    counts = asked[history.series.kind[asked] == "count"]
    found: list[Tested] = []
    for grid in grids(history, counts, _MOST):
        tested = _tested(history, grid, params)
        found += [tested] if tested else []
    done = np.concatenate([part.rows for part in found]) if found else np.zeros(0, dtype=np.int64)
    rest = np.setdiff1d(asked, done)
    return Findings(tuple(found), (Skipped(rest, _NEEDS_COUNTS),) if len(rest) else ())


def _weeks(grid: Grid, least_mean: float) -> _Weeks:
    """Cut each series where the numbers of its periods divide, and judge every whole week."""
    shift = (grid.first + _first_of_week(grid)) % _WINDOW
    width = grid.rows.shape[1]
    windows = (width + _WINDOW - 1) // _WINDOW + 1
    padded = np.full((len(grid.series), windows * _WINDOW), np.nan)
    np.put_along_axis(padded, shift[:, None] + np.arange(width)[None, :], grid.values, axis=1)
    weeks = padded.reshape(len(grid.series), windows, _WINDOW)
    mean, squares = _scatter(weeks)
    tail = np.where(mean >= least_mean, chi_square_below(squares, _FREEDOM), np.nan)
    return _Weeks(tail, squares / _FREEDOM, np.arange(windows)[None, :] * _WINDOW - shift[:, None])


def _first_of_week(grid: Grid) -> int:
    """Return what to add to a day's number so that weeks begin on Mondays: 1970-01-01 was a Thursday."""
    return 3 if grid.length.days == 1 else 0


def _scatter(weeks: NDArray[np.float64]) -> tuple[Numbers, Numbers]:
    """Return the mean of each week and its squares around a straight line, over the mean."""
    mean = weeks.mean(axis=2)
    time = np.arange(_WINDOW) - (_WINDOW - 1) / 2
    slope = weeks @ time / (time @ time)
    line = mean[..., None] + slope[..., None] * time
    line = np.maximum(line, _LEAST_FIT * mean[..., None])
    squares = ((weeks - line) ** 2).sum(axis=2) / np.maximum(mean, 1e-12)
    return mean, squares


def _tested(history: History, grid: Grid, params: Params) -> Tested | None:
    weeks = _weeks(grid, params.least_mean)
    known = ~np.isnan(weeks.tail)
    smooth = known & (weeks.tail < _RARE)
    total, low = known.sum(axis=1), smooth.sum(axis=1)
    kept = np.flatnonzero((total >= params.least_windows) & (common_step(grid.values) == 1))
    if not len(kept):
        return None
    p = binomial_tail(low[kept], total[kept], _RARE)
    share = low[kept] / total[kept]
    begin, end = grid.rows[kept, grid.oldest[kept]], grid.rows[kept, grid.newest[kept]]

    def explain(case: int) -> Explanation:
        row = int(kept[case])
        typical = float(np.nanmedian(np.where(known[row], weeks.scatter[row], np.nan)))
        said = (
            f"In {low[row]} of {total[row]} weeks the counts scatter less than chance allows one time in twenty; "
            f"the typical scatter is {typical:.2f} of what counting by chance gives"
        )
        facts = {"smooth": int(low[row]), "weeks": int(total[row]), "scatter": round(typical, 3)}
        best = np.argsort(np.where(smooth[row], weeks.tail[row], 2.0), kind="stable")[:4]
        columns = [int(weeks.first[row, week]) + day for week in np.sort(best) for day in range(_WINDOW)]
        rows = [int(grid.rows[row, column]) for column in columns if 0 <= column < grid.rows.shape[1]]
        rows = [at for at in rows if at >= 0]
        evidence = tuple(history.describe(grid.observations, at, "start", "value", "recorded_at") for at in rows)
        return Explanation(said, facts, evidence, int(grid.observations.recorded_at[rows].max()))

    return Tested(
        rows=grid.series[kept],
        score=-np.log10(np.maximum(p, 1e-300)),
        effect=share - _RARE,
        holds=share - _RARE >= params.least_effect,
        start=grid.observations.start[begin],
        end=grid.observations.end[end],
        explain=explain,
        p=p,
    )
