"""Targets made easier once their period had begun."""

from __future__ import annotations

from typing import Any

import pytest

from rules.engine import evaluate
from rules.history import History
from rules.loader import read_rule
from rules.results import RuleResult


def run(
    *versions: tuple[str, float],
    direction: str = "up",
    actual: float | None = None,
    params: dict[str, Any] | None = None,
    start: str = "2026-01-01",
) -> RuleResult:
    series = {"id": "a", "cadence": "quarterly", "direction": direction}
    targets = [{"series": "a", "start": start, "target": goal, "recorded_at": day} for day, goal in versions]
    values = [] if actual is None else [{"series": "a", "start": "2026-01-01", "value": actual}]
    history = History.build(as_of="2026-06-30", series=[series], targets=targets, observations=values)
    rule = {"name": "moved", "detector": "target_moved", "description": "x", "params": params or {}}
    result = evaluate([read_rule(rule)], history).result("moved")
    assert result.failure is None, result.failure
    return result


@pytest.mark.parametrize(
    ("direction", "after", "found"),
    [("up", 90, True), ("up", 110, False), ("down", 110, True), ("down", 90, False), ("up", 100, False)],
)
def test_easier_depends_on_which_way_is_good(direction: str, after: float, found: bool) -> None:  # noqa: FBT001 - a table
    result = run(("2025-12-01", 100), ("2026-02-01", after), direction=direction)
    assert [finding.slot for finding in result.findings] == ["2026-01-01"] * found
    assert result.statement.tested == 1


@pytest.mark.parametrize(("day", "found"), [("2025-12-31", 0), ("2026-01-01", 1), ("2026-06-01", 1)])
def test_only_what_comes_after_the_begin_counts(day: str, found: int) -> None:
    assert len(run(("2025-12-01", 100), (day, 90)).findings) == found


def test_grace_lets_the_first_part_of_a_period_pass() -> None:
    versions = ("2025-12-01", 100.0), ("2026-01-08", 90.0)
    assert run(*versions, params={"grace": 0.1}).findings == ()
    assert len(run(*versions, params={"grace": 0.05}).findings) == 1


@pytest.mark.parametrize(("before", "found"), [(9000, 0), (9050, 0), (9200, 1), (0.9, 1)])
def test_a_corrected_unit_is_no_easing(before: float, found: int) -> None:
    way = "up" if before > 90 else "down"
    assert len(run(("2025-12-01", before), ("2026-02-01", 90.0), direction=way).findings) == (
        found if before != 0.9 else 0
    )


def test_a_target_that_comes_back_has_not_moved() -> None:
    assert run(("2025-12-01", 100), ("2026-02-01", 90), ("2026-02-05", 100)).findings == ()


def test_a_first_target_after_the_begin_is_no_revision() -> None:
    assert run(("2026-02-01", 90)).findings == ()


def test_what_a_finding_says() -> None:
    (finding,) = run(("2025-12-01", 100), ("2026-02-01", 101), ("2026-03-20", 92), actual=95).findings
    assert finding.summary == (
        "The target went from 100 to 92 on 2026-02-01, after its period had begun; "
        "the value misses the former target and meets the present one"
    )
    assert finding.effect == 8
    assert finding.score == pytest.approx(2 + 8 / (293 / 3))
    assert [row["target"] for row in finding.evidence] == [100, 101, 92]
    assert finding.facts["turned"] is True


def test_without_a_direction_nearer_to_the_value_is_easier() -> None:
    versions = ("2025-12-01", 100.0), ("2026-02-01", 90.0)
    assert len(run(*versions, direction="", actual=85).findings) == 1
    assert run(*versions, direction="", actual=105).findings == ()
    blind = run(*versions, direction="")
    assert blind.skipped == {("a", None): "which way is good, or values to compare the targets with"}


def test_an_unknown_time_of_a_version_counts_as_known_from_the_start() -> None:
    assert run(("", 100), ("", 90)).findings == ()


def test_series_without_targets_are_skipped() -> None:
    assert run().skipped == {("a", None): "targets for its periods"}
