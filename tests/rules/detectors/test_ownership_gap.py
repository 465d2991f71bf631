"""Ownership gaps over the graph of persons, org units, terms and links."""

from __future__ import annotations

from typing import Any

import pytest

from rules.engine import evaluate
from rules.history import History
from rules.loader import read_rule
from rules.results import RuleResult

PEOPLE = [
    {"id": "ann", "function": "sales", "org_unit": "field"},
    {"id": "old", "left_at": "2026-03-01", "org_unit": "field"},
    {"id": "off", "active": False},
    {"id": "soon", "left_at": "2026-05-01"},
    {"id": "boss", "org_unit": "head", "function": "board"},
    {"id": "bob", "org_unit": "books"},
]
UNITS = [{"id": "head"}, {"id": "field", "parent": "head"}, {"id": "books", "parent": "head", "function": "finance"}]


def run(series: dict[str, Any], params: dict[str, Any] | None = None, **tables: Any) -> RuleResult:  # noqa: ANN401 - rows
    given: dict[str, Any] = {"people": PEOPLE, "org_units": UNITS} | tables
    history = History.build(as_of="2026-03-31", series=[{"id": "a"} | series], **given)
    rule = {"name": "gap", "detector": "ownership_gap", "description": "x", "params": params or {}}
    result = evaluate([read_rule(rule)], history).result("gap")
    assert result.failure is None, result.failure
    return result


def gaps(result: RuleResult) -> set[str]:
    return {finding.slot for finding in result.findings}


@pytest.mark.parametrize(
    ("owner", "expected"),
    [("", {"none"}), ("ann", set()), ("old", {"left"}), ("off", {"left"}), ("soon", set()), ("stranger", set())],
)
def test_whoever_is_named_has_to_be_there(owner: str, expected: set[str]) -> None:
    assert gaps(run({"owner": owner})) == expected


def test_a_hand_over_may_take_its_time() -> None:
    assert gaps(run({"owner": "old"}, {"handover": "31d"})) == {"left"}
    assert gaps(run({"owner": "old"}, {"handover": "32d"})) == set()
    assert gaps(run({"owner": "off"}, {"handover": "32d"})) == {"left"}


def test_one_of_several_holders_is_enough_and_ended_terms_do_not_count() -> None:
    term = {"subject": "a", "role": "owner", "person": "ann", "start": "2026-01-01"}
    assert gaps(run({"owner": "old"}, ownership=[term])) == set()
    assert gaps(run({}, ownership=[term])) == set()
    assert gaps(run({"owner": "old"}, ownership=[term | {"end": "2026-03-30"}])) == {"left"}
    assert gaps(run({"owner": "old"}, ownership=[term | {"start": "2026-04-02"}])) == {"left"}
    assert gaps(run({"owner": "old"}, ownership=[term | {"role": "steward"}])) == {"left"}


def test_what_a_finding_about_a_leaver_says() -> None:
    (finding,) = run({"owner": "old", "title": "NPS"}).findings
    assert finding.summary == "The owner has left on 2026-03-01 and nobody has taken over"
    assert finding.effect == pytest.approx(31, abs=0.01)
    assert finding.facts == {"gap": "left", "role": "owner", "count": 0}
    assert [row["table"] for row in finding.evidence] == ["series", "people"]
    assert "old" not in str(finding.evidence)


def test_the_steward_is_asked_about_where_the_rule_says_so() -> None:
    params = {"role": "steward", "look_for": ["none", "left"]}
    assert gaps(run({"owner": "ann", "steward": "off"}, params)) == {"left"}
    assert gaps(run({"owner": "ann"}, params)) == {"none"}


@pytest.mark.parametrize(
    ("owner", "series", "links", "expected"),
    [
        ("ann", {"function": "sales"}, [], set()),
        ("ann", {"function": "finance"}, [], {"outside"}),
        ("ann", {"org_unit": "books"}, [], {"outside"}),
        ("bob", {"org_unit": "books"}, [], set()),
        ("boss", {"org_unit": "books"}, [], set()),
        ("boss", {"function": "finance"}, [], {"outside"}),
        ("ann", {"function": "finance"}, [{"source": "ann", "target": "a", "kind": "works_on"}], set()),
        ("bob", {"function": "finance"}, [{"source": "a", "target": "ann", "kind": "works_on"}], {"outside"}),
        ("ann", {"function": "sales"}, [{"source": "books", "target": "a", "kind": "works_on"}], {"outside"}),
        ("ann", {"function": "finance"}, [{"source": "ann", "target": "a", "kind": "depends"}], {"outside"}),
    ],
)
def test_an_owner_outside_the_function_that_does_the_work(
    owner: str, series: dict[str, str], links: list[dict[str, str]], expected: set[str]
) -> None:
    assert gaps(run({"owner": owner} | series, {"look_for": ["outside"]}, links=links)) == expected


def test_without_functions_nobody_can_be_outside() -> None:
    result = run({"owner": "off", "function": "sales"}, {"look_for": ["outside"]})
    assert result.skipped == {("a", "outside"): "the functions of its owner and of whoever does the work"}


def terms(person: str, count: int) -> list[dict[str, str]]:
    return [{"subject": f"{person}{index}", "role": "owner", "person": person} for index in range(count)]


def test_a_load_is_too_much_when_it_is_large_and_far_from_what_is_usual() -> None:
    params = {"look_for": ["overloaded"], "most": 5}
    assert gaps(run({"owner": "ann"}, params, ownership=terms("ann", 6) + terms("old", 2))) == {"overloaded"}
    assert gaps(run({"owner": "ann"}, params, ownership=terms("ann", 5) + terms("old", 1))) == set()
    assert gaps(run({"owner": "ann"}, params, ownership=terms("ann", 6) + terms("old", 3))) == set()


def test_a_load_is_compared_with_colleagues_where_there_are_two() -> None:
    near = [{"id": name, "org_unit": "field"} for name in ("ann", "cid", "dan")]
    rows = terms("ann", 6) + terms("cid", 6) + terms("dan", 6) + terms("x", 1) + terms("y", 1) + terms("z", 1)
    rows += terms("v", 1)
    params = {"look_for": ["overloaded"], "most": 5}
    assert gaps(run({"owner": "ann"}, params, ownership=rows, people=near)) == set()
    assert gaps(run({"owner": "ann"}, params, ownership=rows, people=near[:1])) == {"overloaded"}


def test_without_people_and_terms_nothing_is_missing() -> None:
    result = run({}, people=[])
    assert result.skipped == {("a", None): "a list of people, or of who owns what"}
