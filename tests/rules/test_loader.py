"""Rule files and what is wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.errors import RuleFileError
from rules.loader import RuleError, load_file, load_pack, load_text, packs, read_rule

GOOD = """\
title: Freshness
rules:
  - name: stale-key-result
    detector: stale
    description: A key result nobody has measured says nothing.
    scope: {subject: key_result, when: 'subject.function in ["sales"] && !subject.retired'}
    params: {max_age: 14d}
    for: 2bd
    stage: live
    annotations: {summary: "No news for {{ age }} on {{title}}"}
    actions: [{type: comment, on: linked_issue}, {type: ticket, to: steward}]
    cases: [{history: old, expect: [kr-1]}]
histories:
  old: {as_of: 2026-03-31}
"""


def broken(old: str, new: str) -> list[str]:
    assert old in GOOD
    with pytest.raises(RuleFileError) as caught:
        load_text(GOOD.replace(old, new), "my.yaml")
    return caught.value.lines


def test_a_good_file_is_a_pack() -> None:
    pack = load_text(GOOD, "folder/my.yaml")
    assert (pack.name, pack.title) == ("my", "Freshness")
    assert [rule.name for rule in pack.rules] == ["stale-key-result"]
    assert pack.rules[0].params == {"max_age": "14d"}
    assert pack.histories == {"old": {"as_of": "2026-03-31"}}


def test_a_list_of_rules_is_a_file_too() -> None:
    text = "- {name: a, detector: stale, description: x}\n- {name: b, detector: stale, description: x}\n"
    pack = load_text(text, "plain.yaml")
    assert [rule.name for rule in pack.rules] == ["a", "b"]
    assert (pack.title, pack.histories) == ("plain", {})


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (
            "stage: live",
            "stage: liv",
            "9:12",
            "stage.name: 'liv' is not known here; did you mean 'live'? Known: live, pilot, shadow",
        ),
        ("for: 2bd", "fro: 2bd", "8:5", "fro: there is no 'fro' here; did you mean 'for'? Known: actions, "),
        (
            "max_age: 14d",
            "max_agee: 14d",
            "7:14",
            "params.max_agee: there is no 'max_agee' here; did you mean 'max_age'? Known: age, ",
        ),
        ("max_age: 14d", "max_age: soon", "7:23", "params.max_age: 'soon' is no duration: write for example 14d"),
        (
            "subject.function",
            "subject.functoin",
            "6:49",
            "scope.when: there is no subject.functoin; did you mean 'function'?",
        ),
        (
            "detector: stale",
            "detector: stael",
            "4:15",
            "detector: there is no detector 'stael'; did you mean 'stale'? Known: ",
        ),
        (
            "{{ age }}",
            "{{ aeg }}",
            "10:28",
            "annotations.summary: stale gives no fact 'aeg'; did you mean 'age'? Known: age, ",
        ),
        (
            "to: steward",
            "too: steward",
            "11:65",
            "actions.1.too: there is no 'too' here; did you mean 'to'? Known: due, to, type",
        ),
        (
            "to: steward",
            "to: stewart",
            "11:69",
            "actions.1.to: 'stewart' is not known here; did you mean 'steward'? Known: governance_lead",
        ),
        (
            "type: comment",
            "type: coment",
            "11:15",
            "actions.0: 'coment' is not known here; did you mean 'comment'? Known: comment, message",
        ),
        (
            "history: old",
            "history: odl",
            "12:23",
            "cases.0.history: there is no history 'odl' in this file; did you mean 'old'? Known: old",
        ),
        (
            "subject: key_result",
            "subject: key_results",
            "6:22",
            "scope.subject: 'key_results' is not known here; did you mean 'key_result'?",
        ),
        (
            "params: {max_age: 14d}",
            "materiality: 3",
            "7:18",
            "materiality: stale measures effects in days, not in the metric's unit",
        ),
    ],
)
def test_an_error_names_file_line_rule_and_the_nearest_word(old: str, new: str, place: str, message: str) -> None:
    expected = f"my.yaml:{place}: stale-key-result: {message}"
    assert [line[: len(expected)] for line in broken(old, new)][-1] == expected


def test_the_engines_own_name_is_taken() -> None:
    (line,) = broken("name: stale-key-result", "name: plumbline-engine")
    assert line == (
        "my.yaml:3:11: plumbline-engine: name: plumbline-engine is what the engine reports under: choose another name"
    )


def test_an_error_outside_of_rules_has_a_place_too() -> None:
    assert broken("title: Freshness", "titel: Freshness") == [
        "my.yaml:1:1: there is no 'titel' here; did you mean 'title'? Known: histories, rules, title"
    ]
    assert broken("  old: {as_of: 2026-03-31}", "  old: 3") == [
        "my.yaml:13:1: histories are mappings of as_of and tables, by name"
    ]


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = GOOD.replace("stage: live", "stage: liv").replace("for: 2bd", "for: soon")
    with pytest.raises(RuleFileError) as caught:
        load_text(text, "my.yaml")
    assert [line.split(": ")[2] for line in caught.value.lines] == ["for", "stage.name"]
    assert str(caught.value) == "\n".join(caught.value.lines)


def test_a_missing_key_points_at_its_rule() -> None:
    assert broken("    detector: stale\n", "") == ["my.yaml:3:5: stale-key-result: detector: is missing"]


def test_a_rule_without_a_name_is_called_by_its_number() -> None:
    assert broken("name: stale-key-result\n    detector", "detector") == ["my.yaml:3:5: rule 1: name: is missing"]


def test_a_name_is_used_once() -> None:
    text = "- {name: a, detector: stale, description: x}\n- {name: a, detector: stale, description: x}\n"
    with pytest.raises(RuleFileError, match=r"^two.yaml:2:10: a: name: 'a' is taken by a rule above"):
        load_text(text, "two.yaml")


@pytest.mark.parametrize("text", ["", "rules: {}", "rules:\n", "just words", "3", "title: x\n"])
def test_a_file_without_rules_says_what_a_rule_file_is(text: str) -> None:
    with pytest.raises(RuleFileError, match=r"my.yaml:\d:\d: a rule file is a list of rules"):
        load_text(text, "my.yaml")


def test_a_rule_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(RuleFileError, match=r"my.yaml:1:3: rule 1: Input should be"):
        load_text("- just words\n", "my.yaml")


def test_a_file_is_loaded_by_path(tmp_path: Path) -> None:
    path = tmp_path / "fresh.yaml"
    path.write_text(GOOD, "utf-8")
    assert load_file(path).name == "fresh"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RuleFileError, match=f"{re.escape(str(path))}: is no UTF-8 text"):
        load_file(path)


def test_a_single_rule_from_a_form_lists_its_problems() -> None:
    with pytest.raises(RuleError) as caught:
        read_rule({"name": "a", "detector": "stale", "description": "x", "params": {"min_history": 1, "slak": 2}})
    assert [problem.path for problem in caught.value.problems] == [("params", "min_history"), ("params", "slak")]
    assert str(caught.value.problems[1]).startswith("params.slak: there is no 'slak' here; did you mean 'slack'?")
    rule = read_rule({"name": "a", "detector": "stale", "description": "x"})
    assert rule.name == "a"


def test_labels_may_be_called_like_an_action() -> None:
    with pytest.raises(RuleError) as caught:
        read_rule({"name": "a", "detector": "stale", "description": "x", "labels": {"comment": 3}})
    assert [problem.path for problem in caught.value.problems] == [("labels", "comment")]


def test_an_unknown_pack_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RuleFileError, match=r"there is no pack 'data-turst'; did you mean 'data-trust'\?"):
        load_pack("data-turst")
    assert "data-trust" in packs()
