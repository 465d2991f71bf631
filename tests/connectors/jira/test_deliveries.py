"""Webhooks out of the sandbox behave as Jira's: signed, repeated, late, doubled, out of order."""

from __future__ import annotations

import pytest

from connectors.jira import JiraConnector
from connectors.jira.sandbox import PERSON, Sandbox
from connectors.jira.sandbox.model import Issue
from connectors.sdk.protocol import TicketDraft, TicketState
from tests.connectors.jira.conftest import Listener

SECRET = "sandbox-webhook-secret"


@pytest.fixture
def issue(sandbox: Sandbox, listener: Listener) -> Issue:
    """Make an issue, and only then listen."""
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "Something"}
    made = sandbox.site.create(fields, {}, by=PERSON)
    sandbox.site.register(listener.url, secret=SECRET)
    return made


def test_what_the_sandbox_sends_our_connector_verifies_and_understands(
    jira: JiraConnector, sandbox: Sandbox, listener: Listener, draft: TicketDraft
) -> None:
    sandbox.site.register(listener.url, secret=SECRET)
    made = jira.create(draft, "01hzy8t3v5k2m9q4")
    jira.comment(made.key, "Hello", "comment-0001")
    jira.transition(made.key, TicketState.CLOSED)
    sandbox.site.delete(sandbox.site.issue(made.key), by=PERSON)
    assert sandbox.deliveries.settled()
    assert listener.events() == ["jira:issue_created", "comment_created", "jira:issue_updated", "jira:issue_deleted"]
    for request in listener.received:
        jira.verify(request)
    hints = [hint for request in listener.received for hint in jira.parse(request)]
    assert {hint.key for hint in hints} == {made.key}
    assert len({hint.event_id for hint in hints}) == 4
    assert [hint.marker for hint in hints] == ["01hzy8t3v5k2m9q4", None, "01hzy8t3v5k2m9q4", "01hzy8t3v5k2m9q4"]


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 503])
def test_a_refused_delivery_is_repeated_with_the_same_identifier(
    sandbox: Sandbox, listener: Listener, issue: Issue, status: int
) -> None:
    listener.statuses.extend([status, status])
    sandbox.site.comment(issue, "Hello", by=PERSON)
    assert sandbox.deliveries.settled()
    headers = [request.headers for request in listener.received]
    assert len({header["x-atlassian-webhook-identifier"] for header in headers}) == 1
    assert [header.get("x-atlassian-webhook-retry") for header in headers] == [None, "1", "2"]
    assert [header["x-atlassian-webhook-flow"] for header in headers] == ["Primary", "Secondary", "Secondary"]


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 404, 413])
def test_other_answers_are_final(sandbox: Sandbox, listener: Listener, issue: Issue, status: int) -> None:
    listener.statuses.append(status)
    sandbox.site.comment(issue, "Hello", by=PERSON)
    assert sandbox.deliveries.settled()
    assert len(listener.received) == 1


def test_after_five_repetitions_jira_gives_up(sandbox: Sandbox, listener: Listener, issue: Issue) -> None:
    listener.statuses.extend([503] * 20)
    sandbox.site.comment(issue, "Hello", by=PERSON)
    assert sandbox.deliveries.settled()
    assert len(listener.received) == 6


def test_a_doubled_delivery_has_one_identifier(sandbox: Sandbox, listener: Listener, issue: Issue) -> None:
    sandbox.deliveries.behave(doubled=True)
    sandbox.site.comment(issue, "Hello", by=PERSON)
    assert sandbox.deliveries.settled()
    assert len(listener.received) == 2
    assert len({request.headers["x-atlassian-webhook-identifier"] for request in listener.received}) == 1


def test_deliveries_that_were_held_can_come_out_of_order(sandbox: Sandbox, listener: Listener, issue: Issue) -> None:
    sandbox.deliveries.behave(held=True, reordered=True)
    sandbox.site.comment(issue, "First", by=PERSON)
    sandbox.site.transition(issue, "31", by=PERSON)
    assert not listener.received
    sandbox.deliveries.behave(held=False)
    assert sandbox.deliveries.settled()
    assert listener.events() == ["jira:issue_updated", "comment_created"]


def test_a_webhook_may_ask_for_some_events_only(sandbox: Sandbox, listener: Listener, issue: Issue) -> None:
    sandbox.site.register(listener.url, events=["jira:issue_deleted"])
    sandbox.site.comment(issue, "Hello", by=PERSON)
    sandbox.site.delete(issue, by=PERSON)
    assert sandbox.deliveries.settled()
    assert listener.events() == ["jira:issue_deleted"]
    assert "x-hub-signature" not in listener.received[0].headers


def test_a_listener_that_is_not_there_costs_the_site_nothing(sandbox: Sandbox, issue: Issue) -> None:
    sandbox.site.register("http://127.0.0.1:1/nobody")
    sandbox.site.transition(issue, "31", by=PERSON)
    assert sandbox.deliveries.settled()
    nobody = [delivery for delivery in sandbox.deliveries.log if delivery.hook.url.endswith("/nobody")]
    assert [delivery.tries for delivery in nobody] == [[None] * 6]
