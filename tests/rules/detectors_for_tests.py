"""Two tiny detectors: one by chance that is over with its condition, one about the past."""

from __future__ import annotations

import numpy as np

from rules.findings import Explanation, Findings, Skipped, Tested
from rules.history import History
from rules.registry import Params, Registry

REGISTRY = Registry()


class Rare(Params):
    """`least` is the effect that matters; `fail` raises."""

    least: float = 0.0
    fail: bool = False


@REGISTRY.detector("rare", version=1, params=Rare, clears="condition", facts=("p",))
def rare(history: History, params: Rare) -> Findings:
    """Read the p-value of a series from its newest value and its effect from the numerator."""
    if params.fail:
        raise ZeroDivisionError("a secret value")
    newest = history.observations.latest
    rows = history.asked.rows
    has = np.diff(newest.offsets)[rows] > 0
    last = newest.offsets[rows[has] + 1] - 1
    p, effect = newest.value[last], newest.numerator[last]

    def explain(case: int) -> Explanation:
        row = int(last[case])
        return Explanation(f"p is {p[case]:g}", {"p": float(p[case])}, (history.describe(newest, row),))

    start, end = newest.start[last], newest.end[last]
    holds = ~(effect < params.least)
    tested = Tested(rows[has], score=1 - p, effect=effect, holds=holds, start=start, end=end, explain=explain, p=p)
    return Findings((tested,), (Skipped(rows[~has], "a value"),))


class Eased(Params):
    """Without anything to set."""


@REGISTRY.detector("eased", version=1, params=Eased, clears="event", facts=("versions",))
def eased(history: History, params: Eased) -> Findings:
    """Find periods whose target was lowered: about the past, one slot for each period."""
    targets = history.targets
    lower = np.flatnonzero((np.diff(targets.target) < 0) & ~targets.period_changes) + 1
    lower = lower[np.isin(targets.owner[lower], history.asked.rows)]

    def explain(case: int) -> Explanation:
        row = int(lower[case])
        recorded = int(targets.recorded_at[row])
        return Explanation("The target was lowered", {"versions": 2}, (history.describe(targets, row),), recorded)

    tested = Tested(
        targets.owner[lower],
        score=targets.target[lower - 1] - targets.target[lower],
        effect=targets.target[lower - 1] - targets.target[lower],
        holds=np.ones(len(lower), dtype=np.bool_),
        start=targets.start[lower],
        end=targets.end[lower],
        explain=explain,
        slot=np.array([history.calendar("").day_of(int(at)).isoformat() for at in targets.start[lower]], dtype=object),
    )
    return Findings((tested,))
