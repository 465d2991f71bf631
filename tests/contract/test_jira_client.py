"""The `jira` package, which knows nothing of us, drives the sandbox as it would drive Jira."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from jira import JIRA, JIRAError

from connectors.jira.sandbox import BOT, Fault, Kind, Sandbox, Site, create_sandbox, ledger, running
from tests.contract.watch import Watch


def document(text: str) -> dict[str, Any]:
    content = [{"type": "paragraph", "content": [{"type": "text", "text": text}]}]
    return {"type": "doc", "version": 1, "content": content}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = create_sandbox()
    with running(sandbox):
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Any:  # noqa: ANN401 - the package ships no types
    options: dict[str, Any] = {"server": sandbox.site.base_url, "rest_api_version": "3"}
    return JIRA(options=options, basic_auth=(BOT.email, BOT.token), max_retries=0)


@pytest.fixture
def issue(client: Any) -> Any:  # noqa: ANN401 - the package ships no types
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "Something", "labels": ["a"]}
    return client.create_issue(fields={**fields, "description": document("Why")})


def test_it_signs_in_and_learns_what_the_site_is(client: Any) -> None:  # noqa: ANN401 - the package ships no types
    assert client.server_info()["deploymentType"] == "Cloud"
    assert client.myself()["accountId"] == BOT.account_id
    assert {"summary", "labels", "customfield_10016"} <= {field["id"] for field in client.fields()}
    held = client.my_permissions(projectKey="OPS", permissions="CREATE_ISSUES")["permissions"]
    assert held["CREATE_ISSUES"]["havePermission"] is True


def test_it_creates_edits_comments_and_deletes(
    client: Any,  # noqa: ANN401 - the package ships no types
    issue: Any,  # noqa: ANN401 - the package ships no types
    sandbox: Sandbox,
    contracts: Watch,
) -> None:
    assert (issue.key, issue.fields.status.name, issue.fields.labels) == ("OPS-1", "To Do", ["a"])
    issue.update(fields={"summary": "Something else"})
    client.add_comment(issue, document("Looking"))
    assert client.issue("OPS-1").fields.summary == "Something else"
    assert [comment.author.displayName for comment in client.comments(issue)] == ["Plumbline"]
    issue.delete()
    with pytest.raises(JIRAError) as caught:
        client.issue("OPS-1")
    assert caught.value.status_code == 404
    counts = ledger(sandbox.site)["counts"]
    assert (counts["issues"], counts["deleted"]) == (0, 1)
    (violation,) = contracts.take()
    assert "'False' is not one of ['true', 'false']" in violation  # how it writes deleteSubtasks


def test_it_pages_through_a_search(client: Any, sandbox: Sandbox) -> None:  # noqa: ANN401 - the package ships no types
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "One of many"}
    made = [sandbox.site.create(fields, {}, by=BOT).key for _ in range(120)]
    found = client.enhanced_search_issues("project = OPS ORDER BY id ASC", maxResults=0, fields="summary")
    assert [issue.key for issue in found] == made


def test_it_moves_an_issue_though_not_as_the_contract_wants_it(
    client: Any,  # noqa: ANN401 - the package ships no types
    issue: Any,  # noqa: ANN401 - the package ships no types
    contracts: Watch,
) -> None:
    """The package sends the id as a number; the watch sees it, which is a reason for doing this ourselves."""
    ways = {way["name"]: way["id"] for way in client.transitions(issue)}
    assert set(ways) == {"In Progress", "Done"}
    client.transition_issue(issue, ways["Done"])
    assert client.issue("OPS-1").fields.status.statusCategory.key == "done"
    (violation,) = contracts.take()
    assert "31 is not of type 'string'" in violation


def test_its_remote_links_are_upserts(client: Any, issue: Any) -> None:  # noqa: ANN401 - the package ships no types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for application links first, which the sandbox does not have
        for title in ("One", "Two"):
            client.add_remote_link(issue, {"url": "https://x.example.com", "title": title}, globalId="g")
    (link,) = client.remote_links(issue)
    assert (link.globalId, link.object.title) == ("g", "Two")


def test_its_properties_are_kept(client: Any, issue: Any) -> None:  # noqa: ANN401 - the package ships no types
    client.add_issue_property(issue.key, "p", {"q": [1, 2]})
    assert client.issue_property(issue.key, "p").value.q == [1, 2]


def test_wrong_credentials_do_not_get_in(sandbox: Sandbox) -> None:
    options: dict[str, Any] = {"server": sandbox.site.base_url, "rest_api_version": "3"}
    client = JIRA(options=options, basic_auth=(BOT.email, "wrong"), max_retries=0)
    with pytest.raises(JIRAError) as caught:
        client.myself()
    assert caught.value.status_code == 401


@pytest.mark.parametrize(("kind", "applied"), [(Kind.APPLY_THEN_DROP, 1), (Kind.DROP_BEFORE, 0)])
def test_a_lost_reply_looks_the_same_to_it_whether_it_was_applied_or_not(
    client: Any,  # noqa: ANN401 - the package ships no types
    sandbox: Sandbox,
    kind: Kind,
    applied: int,
) -> None:
    site: Site = sandbox.site
    site.faults.plan(Fault("create_issue", kind))
    with pytest.raises(requests.ConnectionError):
        client.create_issue(fields={"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "Lost"})
    assert ledger(site)["counts"]["issues"] == applied
