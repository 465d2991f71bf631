"""Target moved: a target was made easier once its period had begun.

**What it says.** For a period that had begun, the target that counts today is easier to reach than the one that was
known when the period began. One case for each period concerned (slot: its first day); a series in which no target moved
is one quiet case.

**Method.** Of each period the last version known at its start is the promise, the last version known now is what
counts. Easier means lower where up is good, higher where down is good; where neither is declared, nearer to the actual
value. A change smaller than `least` of the promise is none. A change by a power of ten within one percent is a
corrected unit (95 for 0.95) and no easing. A period whose first target came after its start has no promise to compare
with. `grace` lets revisions pass that come in the first part of a period.

**Source.** Deterministic: the log of versions decides (two times, valid and known), not statistics. The score is the
easing over the usual distance between neighbouring targets or actual values, plus 1 where it turns a miss into a hit.
The effect is the easing in the metric's unit.

**Assumptions.** Versions carry the instant at which they could be known. A version without one counts as known from the
start.

**Minimum sample.** Two versions of one period's target.

**How it looks when someone does it.** Near the end of the quarter, when the result is nearly known, the target is
lowered to just under it; the report then shows a hit.

**Innocent explanations.** The plan changed for reasons outside anybody's reach (a strike, a sold business, a changed
definition); targets are agreed only weeks into the period by habit; a typing mistake was put right; the revision was
agreed before and entered late.

**What would settle it.** The decision with its date, who approved it and why; the score under both targets side by
side.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rules.calendars import UNKNOWN
from rules.columns import Flags, Instants, Numbers, Rows, Texts
from rules.distinct import each_distinct
from rules.findings import Explanation, Findings, Skipped, Tested
from rules.history import History
from rules.registry import Params as Base
from rules.registry import detector
from rules.rhythm import counting
from rules.tables import Targets

_NEEDS_TARGETS = "targets for its periods"
_NEEDS_DIRECTION = "which way is good, or values to compare the targets with"
_SAME_UNIT = 0.01


class Params(Base):
    """What may be set in a rule's `params`."""

    least: float = Field(default=1e-6, ge=0, description="a smaller change, as a share of the target, is none")
    grace: float = Field(default=0.0, ge=0, lt=1, description="share of a period in which revisions may still come")


@detector(
    "target_moved",
    version=1,
    params=Params,
    clears="event",
    facts=("before", "after", "moved_at", "actual", "turned"),
    effect="metric",
)
def detect(history: History, params: Params) -> Findings:
    """Compare the target of each period that counts today with the one known when the period began."""
    targets, asked = history.targets, history.asked.rows
    with_targets = np.diff(targets.offsets) > 0
    known = with_targets[asked]
    skipped = (Skipped(asked[~known], _NEEDS_TARGETS),) if not known.all() else ()
    if not len(targets):
        return Findings(skipped=skipped)
    promise, last = _promises(targets, params.grace)
    actual = _actual(history, targets, last)
    way = np.array([{"up": 1, "down": -1}.get(word, 0) for word in history.series.direction])[targets.owner[last]]
    easing = _easing(targets.target[promise], targets.target[last], actual, way)
    chosen = np.isin(targets.owner[last], asked)
    unclear = np.isnan(easing) & (promise != last)
    eased = chosen & (easing > params.least * np.abs(targets.target[promise])) & (easing > 0)
    eased &= ~_corrected_unit(targets.target[promise], targets.target[last])
    quiet = np.setdiff1d(asked[known], targets.owner[last[eased]])
    blind = np.intersect1d(quiet, targets.owner[last[unclear & chosen]])
    quiet = np.setdiff1d(quiet, blind)
    moved = _moved(history, (promise[eased], last[eased]), easing[eased], actual[eased], way[eased])
    if len(blind):
        skipped = (*skipped, Skipped(blind, _NEEDS_DIRECTION))
    return Findings(tuple(part for part in (moved, _quiet(history, quiet)) if len(part.rows)), skipped)


def _promises(targets: Targets, grace: float) -> tuple[Rows, Rows]:
    """Return for each period the row known at its start (plus grace) and the row known last; equal where none moved."""
    first = np.flatnonzero(np.append(True, targets.period_changes))
    last = np.append(first[1:], len(targets)) - 1
    length = np.maximum(targets.end[first] - targets.start[first], 0)
    limit = targets.start[first] + (length * grace).astype(np.int64)
    period = np.repeat(np.arange(len(first)), last - first + 1)
    kept = np.flatnonzero(targets.recorded_at <= limit[period])
    promise = np.full(len(first), -1)
    promise[period[kept]] = kept  # rows rise within a period, so the last one stays
    return np.where(promise < 0, last, promise), last


def _actual(history: History, targets: Targets, last: Rows) -> Numbers:
    """Return the mean of the values in each target's period, NaN without any."""
    values = counting(history).latest
    if not len(values):
        return np.full(len(last), np.nan)
    key = _ranked(values.owner, values.start, targets.owner[last], targets.start[last])
    low = np.searchsorted(key[0], key[1], "left")
    end_key = _ranked(values.owner, values.start, targets.owner[last], targets.end[last])
    high = np.searchsorted(end_key[0], end_key[1], "left")
    total = np.concatenate(([0.0], np.cumsum(values.value)))
    count = high - low
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, (total[high] - total[low]) / count, np.nan)


def _ranked(owner: Rows, at: Instants, other: Rows, wanted: Instants) -> tuple[Rows, Rows]:
    """Return sortable keys of (series, instant) for two tables."""
    instants = np.unique(np.concatenate((at, wanted)))
    size = len(instants) + 1
    return owner * size + np.searchsorted(instants, at), other * size + np.searchsorted(instants, wanted)


def _easing(before: Numbers, after: Numbers, actual: Numbers, way: Rows) -> Numbers:
    """Return by how much a target became easier; NaN where nobody can tell which way is easier."""
    nearer = np.abs(before - actual) - np.abs(after - actual)
    return np.where(way == 0, nearer, (before - after) * way)


def _corrected_unit(before: Numbers, after: Numbers) -> Flags:
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log10(np.abs(before / after))
    whole = np.rint(size)
    return np.asarray((whole != 0) & (np.abs(10 ** (size - whole) - 1) <= _SAME_UNIT), dtype=np.bool_)


def _moved(history: History, pair: tuple[Rows, Rows], easing: Numbers, actual: Numbers, way: Rows) -> Tested:
    targets, (before, after) = history.targets, pair
    old, new = targets.target[before], targets.target[after]
    turned = (way != 0) & ((actual - old) * way < 0) & ((actual - new) * way >= 0)

    def explain(case: int) -> Explanation:
        calendar = history.calendar(history.series.calendar[targets.owner[after[case]]])
        at = int(_first_easier(targets, int(before[case]), int(after[case]), int(way[case])))
        moved = "an unknown day" if at == UNKNOWN else calendar.day_of(at).isoformat()
        turns = "; the value misses the former target and meets the present one" if turned[case] else ""
        said = f"The target went from {old[case]:g} to {new[case]:g} on {moved}, after its period had begun{turns}"
        facts = {
            "before": float(old[case]),
            "after": float(new[case]),
            "moved_at": moved,
            "actual": None if np.isnan(actual[case]) else round(float(actual[case]), 6),
            "turned": bool(turned[case]),
        }
        rows = range(int(before[case]), int(after[case]) + 1)
        evidence = tuple(history.describe(targets, row) for row in rows)
        return Explanation(said, facts, evidence, int(targets.recorded_at[after[case]]))

    return Tested(
        rows=targets.owner[after],
        score=easing / _usual_step(targets, after) + turned + 1.0,
        effect=easing,
        holds=np.ones(len(after), dtype=np.bool_),
        start=targets.start[after],
        end=targets.end[after],
        explain=explain,
        slot=_days(history, after),
    )


def _first_easier(targets: Targets, before: int, after: int, way: int) -> int:
    """Return when the first of the versions after the promise became known that was easier."""
    rows = np.arange(before + 1, after + 1)
    easier = (targets.target[before] - targets.target[rows]) * (way or 1) != 0
    found: int = targets.recorded_at[rows[np.argmax(easier)]].item()
    return found


def _usual_step(targets: Targets, rows: Rows) -> Numbers:
    """Return a scale for each series: the mean size of its targets, 1 where they are all 0."""
    total = np.bincount(targets.owner, np.abs(targets.target), len(targets.offsets) - 1)
    mean = total / np.maximum(np.diff(targets.offsets), 1)
    return np.where(mean > 0, mean, 1.0)[targets.owner[rows]]


def _days(history: History, rows: Rows) -> Texts:
    """Return the first day of each target's period."""
    targets = history.targets
    names = history.series.calendar[targets.owner[rows]]
    ordinal = each_distinct(
        lambda name, at: history.calendar(name).day_of(int(at)).toordinal(), names, targets.start[rows]
    )
    days = (ordinal - 719_163).astype("datetime64[D]").astype(str)  # the ordinal of 1970-01-01
    return days.astype(object)


def _quiet(history: History, rows: Rows) -> Tested:
    targets = history.targets
    first, last = targets.offsets[rows], targets.offsets[rows + 1] - 1

    def explain(_case: int) -> Explanation:  # pragma: no cover - a quiet case never fires
        return Explanation("No target was made easier after its period had begun", {}, ())

    return Tested(
        rows=rows,
        score=np.zeros(len(rows)),
        effect=np.zeros(len(rows)),
        holds=np.zeros(len(rows), dtype=np.bool_),
        start=targets.start[first],
        end=targets.end[last],
        explain=explain,
    )
