"""Heaping: values that favour certain digits, such as ends in 0 and 5, or certain first digits.

**What it says.** Some last digits (slot `last`) or some first two digits (slot `first`) occur far more often than their
neighbours: values may be rounded, guessed or made up.

**Method.** Last digits count in steps of the scale that the values have. Where a step holds five values or more, the
expected number at each value is the mean of the ten around it (ends half), else values are cut into ten equal parts in
each of which every digit is expected alike. Logarithms of seen over expected are compared by an analysis of variance:
do digits differ more than one digit differs from decade to decade? So a million records do not make a trifle
significant. First two digits are compared with Benford's law times the running median of the neighbours' ratios, so
that only spikes count; the p-value is that of the largest spike among the ninety (Sidak). Without records the
observations are taken.

**Source.** Whipple's and R. Myers' indices for ages; M. Nigrini, Benford's Law (2012), for the first two digits. The
score is minus the decimal logarithm of the p-value plus ten times the effect; the effect is the share of records in
excess on favoured digits.

**Assumptions.** The distribution is smooth over ten steps; last digits carry no meaning of their own.

**Minimum sample.** `least_values` values over at least four decades of steps; first digits need 1,000 values over two
orders of magnitude.

**How it looks when someone does it.** Ages, times or amounts are estimated instead of measured, or invoices are split
to stay below a limit.

**Innocent explanations.** Prices end in 99 or 00; people round what nobody asked them to know exactly; an instrument
reads in fives; fees or tariffs that many records share.

**What would settle it.** The original documents or readings of a sample; the same values from an instrument.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from rules.columns import Numbers, Rows
from rules.findings import Evidence, Explanation, Findings, Skipped, Tested
from rules.history import History
from rules.placebo import f_tail, normal_tail
from rules.registry import Params as Base
from rules.registry import detector
from rules.rhythm import counting
from rules.scale import Sample, grid, samples

LAST, FIRST = "last", "first"
_NEEDS_VALUES = "more values, over more steps of their scale"
_DIGITS = 10
_LEAST_DECADES = 4
_MANY = 1000
_ORDERS = 100.0
_DENSE = 5.0
_PARTS = 10
_SPIKE = 3.0
_NEIGHBOURS = 9
_TWO = np.arange(10, 100)
_BENFORD = np.log10(1 + 1 / _TWO)


class Params(Base):
    """What may be set in a rule's `params`."""

    least_values: int = Field(default=100, ge=50, description="fewer values are not tested")
    least_effect: float = Field(default=0.03, ge=0, le=1, description="a smaller excess share does not matter")


@dataclass(frozen=True, eq=False)
class _Digits:
    """One test of one series: how unlikely, how large, and by digit the share seen and expected."""

    row: int
    slot: str
    p: float
    effect: float
    digits: Rows
    seen: Numbers
    expected: Numbers


@detector(
    "heaping",
    version=1,
    params=Params,
    clears="event",
    facts=("digits", "excess", "which"),
    effect="share",
)
def detect(history: History, params: Params) -> Findings:
    """Compare the digits of each series' records, or else of its values, with what a smooth distribution gives."""
    asked = history.asked.rows
    cases: list[_Digits] = []
    for row, sample in _samples(history, asked).items():
        if sample.size >= params.least_values:
            cases += [case for case in (_last(row, sample), _first(row, sample)) if case]
    rest = np.setdiff1d(asked, np.array([case.row for case in cases], dtype=np.int64))
    skipped = (Skipped(rest, _NEEDS_VALUES),) if len(rest) else ()
    return Findings((_tested(history, cases, params),) if cases else (), skipped)


def _samples(history: History, asked: Rows) -> dict[int, Sample]:
    found = samples(history, asked)
    values = counting(history).latest
    for row in asked.tolist():
        part = slice(values.offsets[row], values.offsets[row + 1])
        if row not in found and part.stop > part.start:
            found[row] = Sample.of(values.value[part], np.ones(part.stop - part.start))
    return found


def _last(row: int, sample: Sample) -> _Digits | None:
    """Test whether last digits differ more than chance, and more than one digit does from decade to decade."""
    step = grid(sample)
    if not step:
        return None
    steps = np.rint(sample.values / step).astype(np.int64)
    seen: Numbers = np.bincount(steps - steps[0], weights=np.diff(sample.below)).astype(np.float64)
    if len(seen) < _LEAST_DECADES * _DIGITS:
        return None
    digits = np.abs(np.arange(steps[0], steps[0] + len(seen))) % _DIGITS
    cells = _around(seen, digits) if sample.size >= _DENSE * len(seen) else _in_parts(sample, steps)
    digit, count, expected = cells
    kept = expected >= max(2.0, float(np.median(expected)) / 20)
    digit, count, expected = digit[kept], count[kept], expected[kept]
    if len(digit) < _LEAST_DECADES * _DIGITS - _DIGITS or len(np.unique(digit)) < _DIGITS:
        return None
    p = _variance(np.log((count + 0.5) / (expected + 0.5)), digit)
    total = np.bincount(digit, count, _DIGITS), np.bincount(digit, expected, _DIGITS)
    shares = total[0] / total[0].sum(), total[1] / total[1].sum()
    effect = float(np.maximum(shares[0] - shares[1], 0).sum())
    return _Digits(row, LAST, p, effect, np.arange(_DIGITS), *shares)


def _around(seen: Numbers, digits: Rows) -> tuple[Rows, Numbers, Numbers]:
    """Return digit, count and mean of the ten values around it for each value with five neighbours on both sides."""
    weights = np.ones(_DIGITS + 1)
    weights[[0, -1]] = 0.5
    expected = np.convolve(seen, weights / _DIGITS, mode="valid")
    half = _DIGITS // 2
    return digits[half:-half], seen[half:-half], expected


def _in_parts(sample: Sample, steps: Rows) -> tuple[Rows, Numbers, Numbers]:
    """Return digit, count and even share for ten parts of equal numbers of records."""
    counts = np.diff(sample.below)
    part = np.minimum((sample.below[:-1] * _PARTS / sample.size).astype(np.int64), _PARTS - 1)
    places = part * _DIGITS + np.abs(steps) % _DIGITS
    cells: Numbers = np.bincount(places, counts, _PARTS * _DIGITS).astype(np.float64)
    even = np.repeat(cells.reshape(_PARTS, _DIGITS).sum(axis=1) / _DIGITS, _DIGITS)
    return np.tile(np.arange(_DIGITS), _PARTS), cells, even


def _variance(values: Numbers, digit: Rows) -> float:
    """Return the p-value of an analysis of variance between the digits."""
    size = np.bincount(digit, minlength=_DIGITS)
    mean = np.bincount(digit, values, _DIGITS) / size
    between = (size * (mean - values.mean()) ** 2).sum() / (_DIGITS - 1)
    freedom = len(values) - _DIGITS
    within = ((values - mean[digit]) ** 2).sum() / freedom
    return f_tail(float(between / max(within, 1e-12)), _DIGITS - 1, freedom)


def _first(row: int, sample: Sample) -> _Digits | None:
    """Test whether a pair of first digits stands out from its neighbours, beyond Benford's law."""
    size, counts = np.abs(sample.values), np.diff(sample.below)
    step = grid(sample) or 0.0
    usable = size >= max(10 * step, 1e-12)
    size, counts = size[usable], counts[usable]
    if counts.sum() < _MANY:
        return None
    spread = Sample.of(size, counts)
    if spread.quantile(0.99) < _ORDERS * spread.quantile(0.01):
        return None
    # A tiny push keeps 0.29 from becoming 0.28999.
    digits = np.floor(size / 10.0 ** (np.floor(np.log10(size) + 1e-12) - 1) + 1e-9).astype(np.int64)
    seen = np.bincount(np.clip(digits, 10, 99) - 10, counts, len(_TWO))
    ratio = seen / (_BENFORD * seen.sum())
    around = np.lib.stride_tricks.sliding_window_view(np.pad(ratio, _NEIGHBOURS // 2, mode="reflect"), _NEIGHBOURS)
    expected = np.maximum(np.median(around, axis=1) * _BENFORD * seen.sum(), 0.5)
    z = (seen - expected) / np.sqrt(expected)
    tail = float(normal_tail(np.array([z.max()]))[0])
    p = float(-np.expm1(len(_TWO) * np.log1p(-min(tail, 0.5))))
    effect = float(np.where(z > _SPIKE, seen - expected, 0.0).sum() / seen.sum())
    return _Digits(row, FIRST, p, effect, _TWO, seen / seen.sum(), expected / seen.sum())


def _tested(history: History, cases: list[_Digits], params: Params) -> Tested:
    p = np.array([case.p for case in cases])
    effect = np.array([case.effect for case in cases])

    def explain(index: int) -> Explanation:
        case = cases[index]
        order = np.argsort(case.expected - case.seen, kind="stable")[:5]
        favoured = [int(digit) for digit in order if case.seen[digit] > case.expected[digit]]
        words = ", ".join(str(case.digits[digit]) for digit in favoured)
        which = "last digits" if case.slot == LAST else "first digits"
        said = f"The {which} {words} are favoured: {case.effect:.1%} of the values are more than neighbours suggest"
        facts = {"digits": words, "excess": round(case.effect, 4), "which": which}
        evidence = tuple(_row(history, case, digit) for digit in favoured)
        return Explanation(said, facts, evidence)

    count = len(cases)
    return Tested(
        rows=np.array([case.row for case in cases], dtype=np.int64),
        score=-np.log10(np.maximum(p, 1e-300)) * (effect >= params.least_effect) + 10 * effect,
        effect=effect,
        holds=effect >= params.least_effect,
        start=np.full(count, history.as_of),
        end=np.full(count, history.as_of),
        explain=explain,
        p=p,
        slot=np.array([case.slot for case in cases], dtype=object),
    )


def _row(history: History, case: _Digits, digit: int) -> Evidence:
    shares = {"share": round(float(case.seen[digit]), 4), "expected": round(float(case.expected[digit]), 4)}
    return {"table": "records", "series": history.series.id[case.row], "digit": int(case.digits[digit])} | shares
