"""Period-end shift: value booked early at the end of each quarter, and missing just after it.

**What it says.** Quarter by quarter the last month is higher and the month after it lower than the months around them,
beyond what the metric's peers do in the same months. One case for each series.

**Method.** On logarithms, less what the group of peers does together (the running median of their changes), each last
month m of a quarter gives the contrast (m - next) - (one before - two after) / 3, which is 0 on any straight line and
twice the share that moved where some was booked early. The median over the newest `cycles` quarters makes one seasonal
month a year harmless. Its scale comes from the contrasts at all months of these quarters (winsorised, half of it from
the peers) and, with 20 peers or more, from how the statistic varies among them; it is read as Student's t with one
degree of freedom less than quarters. Rise and fall must both be there.

**Source.** Compare the hockey stick in sales and the tests of quarter-end effects; reversal and peers as in P. Oyer,
Quarterly Journal of Economics 113 (1998). The score is the statistic as a normal score, the p-value its upper tail; the
effect is the share of a month's value that moved.

**Assumptions.** Most peers do not shift. What moves the whole group (holidays, working days, season) moves its members
alike. Quarters are those of the series' calendar.

**Minimum sample.** Monthly values above zero, ten on average, and `least_cycles` whole quarters with the two months
after them.

**How it looks when someone does it.** Orders, admissions or invoices of the first days of April carry a date in March;
the quarter looks better, the next one starts in debt.

**Innocent explanations.** Customers buy at the end of their own quarter; a delivery schedule (ships, batches) follows
quarters; a price rises each quarter; holidays that the peers do not have.

**What would settle it.** Dates of the single items against dates of delivery or payment; the same months in a year with
another closing date.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from rules.columns import Flags, Numbers, Rows
from rules.findings import Explanation, Findings, Skipped, Tested
from rules.grid import MONTHLY, Grid, grids
from rules.history import History
from rules.peers import among_peers, groups, moderated, without_common
from rules.placebo import normal_score, normal_tail
from rules.registry import Params as Base
from rules.registry import detector

_NEEDS_MONTHS = "monthly counts or amounts above zero over more quarters"
_QUARTER = 3
_LEAST_MEAN = 10
_NORMAL = 1.4826
_WINSOR = 3.0
_MOST = 240


class Params(Base):
    """What may be set in a rule's `params`."""

    cycles: int = Field(default=8, ge=4, description="so many of the newest quarters are looked at")
    least_cycles: int = Field(default=5, ge=4, description="fewer quarters are not tested")
    least_effect: float = Field(default=0.005, ge=0, le=1, description="a smaller share of a month does not matter")


@dataclass(frozen=True, eq=False)
class _Contrasts:
    """For each series and month the contrast, and which of them are at the ends of the quarters looked at."""

    levels: Numbers
    all: Numbers
    ends: Flags
    window: Flags


@detector(
    "period_end_shift",
    version=1,
    params=Params,
    clears="event",
    facts=("share", "quarters", "raised"),
    effect="share",
)
def detect(history: History, params: Params) -> Findings:
    """Compare the last month of each quarter and the month after it with the months around them."""
    asked = history.asked.rows
    everything = np.flatnonzero(np.isin(history.series.kind, ["count", "measure", ""]))
    found: list[Tested] = []
    for grid in grids(history, everything, _MOST, together=True):
        if grid.length == MONTHLY:
            tested = _tested(history, grid, params, asked)
            found += [tested] if len(tested.rows) else []
    done = np.concatenate([part.rows for part in found]) if found else np.zeros(0, dtype=np.int64)
    rest = np.setdiff1d(asked, done)
    return Findings(tuple(found), (Skipped(rest, _NEEDS_MONTHS),) if len(rest) else ())


def _contrasts(history: History, grid: Grid, params: Params) -> _Contrasts:
    values = grid.values
    with np.errstate(invalid="ignore"):
        usable = (values > 0) & (np.nansum(values, axis=1) / np.maximum(grid.known, 1) >= _LEAST_MEAN)[:, None]
    levels = without_common(np.log(np.where(usable, values, np.nan)), groups(history, grid))
    found = np.full(levels.shape, np.nan)
    found[:, 1:-2] = (levels[:, 1:-2] - levels[:, 2:-1]) - (levels[:, :-3] - levels[:, 3:]) / 3
    names = history.series.calendar[grid.series]
    shift = {name: history.calendar(name).year_start - 1 for name in set(names)}
    phase = (grid.numbers[None, :] - np.array([shift[name] for name in names])[:, None]) % _QUARTER
    known = ~np.isnan(found)
    ends = known & (phase == _QUARTER - 1)
    ends &= np.cumsum(ends[:, ::-1], axis=1)[:, ::-1] <= params.cycles
    window = known & (np.cumsum(ends, axis=1) + np.roll(ends, -1, axis=1) > 0)
    return _Contrasts(levels, found, ends, window)


def _tested(history: History, grid: Grid, params: Params, asked: Rows) -> Tested:
    if grid.rows.shape[1] <= _QUARTER:
        return _empty()
    contrasts, members = _contrasts(history, grid, params), groups(history, grid)
    at_ends = np.where(contrasts.ends, contrasts.all, np.nan)
    count = contrasts.ends.sum(axis=1)
    enough = count >= params.least_cycles
    raised = np.where(enough, _median(at_ends, enough), np.nan)
    spread = moderated(_spread(contrasts, raised), members)
    t = among_peers(raised * np.sqrt(np.maximum(count, 1)) / spread, members)
    score = normal_score(t, np.maximum(count - 1, 1))
    rise, fall = _parts(contrasts, enough)
    kept = np.flatnonzero(enough & np.isin(grid.series, asked) & ~np.isnan(score))
    effect = raised / 2
    columns = (
        np.argmax(contrasts.ends, axis=1),
        contrasts.ends.shape[1] - 1 - np.argmax(contrasts.ends[:, ::-1], axis=1),
    )
    begin, end = (grid.rows[kept, column[kept]] for column in columns)

    def explain(case: int) -> Explanation:
        row = int(kept[case])
        quarters, higher = int(count[row]), int((at_ends[row] > 0).sum())
        said = (
            f"In {higher} of {quarters} quarters the last month is higher and the next one lower than those around "
            f"them, by about {effect[row]:.1%} of a month beyond what peers show"
        )
        months = np.flatnonzero(contrasts.ends[row])
        shown = sorted({column + step for column in months.tolist() for step in (0, 1)})
        rows = [int(grid.rows[row, column]) for column in shown if grid.rows[row, column] >= 0]
        evidence = tuple(history.describe(grid.observations, at, "start", "value", "recorded_at") for at in rows)
        facts = {"share": round(float(effect[row]), 4), "quarters": quarters, "raised": higher}
        return Explanation(said, facts, evidence, int(grid.observations.recorded_at[rows].max()))

    return Tested(
        rows=grid.series[kept],
        score=score[kept],
        effect=effect[kept],
        holds=(effect[kept] >= params.least_effect) & (rise[kept] > 0) & (fall[kept] > 0),
        start=grid.observations.start[begin],
        end=grid.observations.end[end],
        explain=explain,
        p=normal_tail(score[kept]),
    )


def _empty() -> Tested:
    none = np.zeros(0)
    whole = np.zeros(0, dtype=np.int64)
    return Tested(whole, none, none, none > 0, whole, whole, lambda _case: Explanation("", {}, ()))


def _median(values: Numbers, wanted: Flags) -> Numbers:
    """Return the median of each wanted row, NaN for the others."""
    found: Numbers = np.full(len(values), np.nan)
    if wanted.any():
        found[wanted] = np.nanmedian(values[wanted], axis=1)
    return found


def _spread(contrasts: _Contrasts, raised: Numbers) -> Numbers:
    """Return the winsorised spread of the contrasts in the window, at the ends and elsewhere each around its own."""
    others = np.where(contrasts.window & ~contrasts.ends, contrasts.all, np.nan)
    level = _median(others, _some(others))
    apart = np.where(contrasts.ends, contrasts.all - raised[:, None], others - level[:, None])
    known = ~np.isnan(apart)
    size = np.where(known, np.abs(apart), np.nan)
    limit = _WINSOR * _NORMAL * _median(size, _some(apart))
    clipped = np.minimum(np.where(known, size, 0), np.nan_to_num(limit)[:, None])
    found: Numbers = np.sqrt((clipped**2).sum(axis=1) / np.maximum(known.sum(axis=1), 1)) + 1e-9
    return found


def _some(values: Numbers) -> Flags:
    return np.asarray((~np.isnan(values)).any(axis=1), dtype=np.bool_)


def _parts(contrasts: _Contrasts, enough: Flags) -> tuple[Numbers, Numbers]:
    """Return how much the last month lies above, and the month after it below, the line through the months around."""
    x, size = contrasts.levels, contrasts.levels.shape[1]
    rise, fall = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    rise[:, 1:-2] = x[:, 1:-2] - (2 * x[:, : size - 3] + x[:, 3:]) / 3
    fall[:, 1:-2] = (x[:, : size - 3] + 2 * x[:, 3:]) / 3 - x[:, 2:-1]
    ends = contrasts.ends
    return _median(np.where(ends, rise, np.nan), enough), _median(np.where(ends, fall, np.nan), enough)
