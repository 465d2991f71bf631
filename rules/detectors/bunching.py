"""Bunching: too many records just on the good side of a cutoff, too few just beside it.

**What it says.** Of the records behind a number, more than the metric's own distribution explains lie just on the good
side of a cutoff, and fewer just on the other side. One case for each cutoff (slot: its value).

**Method.** Four windows of equal width touch at the cutoff, two on each side. With counts a, b (before it) and c, d (on
its good side) the statistic is ln(c/b) - ln(d/a)/3: what is left of the step at the cutoff after a smooth (log-cubic
without its odd part) counterfactual through the outer windows; excess and missing mass count alike. It is taken at
three widths (1/64, 1/32, 1/16 of the interquartile range, on a gridded scale whole steps, where values heap whole
heaps) and averaged. On a continuous scale the edges are soft by an eighth of a width, so that a rounded value at the
very cutoff belongs to both sides. Metrics of one group of peers lend each other strength at a cutoff they share: a
random-effects mean of the others, weighed by how much they agree. The result is ranked against placebo cutoffs: the
same statistic at all places of the metric's own range, centred and scaled by their median and median deviation; the
p-value is the normal tail of that. A value equal to the cutoff is on its good side.

**Source.** Counterfactual: R. Chetty et al., QJE 126 (2011); H. Kleven, Annual Review of Economics 8 (2016). Placebo
ranks: because density tests reject 15 to 17 % of placebo cutoffs on rounded values. Random effects: R. DerSimonian, N.
Laird, Controlled Clinical Trials 7 (1986). The score is the placebo-scaled statistic. The effect is the excess over the
counterfactual as a share of the records expected in the two inner windows.

**Assumptions.** Without anything odd the distribution is smooth on the scale of the windows, or as rough elsewhere as
at the cutoff. Which way is good is declared. Most places of the scale are not cutoffs.

**Minimum sample.** `least_records` records, 20 of them in the four windows, and 4 placebo places.

**How it looks when someone does it.** Cases that narrowly miss the mark are pushed, recounted or reworded until they
pass: a pile just past the mark and a dent just short of it.

**Innocent explanations.** People pace themselves to a mark that is worth reaching; the cutoff ends the process (work
stops when the mark is reached); prices or sizes come in round numbers; an instrument that reads in steps; a cutoff that
itself was placed at a natural gap.

**What would settle it.** The records nearest to the cutoff with how they came about; the same distribution from a
system that does not know the cutoff, or from before it was introduced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rules.calendars import UNKNOWN
from rules.columns import Flags, Numbers
from rules.findings import Evidence, Explanation, Findings, Skipped, Tested
from rules.history import History
from rules.placebo import normal_score, normal_tail, spread
from rules.registry import Params as Base
from rules.registry import detector
from rules.scale import Sample, comb, grid, samples, together

_WIDTHS = (64, 32, 16)
_SOFT = 8
_FEW_IN_WINDOWS = 20
_FEW_PLACES = 4
_LEAST_SCALE = 0.7
"""Three averaged widths have at least this spread by chance; few places could seem to have less."""
_THEORY = 8
"""By counting alone the statistic has mean 0 and spread 1: that weighs as much as so many places."""
_NEEDS_CUTOFFS = "cutoffs at which something depends, and which way is good"
_NEEDS_RECORDS = "the records behind the number, enough of them around a cutoff"


class Params(Base):
    """What may be set in a rule's `params`."""

    least_records: int = Field(default=100, ge=20, description="fewer records are not tested")
    least_effect: float = Field(default=0.02, ge=0, le=1, description="a smaller excess, as a share, does not matter")
    peers: bool = Field(default=True, description="borrow strength from peers at the same cutoff")


@dataclass(frozen=True, eq=False)
class _Family:
    """Metrics that share a scale and cutoffs: samples turned so that up is good, and where to look."""

    rows: list[int]
    samples: list[Sample]
    sign: int
    cutoffs: Numbers
    places: Numbers
    widths: Numbers
    soft: bool


@dataclass(frozen=True)
class _Case:
    """One cutoff of one metric: its statistic, and the counts of the middle width, seen and expected."""

    row: int
    cutoff: float
    score: float
    effect: float
    width: float
    counts: tuple[float, float]
    expected: tuple[float, float]


@detector(
    "bunching",
    version=1,
    params=Params,
    clears="event",
    facts=("cutoff", "past", "past_expected", "short", "short_expected", "width"),
    effect="share",
)
def detect(history: History, params: Params) -> Findings:
    """Compare the step at each cutoff with the steps at all other places of the same scale."""
    asked, series = history.asked.rows, history.series
    declared = np.array([bool(cutoffs) for cutoffs in series.thresholds], dtype=np.bool_)
    ready = declared & np.isin(series.direction, ["up", "down"])
    found = samples(history, np.flatnonzero(ready))
    kept = {row: sample for row, sample in found.items() if sample.size >= params.least_records}
    cases = [case for rows in _families(history, kept, params) for case in _cases(history, rows, kept)]
    chosen = set(asked.tolist())
    cases = [case for case in cases if case.row in chosen]
    tested_rows = np.unique(np.array([case.row for case in cases], dtype=np.int64))
    unready = asked[~ready[asked]]
    few = np.setdiff1d(asked[ready[asked]], tested_rows)
    skipped = tuple(
        Skipped(rows, needs) for rows, needs in ((unready, _NEEDS_CUTOFFS), (few, _NEEDS_RECORDS)) if len(rows)
    )
    return Findings((_tested(history, cases, params),) if cases else (), skipped)


def _families(history: History, kept: dict[int, Sample], params: Params) -> list[list[int]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for row in kept:
        peers = history.series.peers[row] if params.peers else ""
        groups.setdefault((peers or f"alone:{history.series.id[row]}", history.series.direction[row]), []).append(row)
    return list(groups.values())


def _cases(history: History, rows: list[int], kept: dict[int, Sample]) -> list[_Case]:
    family = _family(history, rows, kept)
    if family is None:
        return []
    every = np.concatenate((family.cutoffs, family.places))
    steps = [_steps(family, every, float(width)) for width in family.widths]
    drawn = _mean(np.array([_shared(*step) for step in steps]))
    count = len(family.cutoffs)
    middle = len(family.widths) // 2
    found = []
    for member, row in enumerate(rows):
        own = set(history.series.thresholds[row])
        for index, cutoff in enumerate(family.cutoffs):
            score = _ranked(drawn[member], index, count, family)
            if family.sign * float(cutoff) in own and not np.isnan(score):
                found.append(_case(family, member, float(cutoff), score, float(family.widths[middle])))
    return found


def _family(history: History, rows: list[int], kept: dict[int, Sample]) -> _Family | None:
    sign = 1 if history.series.direction[rows[0]] == "up" else -1
    parts = [kept[row] if sign > 0 else kept[row].mirrored() for row in rows]
    whole = together(parts)
    step = grid(whole)
    tooth = comb(whole, step) if step else 0.0
    middle = whole.quantile(0.75) - whole.quantile(0.25)
    if not middle:
        return None
    widths = middle / np.array(_WIDTHS, dtype=np.float64)
    if tooth:
        widths = np.unique(np.ceil(widths / tooth) * tooth)
    cutoffs = np.unique([sign * cutoff for row in rows for cutoff in history.series.thresholds[row]])
    low, high = whole.quantile(0.02), whole.quantile(0.98)
    pace = float(widths[0] if tooth else widths.min())
    numbers = np.arange(np.floor((low - cutoffs[0]) / pace), np.ceil((high - cutoffs[0]) / pace) + 1)
    return _Family(rows, parts, sign, cutoffs, cutoffs[0] + pace * numbers, np.sort(widths), not step)


def _windows(family: _Family, at: Numbers, width: float) -> NDArray[np.float64]:
    """Return the counts of the four windows of each member at each place."""
    shifts: tuple[float, ...] = (-width / _SOFT, width / _SOFT) if family.soft else (-width * 1e-6,)
    edges = np.array(
        [
            [
                np.mean([sample.under(at + side * width + shift) for shift in shifts], axis=0)
                for sample in family.samples
            ]
            for side in (-2, -1, 0, 1, 2)
        ]
    )
    return np.diff(edges, axis=0)


def _steps(family: _Family, at: Numbers, width: float) -> tuple[Numbers, Numbers, Flags]:
    """Return the step at each place, its variance, and whether there is enough to see one."""
    before, short, past, after = (counts + 0.5 for counts in _windows(family, at, width))
    step = np.log(past / short) - np.log(after / before) / 3
    variance = 1 / past + 1 / short + (1 / after + 1 / before) / 9
    return step, variance, np.asarray(before + short + past + after - 2 >= _FEW_IN_WINDOWS, dtype=np.bool_)


def _shared(step: Numbers, variance: Numbers, enough: Flags) -> Numbers:
    """Return the standardised step of each member with what its peers say at the same place; NaN without enough."""
    weight = np.where(enough, 1 / variance, 0.0)
    step = np.where(enough, step, 0.0)
    total, tiny = weight.sum(axis=0), 1e-12
    members = (weight > 0).sum(axis=0)
    mean = (weight * step).sum(axis=0) / np.maximum(total, tiny)
    apart = (weight * (step - mean) ** 2).sum(axis=0) - (members - 1)
    between = np.maximum(apart, 0) / np.maximum(total - (weight**2).sum(axis=0) / np.maximum(total, tiny), tiny)
    others = total - weight
    theirs = (mean * total - weight * step) / np.maximum(others, tiny)
    trust = np.where(others > tiny, 1 / (1 / np.maximum(others, tiny) + between), 0.0)
    shared = (step * weight + theirs * trust) / np.sqrt(np.maximum(weight + trust, tiny))
    return np.where(enough, shared, np.nan)


def _mean(layers: NDArray[np.float64]) -> Numbers:
    """Return the mean over the widths that could be tested, NaN where none could."""
    there = ~np.isnan(layers)
    count = there.sum(axis=0)
    total = np.where(there, layers, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _ranked(drawn: Numbers, index: int, count: int, family: _Family) -> float:
    """Return how far a cutoff stands out among the placebo places that its inner windows do not touch."""
    apart = np.abs(family.places - family.cutoffs[index]) > 2 * family.widths[-1]
    null = drawn[count:][apart]
    null = null[~np.isnan(null)]
    if len(null) < _FEW_PLACES:
        return float("nan")
    centre, scale = spread(null)
    places = len(null)
    centre *= places / (places + _THEORY)
    scale = max(np.sqrt((places * scale**2 + _THEORY) / (places + _THEORY)), _LEAST_SCALE)
    return float(normal_score((drawn[index] - centre) / scale, places + _THEORY - 1))


def _case(family: _Family, member: int, cutoff: float, score: float, width: float) -> _Case:
    before, short, past, after = _windows(family, np.array([cutoff]), width)[:, member, 0]
    low, high = np.log(before + 0.5), np.log(after + 0.5)
    short_expected, past_expected = np.exp((2 * low + high) / 3), np.exp((low + 2 * high) / 3)
    effect = (past - past_expected) / (short_expected + past_expected)
    expected = (float(past_expected), float(short_expected))
    value = family.sign * cutoff
    return _Case(family.rows[member], value, score, float(effect), width, (float(past), float(short)), expected)


def _tested(history: History, cases: list[_Case], params: Params) -> Tested:
    score = np.array([case.score for case in cases])
    effect = np.array([case.effect for case in cases])
    rows = np.array([case.row for case in cases], dtype=np.int64)
    spans = {row: _span(history, row) for row in np.unique(rows).tolist()}
    return Tested(
        rows=rows,
        score=score,
        effect=effect,
        holds=effect >= params.least_effect,
        start=np.array([spans[row][0] for row in rows.tolist()]),
        end=np.array([spans[row][1] for row in rows.tolist()]),
        explain=_explainer(history, cases),
        p=normal_tail(score),
        slot=np.array([f"{case.cutoff:.15g}" for case in cases], dtype=object),
    )


def _span(history: History, row: int) -> tuple[int, int]:
    """Return when the first and the last of a series' records happened; the day of the history where nobody knows."""
    records = history.records
    times = records.time[records.offsets[row] : records.offsets[row + 1]]
    times = times[times != UNKNOWN]
    return (int(times.min()), int(times.max())) if len(times) else (history.as_of, history.as_of)


def _explainer(history: History, cases: list[_Case]) -> Callable[[int], Explanation]:
    def explain(index: int) -> Explanation:
        case = cases[index]
        way = 1 if history.series.direction[case.row] == "up" else -1
        (past, short), (past_expected, short_expected) = case.counts, case.expected
        said = (
            f"{past:.0f} records lie within {case.width:g} past {case.cutoff:g}, "
            f"where {past_expected:.0f} were expected; "
            f"{short:.0f} lie as far short of it, where {short_expected:.0f} were expected"
        )
        facts = {
            "cutoff": case.cutoff,
            "past": round(past),
            "past_expected": round(past_expected),
            "short": round(short),
            "short_expected": round(short_expected),
            "width": case.width,
        }
        sides = ((way, past, past_expected), (-way, short, short_expected))
        evidence = tuple(_window(history, case, side, seen, expected) for side, seen, expected in sides)
        records = history.records
        known = records.recorded_at[records.offsets[case.row] : records.offsets[case.row + 1]]
        return Explanation(said, facts, evidence, int(known.max()))

    return explain


def _window(history: History, case: _Case, side: int, seen: float, expected: float) -> Evidence:
    low, high = sorted((case.cutoff, case.cutoff + side * case.width))
    series = history.series.id[case.row]
    return {
        "table": "records",
        "series": series,
        "from": low,
        "to": high,
        "count": round(seen),
        "expected": round(expected, 1),
    }
