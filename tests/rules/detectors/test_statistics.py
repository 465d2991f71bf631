"""What the detectors of chance say, skip and leave alone; how well they are calibrated is in test_calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rules.alerts import Finding
from rules.engine import evaluate
from rules.history import History
from rules.loader import read_rule
from rules.results import RuleResult

Rows = list[dict[str, Any]]


def run(detector: str, params: dict[str, Any] | None = None, **tables: Rows) -> RuleResult:
    rule = {"name": "r", "detector": detector, "description": "x", "params": params or {}}
    history = History.build(as_of="2026-01-05", **tables)  # type: ignore[arg-type] # tables by name
    result = evaluate([read_rule(rule)], history).result("r")
    assert result.failure is None, result.failure
    return result


def number(finding: Finding, fact: str) -> float:
    """Return a fact that is a number."""
    value = finding.facts[fact]
    assert isinstance(value, float | int)
    return value


def digits(finding: Finding) -> list[str]:
    return str(finding.facts["digits"]).split(", ")


def months(name: str, values: Any, **more: Any) -> Rows:  # noqa: ANN401 - arrays or lists
    return [
        {"series": name, "start": f"{2023 + at // 12}-{at % 12 + 1:02}-01", "value": float(value)}
        | {column: float(given[at]) for column, given in more.items()}
        for at, value in enumerate(values)
    ]


def monthly(name: str = "a", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    return {"id": name, "cadence": "monthly"} | more


NOISE = np.random.default_rng(5).normal(0, 1, (30, 36))


class TestCopiedValues:
    def copied(self, values: Any, **more: Any) -> RuleResult:  # noqa: ANN401 - arrays or lists
        return run("copied_values", series=[monthly()], observations=months("a", values, **more))

    def test_a_repeated_stretch_is_named_with_its_source(self) -> None:
        values = np.rint(4000 + 300 * NOISE[0])
        values[20:23] = values[8:11]
        (finding,) = self.copied(values).findings
        assert (
            finding.summary == "3 values from 2024-09-01 on are the same as those from 2023-09-01 on, 12 periods before"
        )
        assert (finding.slot, finding.effect, len(finding.evidence)) == ("2024-09-01", 3 / 36, 6)
        assert finding.p is not None
        assert finding.p < 1e-3

    def test_one_value_all_along_and_few_values_to_take_are_left_alone(self) -> None:
        flat = np.rint(4000 + 300 * NOISE[0])
        flat[10:16] = flat[10]
        for values in (flat, np.arange(36) % 3, np.round(4000 + 300 * NOISE[0], -3)):
            assert self.copied(values).findings == ()

    def test_of_a_ratio_both_parts_have_to_repeat(self) -> None:
        lower, upper = np.rint(1000 + 30 * NOISE[1]), np.rint(800 + 20 * NOISE[2])
        lower[20:23], upper[20:23] = lower[8:11], upper[8:11]
        assert len(self.copied(upper / lower, numerator=upper, denominator=lower).findings) == 1
        lower[20:23] *= 2
        upper[20:23] *= 2
        assert self.copied(upper / lower, numerator=upper, denominator=lower).findings == ()

    def test_too_few_values_are_skipped(self) -> None:
        assert self.copied([1, 2, 3]).skipped == {("a", None): "more values at a steady cadence"}


class TestPeriodEndShift:
    def shifted(self, moved: float, **more: Any) -> RuleResult:  # noqa: ANN401 - columns
        values = 1000 * (1 + 0.01 * NOISE[3]) + moved * np.tile([-1, 0, 1], 12)
        return run("period_end_shift", series=[monthly(kind="count", **more)], observations=months("a", values))

    def test_high_ends_and_low_begins_are_found(self) -> None:
        (finding,) = self.shifted(50).findings
        assert finding.facts["quarters"] == 8
        assert finding.effect == pytest.approx(0.05, abs=0.01)
        assert finding.summary.startswith("In 8 of 8 quarters the last month is higher and the next one lower")

    def test_steady_months_and_the_other_way_round_are_left_alone(self) -> None:
        assert self.shifted(0).findings == ()
        assert self.shifted(-50).findings == ()

    def test_a_peak_every_december_is_no_shift(self) -> None:
        values = 1000 * (1 + 0.01 * NOISE[3]) * np.where(np.arange(36) % 12 == 11, 1.3, 1)
        rows = months("a", values)
        assert run("period_end_shift", series=[monthly(kind="count")], observations=rows).findings == ()

    def test_what_all_peers_do_is_no_shift_of_one(self) -> None:
        wave = 60 * np.tile([-1, 0, 1], 12)
        names = [f"p{index}" for index in range(12)]
        series = [monthly(name, kind="count", peers="all") for name in names]
        rows = [row for at, name in enumerate(names) for row in months(name, 1000 + 10 * NOISE[at] + wave)]
        result = run("period_end_shift", series=series, observations=rows)
        assert (result.statement.tested, result.findings) == (12, ())

    def test_ratios_and_few_quarters_are_skipped(self) -> None:
        assert set(self.shifted(50, id="a").skipped) == set()
        short = run("period_end_shift", series=[monthly(kind="count")], observations=months("a", [100] * 8))
        assert set(short.skipped.values()) == {"monthly counts or amounts above zero over more quarters"}


class TestDenominatorShift:
    def share(self, lost: float, gained: float, direction: str = "up") -> RuleResult:
        late = np.arange(36) >= 27
        lower = np.rint((1000 + 10 * NOISE[4]) * np.where(late, 1 - lost, 1))
        upper = np.rint((800 + 8 * NOISE[5]) * np.where(late, 1 + gained, 1))
        rows = months("a", upper / lower, numerator=upper, denominator=lower)
        return run("denominator_shift", series=[monthly(kind="ratio", direction=direction)], observations=rows)

    def test_a_ratio_that_rises_as_cases_leave_is_found(self) -> None:
        (finding,) = self.share(0.1, 0).findings
        assert finding.effect == pytest.approx(0.1, abs=0.03)
        assert finding.facts["since"] == "2025-04-01"
        assert number(finding, "before") < number(finding, "after")

    @pytest.mark.parametrize(("lost", "gained"), [(0, 0), (0, 0.1), (0.1, -0.1), (-0.1, 0)])
    def test_one_of_the_two_alone_is_left_alone(self, lost: float, gained: float) -> None:
        assert self.share(lost, gained).findings == ()

    def test_where_down_is_good_a_rising_ratio_is_no_gain(self) -> None:
        assert self.share(0.1, 0, "down").findings == ()
        assert self.share(0.1, 0, "").skipped


class TestGuardrailDivergence:
    def pair(self, gain: float, harm: float) -> RuleResult:
        late = np.clip((np.arange(36) - 23) / 12, 0, 1)
        series = [monthly(direction="down", guardrail="g"), monthly("g", direction="down")]
        rows = months("a", 300 + 4 * NOISE[6] - gain * late) + months("g", 40 + NOISE[7] + harm * late)
        return run("guardrail_divergence", series=series, observations=rows)

    def test_a_gain_that_the_guardrail_pays_for_is_found(self) -> None:
        (finding,) = self.pair(40, 10).findings
        assert (finding.subject, finding.facts["guardrail"]) == ("a", "g")
        assert min(number(finding, "improved"), number(finding, "worsened")) == pytest.approx(finding.effect, abs=0.01)

    @pytest.mark.parametrize(("gain", "harm"), [(0, 0), (40, 0), (0, 10), (40, -10), (-40, 10)])
    def test_anything_else_is_left_alone(self, gain: float, harm: float) -> None:
        result = self.pair(gain, harm)
        assert (result.statement.tested, result.findings) == (1, ())
        assert set(result.skipped) == {("g", None)}


class TestTooSmooth:
    def daily(self, values: Any, kind: str = "count") -> RuleResult:  # noqa: ANN401 - arrays
        rows = [
            {"series": "a", "start": f"2025-{9 + day // 28:02}-{day % 28 + 1:02}", "value": float(value)}
            for day, value in enumerate(values)
        ]
        # Months of 28 days leave gaps, so weeks are cut by hand: only whole ones count.
        return run(
            "too_smooth",
            {"least_windows": 6},
            series=[{"id": "a", "cadence": "daily", "kind": kind}],
            observations=rows,
        )

    def test_counts_on_a_line_are_found_and_counts_by_chance_left_alone(self) -> None:
        (finding,) = self.daily(np.rint(30 + np.arange(112) / 10)).findings
        assert finding.facts["smooth"] == finding.facts["weeks"]
        assert finding.effect == pytest.approx(0.95)
        assert self.daily(np.random.default_rng(3).poisson(30, 112)).findings == ()

    def test_rounded_counts_small_ones_and_measures_are_skipped(self) -> None:
        line = np.rint(30 + np.arange(112) / 10)
        for result in (self.daily(10 * line), self.daily(np.ones(112)), self.daily(line, "measure")):
            assert set(result.skipped.values()) == {"more whole weeks of counts that are not rounded"}


class TestHeaping:
    def values(self, numbers: Any) -> RuleResult:  # noqa: ANN401 - arrays
        values, counts = np.unique(numbers, return_counts=True)
        rows: Rows = [
            {"series": "a", "value": float(value), "count": int(count)}
            for value, count in zip(values, counts, strict=True)
        ]
        return run("heaping", series=[{"id": "a"}], records=rows)

    def test_ends_in_fives_are_named_with_their_shares(self) -> None:
        honest = np.rint(np.random.default_rng(1).normal(60, 18, 4000))
        guessed = np.where(np.arange(4000) % 2 == 0, 5 * np.rint(honest / 5), honest)
        (finding,) = self.values(guessed).findings
        assert finding.slot == "last"
        assert digits(finding)[:2] in (["0", "5"], ["5", "0"])
        assert finding.effect == pytest.approx(0.4, abs=0.1)
        assert self.values(honest).findings == ()

    def test_first_digits_are_compared_with_their_neighbours(self) -> None:
        amounts = np.round(10 ** np.random.default_rng(2).uniform(1, 5, 6000), 2)
        assert [one.slot for one in self.values(amounts).findings] == []
        split = np.where(np.arange(6000) % 12 == 0, np.round(4900 + 99 * (np.arange(6000) % 100) / 100, 2), amounts)
        found = {one.slot: one for one in self.values(split).findings}
        assert "49" in digits(found["first"])

    def test_few_values_are_skipped(self) -> None:
        assert set(self.values(np.arange(20)).skipped.values()) == {"more values, over more steps of their scale"}


class TestAnomaly:
    def found(self, values: Any, **more: Any) -> RuleResult:  # noqa: ANN401 - arrays, columns
        return run("anomaly", series=[monthly(**more)], observations=months("a", values))

    def test_an_event_is_one_finding_that_later_values_do_not_change(self) -> None:
        values = 100 + 2 * NOISE[8]
        values[20:22] += 40
        (finding,) = self.found(values).findings
        assert finding.slot == "2024-09-01"
        assert self.found(values[:22]).findings[0].slot == finding.slot
        assert "usual deviations from what its own past suggests" in finding.summary

    def test_a_season_of_months_is_known_once_it_came_twice(self) -> None:
        values = 100 + NOISE[9] + np.where(np.arange(36) % 12 == 6, 40, 0)
        slots = [finding.slot for finding in self.found(values).findings]
        assert "2025-07-01" not in slots

    def test_the_tested_value_is_never_in_its_own_baseline(self) -> None:
        values = 100 + NOISE[10]
        values[35] = 10_000
        (finding,) = self.found(values).findings
        assert finding.effect is not None
        assert finding.effect > 1000

    def test_days_off_are_left_out(self) -> None:
        rows = [
            {"series": "a", "start": f"2025-{month:02}-{day:02}", "value": 100.0 + day % 3}
            for month in (3, 4)
            for day in range(1, 31)
        ]
        for row in rows:
            if row["start"] == "2025-04-18":  # Good Friday
                row["value"] = 5.0
        given = {"id": "a", "cadence": "daily"}
        german = [{"name": "de", "country": "DE"}]
        assert len(run("anomaly", series=[given], observations=rows).findings) == 1
        named = run("anomaly", series=[given | {"calendar": "de"}], observations=rows, calendars=german)
        assert named.findings == ()


class TestBunching:
    def marks(self, moved: float, direction: str = "up", size: int = 3000) -> RuleResult:
        chance = np.random.default_rng(4)
        marks = np.rint(chance.normal(54, 14, size))
        jump = np.isin(marks, [47, 48, 49]) & (chance.random(size) < moved)
        marks = np.where(jump, marks + 3, marks)
        if direction == "down":
            marks = 100 - marks
        values, counts = np.unique(marks, return_counts=True)
        rows: Rows = [
            {"series": "a", "value": float(value), "count": int(count)}
            for value, count in zip(values, counts, strict=True)
        ]
        return run("bunching", series=[{"id": "a", "direction": direction, "thresholds": [35, 50, 65]}], records=rows)

    @pytest.mark.parametrize("direction", ["up", "down"])
    def test_a_pile_past_a_cutoff_and_a_dent_short_of_it_are_found(self, direction: str) -> None:
        (finding,) = self.marks(0.6, direction).findings
        assert finding.slot == "50"
        assert number(finding, "past") > number(finding, "past_expected")
        assert number(finding, "short") < number(finding, "short_expected")
        assert [row["count"] for row in finding.evidence] == [finding.facts["past"], finding.facts["short"]]

    def test_a_smooth_distribution_is_left_alone(self) -> None:
        result = self.marks(0)
        assert (result.statement.tested, result.findings) == (3, ())

    def test_without_records_or_direction_it_is_skipped(self) -> None:
        assert set(self.marks(0, "none").skipped.values()) == {
            "cutoffs at which something depends, and which way is good"
        }
        assert set(self.marks(0, size=50).skipped.values()) == {
            "the records behind the number, enough of them around a cutoff"
        }
