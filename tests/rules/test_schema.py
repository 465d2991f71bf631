"""The words of a rule."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rules.durations import Duration
from rules.schema import Comment, Message, Rule, Severity, Stage, Subject, Ticket, Webhook

LEAST: dict[str, Any] = {"name": "stale-key-result", "detector": "stale", "description": "Nobody has measured it."}
WHOLE: dict[str, Any] = LEAST | {
    "scope": {"subject": "key_result", "when": "!subject.retired"},
    "params": {"max_age": "14d"},
    "materiality": 2.5,
    "for": "2bd",
    "keep_firing_for": "1d",
    "severity": "critical",
    "stage": {"pilot": {"org_units": ["emea"]}},
    "labels": {"theme": "data-trust"},
    "annotations": {"summary": "No news for {{age}}", "runbook": "stale"},
    "actions": [
        {"type": "comment", "on": "linked_issue"},
        {"type": "ticket", "to": "steward", "due": "5bd"},
        {"type": "message", "to": "owner"},
        {"type": "webhook", "name": "chat"},
    ],
    "limits": {"max_new_findings": 7},
    "cases": [{"history": "old", "as_of": "2026-03-31", "expect": ["kr-1", {"subject": "kr-2", "slot": "feed"}]}],
}


def test_a_whole_rule_says_what_it_means() -> None:
    rule = Rule.model_validate(WHOLE)
    assert rule.pending == Duration(business_days=2)
    assert rule.keep_firing_for == Duration(days=1)
    assert rule.severity is Severity.CRITICAL
    assert rule.stage == Stage(name="pilot", org_units=("emea",))
    assert rule.actions == (
        Comment(type="comment", on="linked_issue"),
        Ticket(type="ticket", to="steward", due=Duration(business_days=5)),
        Message(type="message", to="owner"),
        Webhook(type="webhook", name="chat"),
    )
    assert [(entry.subject, entry.slot) for entry in rule.cases[0].expect] == [("kr-1", ""), ("kr-2", "feed")]


def test_a_rule_written_as_json_reads_as_the_same_rule() -> None:
    for given in (LEAST, WHOLE):
        rule = Rule.model_validate(given)
        written = rule.model_dump(mode="json", by_alias=True)
        assert Rule.model_validate(written) == rule
        assert Rule.model_validate_json(rule.model_dump_json(by_alias=True)) == rule
    assert written["stage"] == {"pilot": {"org_units": ["emea"]}}
    assert written["for"] == "2bd"


def test_the_least_rule_is_quiet() -> None:
    rule = Rule.model_validate(LEAST)
    assert rule.stage.name == "shadow"
    assert rule.scope.subject == "series"
    assert not rule.pending
    assert not rule.keep_firing_for
    assert rule.severity is Severity.WARNING
    assert rule.limits.max_new_findings == 50
    assert rule.materiality is None
    assert rule.actions == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Stale"}, "String should match pattern"),
        ({"name": "stale--x"}, "String should match pattern"),
        ({"name": "s" * 81}, "at most 80"),
        ({"description": ""}, "at least 1"),
        ({"pending": "1d"}, "Extra inputs are not permitted"),
        ({"materiality": -1}, "greater than or equal to 0"),
        ({"limits": {"max_new_findings": -1}}, "greater than or equal to 0"),
        ({"stage": "pilot"}, "a pilot names the org units"),
        ({"stage": {"pilot": {"org_units": []}}}, "a pilot names the org units"),
        ({"stage": {"name": "live", "org_units": ["emea"]}}, "a pilot names the org units"),
        ({"stage": "liv"}, "Input should be 'shadow', 'pilot' or 'live'"),
        ({"stage": {"pilot": {"units": ["emea"]}}}, "Extra inputs are not permitted"),
        ({"scope": {"subject": "person"}}, "Input should be 'series', 'key_result' or 'objective'"),
        ({"scope": {"when": "x" * 4001}}, "at most 4000"),
        ({"annotations": {"sumary": "x"}}, "Extra inputs are not permitted"),
        ({"annotations": {"summary": "x" * 501}}, "at most 500"),
        ({"actions": [{"type": "comment", "to": "owner"}]}, "Field required"),
        ({"for": "soon"}, "is no duration"),
    ],
)
def test_what_makes_no_rule_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Rule.model_validate(LEAST | change)


def test_a_rule_and_a_subject_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Rule.model_validate(LEAST).name = "other"  # type: ignore[misc] # that is the point
    with pytest.raises(ValidationError, match="frozen"):
        Subject(id="a", kind="series").title = "x"  # type: ignore[misc] # that is the point


def test_every_field_of_a_subject_is_described() -> None:
    assert all(field.description for field in Subject.model_fields.values())
