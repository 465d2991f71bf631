"""Issues as objectives, key results and initiatives, and the check-ins that people write on them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.jira import JiraConnector, source
from connectors.jira.check_ins import CHECK_INS, check_ins
from connectors.jira.config import PlanItem, PlanKind
from connectors.jira.plan import plan_of
from connectors.jira.sandbox import BOT, PERSON, Site
from connectors.jira.sandbox.model import Issue
from connectors.sdk.protocol import Checkpoint, Record, Rejected
from tests.connectors.jira.conftest import Connect
from tests.factories import SettableClock

BOTH = pytest.mark.parametrize("sandbox", ["cloud", "data_center"], indirect=True)
ISSUES = source.STREAMS[0]
PLAN = [
    {"kind": "objective", "issue_type": "Story"},
    {"kind": "key_result", "issue_type": "10002", "label": "kr", "current": "customfield_10016"},
    {"kind": "initiative", "issue_type": "Task", "project": "KPI", "confidence": "customfield_10030"},
]


@pytest.fixture
def jira(connect: Connect) -> JiraConnector:
    return connect(plan=PLAN)


def make(site: Site, kind: str, *, project: str = "OPS", **fields: object) -> Issue:
    common = {"project": {"key": project}, "issuetype": {"name": kind}, "summary": f"A {kind}"}
    return site.create({**common, **fields}, {}, by=PERSON, version=2)


def say(site: Site, issue: Issue, text: str) -> None:
    site.comment(issue, text, by=PERSON)


def found(jira: JiraConnector) -> list[Record]:
    return [entry for entry in jira.read(CHECK_INS, None) if isinstance(entry, Record)]


@BOTH
def test_the_first_entry_that_fits_says_what_an_issue_is(jira: JiraConnector, site: Site) -> None:
    person = "5b10a2844c20165700ede21g"
    make(site, "Story", assignee={"accountId": person}, duedate="2026-12-31")
    make(site, "Task", labels=["kr"], customfield_10016=62)
    make(site, "Task", project="KPI", customfield_10030="at risk")
    make(site, "Bug")
    plans: list[Any] = [entry.data["plan"] for entry in jira.read(ISSUES, None) if isinstance(entry, Record)]
    assert [plan and plan["kind"] for plan in plans] == ["objective", "key_result", "initiative", None]
    assert plans[0] == {
        "kind": "objective",
        "title": "A Story",
        "owner": person if jira.api.cloud else "sam",
        "parent": None,
        "due": "2026-12-31",
    }
    assert (plans[1]["current"], plans[2]["confidence"]) == (62, "at risk")


@pytest.mark.parametrize(
    ("parent", "known"), [({"id": "10007", "key": "OPS-7"}, "10007"), ("OPS-7", "OPS-7"), (None, None)]
)
def test_the_issue_above_is_known_by_id_or_by_the_key_that_a_field_holds(parent: object, known: str | None) -> None:
    fields = {"issuetype": {"name": "Story"}, "parent": parent, "summary": "Under it"}
    plan = plan_of({"fields": fields}, [PlanItem(kind=PlanKind.OBJECTIVE, issue_type="Story")])
    assert plan is not None
    assert plan["parent"] == known


def test_without_a_plan_there_are_no_check_ins(connect: Connect) -> None:
    assert [stream.name for stream in connect().discover()] == ["issues"]
    assert [stream.name for stream in connect(plan=PLAN).discover()] == ["issues", "check_ins"]


@BOTH
def test_a_check_in_is_read_off_a_comment_on_a_key_result_and_nowhere_else(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    key_result, other = make(site, "Task", labels=["kr"]), make(site, "Bug")
    for issue in (key_result, other):
        say(site, issue, "/checkin 62.5 at-risk because the pilot slipped")
    say(site, key_result, "I forgot the checkin again")
    (record,) = found(jira)
    comment = site.issue(key_result.key).comments[0]
    assert record.key == f"{key_result.id}-{comment.id}"
    assert record.data == {
        "id": record.key,
        "key_result": str(key_result.id),
        "key": key_result.key,
        "on": clock().isoformat(),
        "value": 62.5,
        "percent": False,
        "confidence": "at_risk",
        "note": "the pilot slipped",
        "reported_by": PERSON.account_id if jira.api.cloud else "sam",
        "recorded_at": clock().isoformat(),
    }


@pytest.mark.parametrize(
    ("text", "value", "confidence", "note"),
    [
        ("/checkin 62", 62, None, None),
        ("/checkin -3.5 off track: nobody knows", -3.5, "off_track", "nobody knows"),
        ("Hello\n/checkin 80% on-track\nAll is well.", 80, "on_track", "All is well."),
        ("/CHECKIN 7 because of the weather", 7, None, "of the weather"),
        ("/checkin 5 - five of nine", 5, None, "five of nine"),
    ],
)
def test_a_check_in_is_understood_as_people_write_it(
    text: str, value: float, confidence: str | None, note: str | None
) -> None:
    (record,) = check_ins({"id": "1", "key": "OPS-1"}, [comment(text)], "https://example.com")
    assert isinstance(record, Record)
    assert (record.data["value"], record.data["confidence"], record.data["note"]) == (value, confidence, note)


@pytest.mark.parametrize("text", ["/checkin", "/checkin soon", "/checkin 1,000", "/checkin 62abc"])
def test_a_check_in_without_a_plain_number_is_put_aside_not_guessed(text: str) -> None:
    (rejected,) = check_ins({"id": "1", "key": "OPS-1"}, [comment(text)], "https://example.com")
    assert isinstance(rejected, Rejected)
    assert "/checkin 62" in rejected.remedy


@pytest.mark.parametrize("text", ["checkin 62", "see /checking 62", "Please write /checkin 62 from now on"])
def test_talk_about_check_ins_is_no_check_in(text: str) -> None:
    assert list(check_ins({"id": "1", "key": "OPS-1"}, [comment(text)], "https://example.com")) == []


def comment(text: str) -> dict[str, object]:
    at = "2026-03-03T09:00:00.000+0000"
    return {"id": "7", "body": text, "created": at, "updated": at, "author": {"accountId": BOT.account_id}}


@BOTH
def test_check_ins_are_read_on_fetched_and_counted_like_issues(
    jira: JiraConnector, site: Site, clock: SettableClock
) -> None:
    first, second = make(site, "Task", labels=["kr"]), make(site, "Task", labels=["kr"])
    say(site, first, "/checkin 1")
    entries = list(jira.read(CHECK_INS, None))
    cursor = [entry for entry in entries if isinstance(entry, Checkpoint)][-1].cursor
    clock.advance(minutes=1)
    say(site, second, "/checkin 2")
    news = [entry for entry in jira.read(CHECK_INS, cursor) if isinstance(entry, Record)]
    assert [record.data["value"] for record in news] == [2]
    every = found(jira)
    assert list(jira.keys(CHECK_INS)) == [record.key for record in every]
    assert list(jira.fetch(CHECK_INS, [record.key for record in every])) == every
    site.delete(site.issue(first.key), by=PERSON)
    assert [record.deleted for record in jira.fetch(CHECK_INS, [every[0].key])] == [True]
