"""Denominator shift: a ratio improves while the cases it counts grow fewer.

**What it says.** For some months a ratio has been better than before, and over the same months its denominator has been
smaller than that of its peers: the improvement may come from who is counted. One case for each series.

**Method.** The logarithm of the denominator and the log-odds of the ratio, each less what the peers do together, are
tested for a step that began a half, three quarters or one year ago, against the two years before it (regression, its
variance widened by the noise's autocorrelation; with 20 peers or more scaled by how the statistic varies among them).
The joint score of a step is (ratio up + denominator down) / sqrt(2), at most 2 above the lesser of the two; the three
are averaged; each part has to be there by itself at 5 %.

**Source.** Joint rule of level and volume: on injected cases it wins over either alone at every size. The score is in
standard deviations, the p-value its upper tail; the effect is the share of cases that the denominator lost.

**Assumptions.** Peers see the same demand and the same season. Most of them do not change whom they count.

**Minimum sample.** Monthly, weekly or quarterly ratios with numerator and denominator: 8 periods before the step and 70
% of those after it.

**How it looks when someone does it.** Cases that are going to fail are recoded, redirected or left out of the count;
the numerator stays as it was and the share rises.

**Innocent explanations.** Demand really fell and the rest got better care; a new service took over some of the cases; a
changed definition, announced; a merger or a closed site.

**What would settle it.** Where the missing cases went: the same period counted under the former definition, or the
volume at the door beside the volume in the ratio.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rules.columns import Numbers, Rows
from rules.findings import Explanation, Findings, Skipped, Tested
from rules.grid import Grid, grids
from rules.history import History
from rules.peers import among_peers, groups, without_common
from rules.placebo import normal_tail
from rules.registry import Params as Base
from rules.registry import detector
from rules.turning import PART, YEARS, jointly, log_odds, recent, step, turned

_NEEDS_PARTS = "numerators and denominators of more periods, and which way is good"
_PARTS_OF_A_YEAR = (0.5, 0.75, 1.0)
_MOST = 520


class Params(Base):
    """What may be set in a rule's `params`."""

    least_effect: float = Field(default=0.01, ge=0, le=1, description="a smaller share of lost cases does not matter")


@detector(
    "denominator_shift",
    version=1,
    params=Params,
    clears="event",
    facts=("lost", "since", "before", "after"),
    effect="share",
)
def detect(history: History, params: Params) -> Findings:
    """Ask of each ratio whether it rose when its denominator fell."""
    asked = history.asked.rows
    ratios = np.flatnonzero(np.isin(history.series.direction, ["up", "down"]))
    found: list[Tested] = []
    for grid in grids(history, ratios, _MOST, together=True):
        if grid.length in YEARS:
            tested = _tested(history, grid, params, asked)
            found += [tested] if tested else []
    done = np.concatenate([part.rows for part in found]) if found else np.zeros(0, dtype=np.int64)
    rest = np.setdiff1d(asked, done)
    return Findings(tuple(found), (Skipped(rest, _NEEDS_PARTS),) if len(rest) else ())


def _levels(history: History, grid: Grid) -> tuple[Numbers, Numbers]:
    """Return denominator (logarithm) and ratio (log-odds, up is good) less what peers do together."""
    upper, lower = grid.column("numerator"), grid.column("denominator")
    usable = (lower > 0) & (upper >= 0) & (upper <= lower)
    lower = np.where(usable, lower, np.nan)
    way = np.where(history.series.direction[grid.series] == "down", -1.0, 1.0)[:, None]
    members = groups(history, grid)
    ratio = log_odds((upper + 0.5) / (lower + 1)) * way
    return without_common(np.log(lower), members), without_common(ratio, members)


def _tested(history: History, grid: Grid, params: Params, asked: Rows) -> Tested | None:
    year, members = YEARS[grid.length], groups(history, grid)
    cases, ratio = _levels(history, grid)
    scores, lesser, losses = [], [], []
    for part in _PARTS_OF_A_YEAR:
        length = round(year * part)
        width = length + 2 * year
        volume, level = (turned(recent(one, grid.newest, width), step(width, length)) for one in (cases, ratio))
        fewer, better = among_peers(-volume.t, members), among_peers(level.t, members)
        scores.append(jointly((fewer + better) / np.sqrt(2), fewer, better))
        lesser.append(np.minimum(fewer, better))
        losses.append(-np.expm1(volume.size))
    score = np.mean(scores, axis=0)
    kept = np.flatnonzero(~np.isnan(score) & np.isin(grid.series, asked))
    if not len(kept):
        return None
    longest = round(year * _PARTS_OF_A_YEAR[1])
    loss = np.median(losses, axis=0)[kept]
    first = np.maximum(grid.newest[kept] - longest + 1, grid.oldest[kept])
    begin, end = _row(grid, kept, first), grid.rows[kept, grid.newest[kept]]
    summed = (_sums(grid, kept, first - 2 * year, first), _sums(grid, kept, first, grid.newest[kept] + 1))

    def explain(case: int) -> Explanation:
        calendar = history.calendar(history.series.calendar[grid.series[kept[case]]])
        since = calendar.day_of(int(grid.observations.start[begin[case]])).isoformat()
        before, after = (float(part[case]) for part in summed)
        said = (
            f"Since about {since} the ratio has gone from {before:.4g} to {after:.4g} while it counts "
            f"{loss[case]:.1%} fewer cases than its past and its peers suggest"
        )
        facts = {"lost": round(float(loss[case]), 4), "since": since, "before": before, "after": after}
        line = grid.rows[kept[case], max(int(first[case]) - year, 0) : int(grid.newest[kept[case]]) + 1]
        rows = line[line >= 0].tolist()
        wanted = ("start", "value", "numerator", "denominator", "recorded_at")
        evidence = tuple(history.describe(grid.observations, row, *wanted) for row in rows)
        return Explanation(said, facts, evidence, int(grid.observations.recorded_at[rows].max()))

    return Tested(
        rows=grid.series[kept],
        score=score[kept],
        effect=loss,
        holds=(loss >= params.least_effect) & (np.mean(lesser, axis=0)[kept] >= PART),
        start=grid.observations.start[begin],
        end=grid.observations.end[end],
        explain=explain,
        p=normal_tail(score[kept]),
    )


def _row(grid: Grid, kept: Rows, first: Rows) -> Rows:
    """Return the row of the first value from some columns on."""
    later = np.arange(grid.rows.shape[1])[None, :] >= first[:, None]
    column = np.argmax((grid.rows[kept] >= 0) & later, axis=1)
    found: Rows = grid.rows[kept, column]
    return found


def _sums(grid: Grid, kept: Rows, first: Rows, last: Rows) -> Numbers:
    """Return the ratio of the sums over some columns of each series."""
    columns = np.arange(grid.rows.shape[1])[None, :]
    within = (columns >= first[:, None]) & (columns < last[:, None])
    parts = [np.where(within, grid.column(name)[kept], 0.0) for name in ("numerator", "denominator")]
    upper, lower = (np.nan_to_num(part).sum(axis=1) for part in parts)
    ratio: Numbers = upper / np.maximum(lower, 1e-12)
    return ratio
