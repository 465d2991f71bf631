"""Cases of a rule."""

from __future__ import annotations

from typing import Any

import pytest

from rules.cases import CaseResult, read_history, run_case, run_cases
from rules.errors import HistoryError
from rules.loader import load_pack, load_text, packs, read_rule

TABLES: dict[str, Any] = {
    "as_of": "2026-03-18",
    "series": "id   cadence  latency\nnps  weekly   3d\n\nnew  weekly   -\n",
    "observations": [{"series": "nps", "start": "2026-03-02", "value": 41, "recorded_at": "2026-03-10"}],
}


def outcome(case: dict[str, Any], **changes: Any) -> CaseResult:  # noqa: ANN401 - the words of a rule
    given = {"name": "r", "detector": "stale", "description": "x", "cases": [{"history": "h"} | case]}
    return run_case(read_rule(given | changes), 1, TABLES)


def test_a_text_table_and_a_list_are_the_same() -> None:
    history = read_history(TABLES)
    assert history.series.id.tolist() == ["new", "nps"]
    assert [str(latency) for latency in history.series.latency] == ["None", "3d"]
    assert history.observations.value.tolist() == [41.0]


def test_a_case_may_ask_on_another_day() -> None:
    assert read_history(TABLES, "2026-03-20").as_of - read_history(TABLES).as_of == 2 * 86_400_000_000
    assert outcome({"expect": []}).passed
    assert outcome({"as_of": "2026-03-20", "expect": ["nps"]}).passed


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ({"expect": []}, "r case 1 (h): passed"),
        ({"expect": ["nps", {"subject": "new", "slot": "feed"}]}, "r case 1 (h): missing new (feed), nps"),
        ({"as_of": "2026-03-20", "expect": []}, "r case 1 (h): unexpected nps"),
        ({"as_of": "2026-03-20", "expect": ["new"]}, "r case 1 (h): missing new; unexpected nps"),
        ({"expect": [], "skipped": ["new"]}, "r case 1 (h): passed"),
        ({"expect": [], "skipped": ["nps"]}, "r case 1 (h): missing nps (skipped)"),
        ({"as_of": "soon", "expect": []}, "r case 1 (h): 'soon' is no date: write 2026-03-31 or 2026-03-31T08:00:00Z"),
        ({"as_of": "2026-03-01", "expect": []}, "r case 1 (h): nothing was tested, so it shows nothing"),
        ({"as_of": "2026-03-01", "expect": [], "skipped": ["nps"]}, "r case 1 (h): passed"),
    ],
)
def test_a_result_says_what_went_otherwise(case: dict[str, Any], text: str) -> None:
    result = outcome(case)
    assert str(result) == text
    assert result.passed is text.endswith("passed")


def test_a_rule_that_cannot_run_fails_its_case() -> None:
    result = outcome({"expect": []}, scope={"when": 'subject.labels["x"] == ""'})
    assert result.problem.startswith("could not run: 'subject.labels[")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"series": []}, "a history needs as_of"),
        ({"as_of": 3}, "a history needs as_of"),
        ({"as_of": "2026-03-31", "series": 3}, "series is neither a list of rows nor a text table"),
        ({"as_of": "2026-03-31", "series": "id  cadence\nnps\n"}, "series: 'nps' has 1 cells, the header has 2"),
        ({"as_of": "2026-03-31", "serie": "id\nnps"}, "there is no table 'serie'; did you mean 'series'"),
    ],
)
def test_a_history_that_makes_no_sense_is_refused(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(HistoryError, match=message):
        read_history(tables)


def test_calendars_belong_to_a_history() -> None:
    tables = TABLES | {"calendars": "name     zone\ndefault  Asia/Tokyo\n"}
    assert read_history(tables).calendar("").zone == "Asia/Tokyo"


def test_the_cases_of_a_pack_are_run_in_order() -> None:
    text = """
rules:
  - {name: a, detector: stale, description: x, cases: [{history: h, expect: []}, {history: h, expect: [nps]}]}
  - {name: b, detector: stale, description: x, cases: [{history: h, expect: []}]}
histories:
  h: {as_of: 2026-03-18, series: [{id: nps, cadence: weekly, since: 2026-03-16}]}
"""
    assert [str(result) for result in run_cases(load_text(text, "x.yaml"))] == [
        "a case 1 (h): passed",
        "a case 2 (h): missing nps",
        "b case 1 (h): passed",
    ]


@pytest.mark.parametrize("name", packs())
def test_every_case_of_the_rules_we_ship_passes(name: str) -> None:
    assert [str(result) for result in run_cases(load_pack(name)) if not result.passed] == []


@pytest.mark.parametrize("name", packs())
def test_every_rule_we_ship_shows_what_it_finds_and_what_it_leaves_alone(name: str) -> None:
    pack = load_pack(name)
    for rule in pack.rules:
        named = {entry.subject for case in rule.cases for entry in case.expect}
        assert named, f"{rule.name} has no case that must fire"
        quiet = [case for case in rule.cases if not case.expect]
        assert quiet, f"{rule.name} has no case that must not fire"
    used = {case.history for rule in pack.rules for case in rule.cases}
    assert used == set(pack.histories)


def test_rules_of_all_packs_have_names_of_their_own() -> None:
    names = [rule.name for name in packs() for rule in load_pack(name).rules]
    assert len(names) == len(set(names))
