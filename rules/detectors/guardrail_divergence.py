"""Guardrail divergence: a metric improves while the one that must not suffer gets worse.

**What it says.** Over the last year a metric moved the good way and its declared guardrail the bad way. One case for
each guarded series.

**Method.** Both series (log-odds of ratios, logarithms of positive values, else the values), less what the peers of
each do together, are divided by their own noise and tested for a ramp over the last year against the two years before
(regression, its variance widened by the noise's autocorrelation; with 20 guarded peers or more scaled by how the
statistic varies among them). Besides both parts their sum is tested: a shock that harms both at once cancels in it. The
joint score is that of the sum, at most 2 above the lesser part; each part has to be there by itself at 5 %.

**Source.** Compare trend tests (H. Mann, M. Kendall; P. Sen) over a pair that was declared beforehand; the sum makes
use of their common noise. The score is in standard deviations, the p-value its upper tail; the effect is the lesser of
the two movements in deviations of its own noise.

**Assumptions.** The pair was declared because pressure on one may harm the other; which way is good is declared for
both. A year is long enough for it to show.

**Minimum sample.** Monthly, weekly or quarterly values of both: 8 periods before the last year and 70 % of its periods.

**How it looks when someone does it.** Calls get shorter and are answered sooner, and complaints or repeat calls rise in
step: the number that is looked at is bought with the one that is not.

**Innocent explanations.** A common cause that moves both (a new kind of customer); a guardrail that worsens everywhere;
a slow change of mix; an investment that costs first and pays later, agreed as such.

**What would settle it.** The two figures split by case or team: whether those with the largest improvement are those
with the largest harm; a decision that names the trade-off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from rules.columns import Flags, Numbers, Rows
from rules.findings import Explanation, Findings, Skipped, Tested
from rules.grid import Grid, grids
from rules.history import History
from rules.peers import among_peers, groups, without_common
from rules.placebo import normal_tail
from rules.registry import Params as Base
from rules.registry import detector
from rules.turning import PART, YEARS, Turn, jointly, log_odds, noise, ramp, recent, turned

_NEEDS_GUARDRAIL = "a declared guardrail, which way is good for both, and more periods of both"
_MOST = 520


class Params(Base):
    """What may be set in a rule's `params`."""

    least_effect: float = Field(default=0.5, ge=0, description="a smaller movement, in deviations, does not matter")


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The guarded series of a grid and their guardrails, by row of the grid."""

    guarded: Rows
    guard: Rows


@detector(
    "guardrail_divergence",
    version=1,
    params=Params,
    clears="condition",
    facts=("guardrail", "improved", "worsened"),
    effect="deviations",
)
def detect(history: History, params: Params) -> Findings:
    """Ask of each guarded series whether its gain came with its guardrail's loss."""
    asked, series = history.asked.rows, history.series
    directed = np.flatnonzero(np.isin(series.direction, ["up", "down"]))
    found: list[Tested] = []
    for grid in grids(history, directed, _MOST, together=True):
        pairs = _pairs(history, grid, asked) if grid.length in YEARS else None
        tested = _tested(history, grid, pairs, params) if pairs is not None and len(pairs.guarded) else None
        found += [tested] if tested else []
    done = np.concatenate([part.rows for part in found]) if found else np.zeros(0, dtype=np.int64)
    rest = np.setdiff1d(asked, done)
    return Findings(tuple(found), (Skipped(rest, _NEEDS_GUARDRAIL),) if len(rest) else ())


def _pairs(history: History, grid: Grid, asked: Rows) -> _Pairs:
    """Return the asked series of a grid whose guardrail is in it, too."""
    place = {series: row for row, series in enumerate(grid.series.tolist())}
    wanted = set(asked.tolist())
    listed = [
        (row, place[guard])
        for row, series in enumerate(grid.series.tolist())
        if (guard := history.series.row_of.get(history.series.guardrail[series], -1)) in place and series in wanted
    ]
    both = np.array(listed, dtype=np.int64).reshape(-1, 2)
    return _Pairs(both[:, 0], both[:, 1])


def _levels(history: History, grid: Grid) -> Numbers:
    """Return every series so that up is good, less what its peers do together, in units of its own noise."""
    values = grid.values
    ratio = (history.series.kind[grid.series] == "ratio") & _within(values, 0.0, 1.0)
    positive = _within(values, np.finfo(np.float64).tiny, np.inf)
    logged = np.log(np.where(positive[:, None], values, 1.0))
    levels = np.where(ratio[:, None], log_odds(values), np.where(positive[:, None], logged, values))
    levels = np.where(np.isnan(values), np.nan, levels)
    way = np.where(history.series.direction[grid.series] == "down", -1.0, 1.0)
    levels = without_common(levels * way[:, None], groups(history, grid))
    return levels / noise(levels)[:, None]


def _within(values: Numbers, low: float, high: float) -> Flags:
    inside = np.isnan(values) | ((values >= low) & (values <= high))
    return np.asarray(inside.all(axis=1), dtype=np.bool_)


def _tested(history: History, grid: Grid, pairs: _Pairs, params: Params) -> Tested | None:
    year = YEARS[grid.length]
    width, newest = 3 * year, grid.newest[pairs.guarded]
    levels = _levels(history, grid)
    up, down = recent(levels[pairs.guarded], newest, width), -recent(levels[pairs.guard], newest, width)
    shape = ramp(width, year)
    better, worse, both = (turned(one, shape) for one in (up, down, up + down))
    score, lesser = _joint(history, grid, pairs, (better, worse, both))
    kept = np.flatnonzero(~np.isnan(score))
    if not len(kept):
        return None
    effect = np.minimum(better.size, worse.size)[kept]
    guarded, guard = pairs.guarded[kept], pairs.guard[kept]
    first = np.maximum(newest[kept] - year + 1, grid.oldest[guarded])
    later = np.arange(grid.rows.shape[1])[None, :] >= first[:, None]
    begin = grid.rows[guarded, np.argmax((grid.rows[guarded] >= 0) & later, axis=1)]

    def explain(case: int) -> Explanation:
        name = history.series.id[grid.series[guard[case]]]
        gain, harm = float(better.size[kept[case]]), float(worse.size[kept[case]])
        said = (
            f"Over the last year it improved by {gain:.1f} of its usual variations while its guardrail {name} worsened "
            f"by {harm:.1f} of its own"
        )
        facts = {"guardrail": name, "improved": round(gain, 2), "worsened": round(harm, 2)}
        columns = slice(max(int(first[case]) - year, 0), int(newest[kept[case]]) + 1)
        rows = [
            int(row) for line in (guarded[case], guard[case]) for row in grid.rows[line, columns].tolist() if row >= 0
        ]
        evidence = tuple(history.describe(grid.observations, row, "start", "value", "recorded_at") for row in rows)
        return Explanation(said, facts, evidence, int(grid.observations.recorded_at[rows].max()))

    return Tested(
        rows=grid.series[guarded],
        score=score[kept],
        effect=effect,
        holds=(effect >= params.least_effect) & (lesser[kept] >= PART),
        start=grid.observations.start[begin],
        end=grid.observations.end[grid.rows[guarded, newest[kept]]],
        explain=explain,
        p=normal_tail(score[kept]),
    )


def _joint(history: History, grid: Grid, pairs: _Pairs, turns: tuple[Turn, Turn, Turn]) -> tuple[Numbers, Numbers]:
    """Return the joint score of each pair and its lesser part, scaled by how they vary among the guarded peers."""
    of_group: dict[str, list[int]] = {}
    for row, guarded in enumerate(pairs.guarded.tolist()):
        of_group.setdefault(history.series.peers[grid.series[guarded]], []).append(row)
    members = [np.array(rows, dtype=np.int64) for name, rows in of_group.items() if name]
    better, worse, both = (among_peers(turn.t, members) for turn in turns)
    return jointly(both, better, worse), np.minimum(better, worse)
