"""What becomes of a create when something goes wrong on the way, counted at the sandbox's ledger (R7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.jira import JiraConnector
from connectors.jira.sandbox import Fault, Kind, Site, ledger
from connectors.sdk.errors import AmbiguousError, AuthError, ConnectorError, NotAppliedError, TransientError
from connectors.sdk.protocol import TicketDraft, TicketState
from tests.connectors.jira.conftest import Connect
from tests.factories import SettableClock

MARKER = "01hzy8t3v5k2m9q4r7w6x1c0"

CASES = {
    "applied, then the connection drops": (Fault("create_issue", Kind.APPLY_THEN_DROP), AmbiguousError, 1),
    "dropped before it was applied": (Fault("create_issue", Kind.DROP_BEFORE), AmbiguousError, 0),
    "throttled": (Fault("create_issue", Kind.THROTTLE, retry_after="17"), TransientError, 0),
    "throttled without a time": (Fault("create_issue", Kind.THROTTLE), TransientError, 0),
    "500 before": (Fault("create_issue", Kind.ERROR_BEFORE, status=500), AmbiguousError, 0),
    "500 after": (Fault("create_issue", Kind.ERROR_AFTER, status=500), AmbiguousError, 1),
    "502 before": (Fault("create_issue", Kind.ERROR_BEFORE, status=502), AmbiguousError, 0),
    "503 after": (Fault("create_issue", Kind.ERROR_AFTER, status=503), AmbiguousError, 1),
    "504 after": (Fault("create_issue", Kind.ERROR_AFTER, status=504), AmbiguousError, 1),
    "408": (Fault("create_issue", Kind.ERROR_BEFORE, status=408), AmbiguousError, 0),
    "409": (Fault("create_issue", Kind.ERROR_AFTER, status=409), AmbiguousError, 1),
    "401": (Fault("create_issue", Kind.ERROR_BEFORE, status=401), AuthError, 0),
    "403": (Fault("create_issue", Kind.ERROR_BEFORE, status=403), AuthError, 0),
    "404": (Fault("create_issue", Kind.ERROR_BEFORE, status=404), NotAppliedError, 0),
    "413": (Fault("create_issue", Kind.ERROR_BEFORE, status=413), NotAppliedError, 0),
    "the reply is cut": (Fault("create_issue", Kind.TRUNCATED), AmbiguousError, 1),
    "half of the JSON": (Fault("create_issue", Kind.HALF_JSON), AmbiguousError, 1),
    "a page instead of JSON": (Fault("create_issue", Kind.HTML), AmbiguousError, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_create_is_sent_once_and_its_outcome_is_told_as_it_is(
    jira: JiraConnector, site: Site, draft: TicketDraft, case: str
) -> None:
    fault, expected, applied = CASES[case]
    site.faults.plan(Fault(fault.operation, fault.kind, status=fault.status, retry_after=fault.retry_after))
    with pytest.raises(ConnectorError) as caught:
        jira.create(draft, MARKER)
    assert type(caught.value) is expected
    sent = [entry for entry in site.requests if entry["operation"] == "create_issue"]
    assert len(sent) == 1
    assert ledger(site)["counts"]["issues"] == applied


def test_a_throttled_create_says_when_it_may_be_repeated(jira: JiraConnector, site: Site, draft: TicketDraft) -> None:
    site.faults.plan(Fault("create_issue", Kind.THROTTLE, retry_after="17"))
    with pytest.raises(TransientError) as caught:
        jira.create(draft, MARKER)
    assert caught.value.retry_after == 17


def test_a_slow_create_is_ambiguous_and_applied(connect: Connect, site: Site, draft: TicketDraft) -> None:
    jira = connect(deployment="cloud")
    jira.network = type(jira.network)(private_hosts=frozenset({"127.0.0.1"}), read_seconds=0.05)
    site.faults.plan(Fault("create_issue", Kind.SLOW, seconds=0.5))
    with pytest.raises(AmbiguousError):
        jira.create(draft, MARKER)
    assert ledger(site)["counts"]["issues"] == 1


@pytest.mark.parametrize("kind", [Kind.APPLY_THEN_DROP, Kind.TRUNCATED, Kind.HALF_JSON, Kind.HTML, Kind.ERROR_AFTER])
def test_an_ambiguous_create_is_found_by_its_marker_once_the_index_has_it(
    jira: JiraConnector, site: Site, draft: TicketDraft, clock: SettableClock, kind: Kind
) -> None:
    site.switches.search_lag = type(site.switches.search_lag)(seconds=120)
    site.faults.plan(Fault("create_issue", kind))
    with pytest.raises(AmbiguousError):
        jira.create(draft, MARKER)
    assert jira.find(MARKER) == []
    clock.advance(seconds=120)
    (found,) = jira.find(MARKER)
    assert found.marker == MARKER
    assert ledger(site)["counts"]["issues"] == 1


@pytest.mark.parametrize("operation", ["add_comment", "transition", "edit_issue"])
@pytest.mark.parametrize("kind", [Kind.APPLY_THEN_DROP, Kind.DROP_BEFORE])
def test_other_writes_are_ambiguous_too_and_safe_to_repeat(
    jira: JiraConnector, site: Site, draft: TicketDraft, operation: str, kind: Kind
) -> None:
    made = jira.create(draft, MARKER)
    changed = draft.model_copy(update={"title": "Changed"})
    calls: dict[str, Callable[[], object]] = {
        "add_comment": lambda: jira.comment(made.key, "Once only.", "comment-0001"),
        "transition": lambda: jira.transition(made.key, TicketState.CLOSED),
        "edit_issue": lambda: jira.update(made.key, changed),
    }
    site.faults.plan(Fault(operation, kind))
    with pytest.raises(AmbiguousError):
        calls[operation]()
    calls[operation]()
    issue = ledger(site)["issues"][0]
    written = {"add_comment": len(issue["comments"]), "transition": len(issue["history"]), "edit_issue": 1}
    assert written[operation] == 1
    assert operation != "edit_issue" or issue["summary"] == "Changed"


@pytest.mark.parametrize("operation", ["get_issue", "search"])
@pytest.mark.parametrize("kind", [Kind.DROP_BEFORE, Kind.ERROR_BEFORE, Kind.TRUNCATED])
def test_reads_are_repeated_a_few_times(
    jira: JiraConnector, site: Site, draft: TicketDraft, operation: str, kind: Kind
) -> None:
    made = jira.create(draft, MARKER)
    site.faults.plan(Fault(operation, kind, times=2))
    assert [ticket.key for ticket in jira.find(MARKER)] == [made.key]


def test_a_read_does_not_come_back_before_the_time_it_was_told(
    jira: JiraConnector, site: Site, draft: TicketDraft
) -> None:
    made = jira.create(draft, MARKER)
    site.faults.plan(Fault("get_issue", Kind.THROTTLE, retry_after="3600"))
    with pytest.raises(TransientError) as caught:
        jira.get(made.key)
    assert caught.value.retry_after == 3600
    assert sum(entry["operation"] == "get_issue" for entry in site.requests) == 1
