"""Tickets: made once, found whatever happened, moved by the category of their status."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.jira import JiraConnector
from connectors.jira.sandbox import PERSON, Sandbox, Site, ledger
from connectors.jira.source import STREAMS
from connectors.sdk.errors import ConfigError, NotAppliedError
from connectors.sdk.protocol import Outcome, TicketDraft, TicketState
from tests.connectors.jira.conftest import Connect
from tests.contract.watch import Watch
from tests.factories import SettableClock

MARKER = "01hzy8t3v5k2m9q4r7w6x1c0"
BOTH = pytest.mark.parametrize("sandbox", ["cloud", "data_center"], indirect=True)


def only(site: Site) -> dict[str, Any]:
    (issue,) = ledger(site)["issues"]
    return dict(issue)


@BOTH
def test_a_ticket_carries_its_marker_three_times_from_the_create_call_on(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    made = jira.create(draft, MARKER)
    issue = only(site)
    assert (made.key, made.label, made.state) == (issue["id"], issue["key"], TicketState.OPEN)
    assert made.url == f"{site.base_url}/browse/{issue['key']}"
    assert issue["labels"] == ["data-trust", f"plumbline-ref-{MARKER}"]
    assert issue["properties"] == {"plumbline.marker": MARKER}
    assert issue["description"].splitlines()[-1] == f"Plumbline reference: {MARKER}"
    created = [entry for entry in site.requests if entry["operation"] == "create_issue"]
    assert len(created) == 1
    assert issue["history"] == []


@BOTH
def test_a_ticket_says_what_the_draft_says(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    jira.create(draft, MARKER)
    issue = only(site)
    assert issue["summary"] == draft.title
    for part in (*draft.paragraphs, "Closed when:", draft.closes_when, "Finding in Plumbline"):
        assert part.replace("-", "") in issue["description"].replace("\\", "").replace("-", "")
    assert [cell in issue["description"] for cell in ("period", "value", "41")] == [True, True, True]


def test_a_ticket_links_back_and_a_repeated_update_does_not_link_twice(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    made = jira.create(draft, MARKER)
    jira.update(made.key, draft.model_copy(update={"title": "Now 20 days"}))
    jira.update(made.key, draft.model_copy(update={"title": "Now 20 days"}))
    issue = only(site)
    assert issue["summary"] == "Now 20 days"
    assert [link["object"]["url"] for link in issue["links"]] == [draft.link]
    assert issue["description"].splitlines()[-1] == f"Plumbline reference: {MARKER}"


@BOTH
def test_find_sees_a_ticket_in_any_status_and_project(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    made = jira.create(draft, MARKER)
    jira.create(draft, "another-marker-0001")
    jira.transition(made.key, TicketState.CLOSED)
    site.move(site.issue(made.key), "KPI", by=PERSON)
    (found,) = jira.find(MARKER)
    assert (found.key, found.label, found.state) == (made.key, "KPI-1", TicketState.CLOSED)
    assert found.resolution == "Done"


@pytest.mark.parametrize("sandbox", ["cloud"], indirect=True)
def test_whoever_made_a_ticket_finds_it_although_the_index_lags(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    """R9: a search that names the issues we wrote last looks at them as they are."""
    site.switches.search_lag = timedelta(hours=1)
    made = [jira.create(draft, f"made-here-{number:04d}") for number in range(60)]
    assert [ticket.key for ticket in jira.find("made-here-0059")] == [made[-1].key]
    assert jira.find("made-here-0001") == []
    assert made[-1].key in set(jira.keys(STREAMS[0]))


def test_find_sees_nothing_before_the_index_does_and_the_ticket_afterwards(
    connect: Connect, site: Site, draft: TicketDraft, clock: SettableClock
) -> None:
    """R9: the lag is the site's, measured on the injected clock; whoever looks is not who wrote."""
    jira, other = connect(), connect()
    for lag in (5, 60, 300, 599):
        marker = f"lagging-by-{lag:04d}"
        site.switches.search_lag = type(site.switches.search_lag)(seconds=lag)
        made = jira.create(draft, marker)
        clock.advance(seconds=lag - 1)
        assert other.find(marker) == []
        assert other.get(made.key) is not None
        clock.advance(seconds=1)
        assert [ticket.key for ticket in other.find(marker)] == [made.key]


@pytest.mark.parametrize("hidden", [{"labels"}, {"labels", "duedate"}])
def test_a_ticket_is_made_without_what_the_create_screen_lacks_and_found_by_its_text(
    jira: JiraConnector, site: Site, draft: TicketDraft, hidden: set[str]
) -> None:
    site.switches.off_create_screen = hidden
    made = jira.create(draft.model_copy(update={"due": "2026-12-24"}), MARKER)
    issue = only(site)
    assert issue["labels"] == []
    assert [ticket.key for ticket in jira.find(MARKER)] == [made.key]
    site.drop_property(site.issue(made.key), "plumbline.marker")
    assert [ticket.key for ticket in jira.find(MARKER)] == [made.key]


def test_a_clone_is_not_taken_for_the_ticket(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    made = jira.create(draft, MARKER)
    original = site.issue(made.key)
    fields = {
        "project": {"key": "OPS"},
        "issuetype": {"name": "Task"},
        "summary": "CLONE - " + original.summary,
        "labels": list(original.labels),
        "description": original.description,
    }
    site.create(fields, {}, by=PERSON)
    assert [ticket.key for ticket in jira.find(MARKER)] == [made.key]


def test_two_tickets_with_one_marker_are_both_found_lowest_first(jira: JiraConnector, draft: TicketDraft) -> None:
    made = [jira.create(draft, MARKER).key, jira.create(draft, MARKER).key]
    assert [ticket.key for ticket in jira.find(MARKER)] == sorted(made, key=int)


def test_a_marker_inside_a_longer_word_is_not_a_match(jira: JiraConnector, draft: TicketDraft) -> None:
    jira.create(draft, MARKER + "-2")
    assert jira.find(MARKER) == []


def test_a_marker_that_would_not_survive_jira_is_refused_before_anything_is_sent(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    for marker in ("", "short", "with space in it", 'quo"te-0001', "x" * 65):
        with pytest.raises(ValueError, match="a marker has"):
            jira.create(draft, marker)
    assert not site.requests


def test_a_deleted_ticket_is_gone(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    made = jira.create(draft, MARKER)
    site.delete(site.issue(made.key), by=PERSON)
    assert jira.get(made.key) is None
    assert jira.find(MARKER) == []
    with pytest.raises(NotAppliedError, match="no issue"):
        jira.update(made.key, draft)


def test_the_index_still_showing_a_deleted_ticket_misleads_nobody(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    made = jira.create(draft, MARKER)
    site.switches.search_lag = type(site.switches.search_lag)(seconds=60)
    site.delete(site.issue(made.key), by=PERSON)
    assert jira.find(MARKER) == []


@BOTH
def test_a_comment_is_added_once_however_often_it_is_asked_for(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    made = jira.create(draft, MARKER)
    first = jira.comment(made.key, "Still no value.\n\nPlease look.", "comment-0001")
    again = jira.comment(made.key, "Still no value.\n\nPlease look.", "comment-0001")
    other = jira.comment(made.key, "Something else.", "comment-0002")
    assert first == again
    assert first.outcome is other.outcome is Outcome.APPLIED
    assert [entry["id"] for entry in only(site)["comments"]] == [first.key, other.key]
    assert only(site)["comments"][0]["text"].splitlines()[0] == "Still no value."


def test_a_comment_is_recognised_among_many(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    made = jira.create(draft, MARKER)
    first = jira.comment(made.key, "Found on the second page.", "comment-0001")
    for number in range(150):
        site.comment(site.issue(made.key), f"chatter {number}", by=PERSON)
    last = jira.comment(made.key, "After them.", "comment-0002")
    assert jira.comment(made.key, "After them.", "comment-0002") == last
    assert jira.comment(made.key, "Found on the second page.", "comment-0001") == first


@BOTH
@pytest.mark.parametrize("strict", [False, True])
def test_a_ticket_is_moved_by_category_and_moving_it_again_changes_nothing(
    jira: JiraConnector, site: Site, draft: TicketDraft, *, strict: bool
) -> None:
    site.switches.strict_workflow = strict
    made = jira.create(draft, MARKER)
    for state in (TicketState.CLOSED, TicketState.CLOSED, TicketState.OPEN, TicketState.IN_PROGRESS):
        assert jira.transition(made.key, state).state is state
    moves = [entry for entry in site.requests if entry["operation"] == "transition"]
    assert len(moves) == (5 if strict else 3)


def test_a_resolution_that_the_workflow_requires_is_chosen(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    site.switches.required_to_close = {"resolution"}
    made = jira.create(draft, MARKER)
    assert jira.transition(made.key, TicketState.CLOSED).resolution == "Done"


def test_a_field_that_only_a_person_can_fill_in_stops_the_move_and_is_named(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    site.switches.required_to_close = {"resolution", "duedate"}
    made = jira.create(draft, MARKER)
    with pytest.raises(NotAppliedError, match=r"Done \(to closed, requires duedate, resolution\)"):
        jira.transition(made.key, TicketState.CLOSED)
    assert only(site)["status"] == "To Do"


def test_a_ticket_that_may_not_be_moved_says_which_permission_may_be_missing(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    made = jira.create(draft, MARKER)
    site.switches.permissions.discard("TRANSITION_ISSUES")
    with pytest.raises(NotAppliedError, match="Transition Issues"):
        jira.transition(made.key, TicketState.CLOSED)


def test_a_private_ticket_gets_the_security_level_or_is_not_made(
    connect: Connect, site: Site, draft: TicketDraft
) -> None:
    private = draft.model_copy(update={"private": True})
    with pytest.raises(ConfigError, match="security level") as caught:
        connect().create(private, MARKER)
    assert caught.value.field == "tickets.security_level"
    tickets = {"project": "OPS", "security_level": "Owner and steward only"}
    connect(tickets=tickets).create(private, MARKER)
    assert only(site)["security"] == "10100"


def test_a_private_ticket_is_never_made_public_because_the_level_is_refused(
    connect: Connect, site: Site, draft: TicketDraft
) -> None:
    site.switches.permissions.discard("SET_ISSUE_SECURITY")
    jira = connect(tickets={"project": "OPS", "security_level": "10100"})
    with pytest.raises(NotAppliedError, match="security"):
        jira.create(draft.model_copy(update={"private": True}), MARKER)
    assert ledger(site)["counts"]["issues"] == 0


def test_assignee_and_due_date_arrive_and_an_unknown_assignee_is_left_out(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    jira.create(draft.model_copy(update={"assignee": PERSON.account_id, "due": "2026-12-24"}), MARKER)
    assert site.issue("OPS-1").assignee == PERSON.account_id
    assert site.issue("OPS-1").duedate == "2026-12-24"
    jira.create(draft.model_copy(update={"assignee": "left-the-company"}), "another-marker-0001")
    assert site.issue("OPS-2").assignee is None


def test_a_missing_link_permission_does_not_cost_the_ticket(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    site.switches.permissions.discard("LINK_ISSUES")
    made = jira.create(draft, MARKER)
    assert only(site)["id"] == made.key
    assert only(site)["links"] == []


def test_a_connection_without_tickets_says_so(connect: Connect, draft: TicketDraft) -> None:
    with pytest.raises(ConfigError, match="makes no tickets"):
        connect(tickets=None).create(draft, MARKER)


def test_the_watch_saw_every_call(jira: JiraConnector, sandbox: Sandbox, draft: TicketDraft, contracts: Watch) -> None:
    jira.create(draft, MARKER)
    assert len(contracts.calls) == len(sandbox.site.requests) > 0
