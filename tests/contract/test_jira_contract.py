"""The Jira connector and its sandbox, held against what Atlassian publishes; and the watch itself, held to its word."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.jira.sandbox import BOT, PERSON, Sandbox, Site, create_sandbox, running
from connectors.jira.sandbox.model import Comment, History, Issue
from connectors.jira.sandbox.shapes import webhook_body
from tests.contract.watch import CONTRACTS, SPECS, UNDECLARED, Watch, slice_of

SHARED = Path(__file__).parents[3] / "shared" / "contracts"
AUTH = (BOT.email, BOT.token)
FIELDS: dict[str, Any] = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "Something"}
DOCUMENT: dict[str, Any] = {
    "type": "doc",
    "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Hello"}]}],
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = create_sandbox()
    sandbox.site.create(FIELDS, {}, by=PERSON)
    with running(sandbox):
        yield sandbox


def call(sandbox: Sandbox, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own
    return requests.request(method, f"{sandbox.site.base_url}/rest/api/3/{path}", auth=AUTH, timeout=10, **options)


# --- the slices -----------------------------------------------------------------------------------------------------


def test_the_slices_are_what_the_contracts_say_today() -> None:
    if not SHARED.is_dir():
        pytest.skip("the contracts beside the checkout are not there")
    spec = importlib.util.spec_from_file_location("derive", SPECS / "derive.py")
    assert spec is not None
    assert spec.loader is not None
    derive = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(derive)
    for name, content in derive.derive(SHARED).items():
        assert (SPECS / name).read_text() == content, f"{name} is stale: run tests/contract/specs/derive.py"


def test_the_slices_are_small_and_hold_no_prose() -> None:
    files = ["jira-cloud.json", "jira-data-center.json", "adf.json", "jira-webhooks.json"]
    assert sum((SPECS / name).stat().st_size for name in files) < 300_000

    def prose(node: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
        if isinstance(node, dict):
            for key, value in node.items():
                if key in {"description", "summary", "example"} and isinstance(value, str) and value:
                    yield value
                yield from prose(value)
        elif isinstance(node, list):
            for item in node:
                yield from prose(item)

    assert [text for name in files for text in prose(slice_of(name))] == []


# --- the watch catches ----------------------------------------------------------------------------------------------


PLANTED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "a description that is plain text": (
        "POST",
        "issue",
        {"json": {"fields": {**FIELDS, "description": "plain"}}},
        "has to be an Atlassian Document",
    ),
    "a document that the schema refuses": (
        "POST",
        "issue",
        {"json": {"fields": {**FIELDS, "description": {"type": "doc", "content": []}}}},
        "document:",
    ),
    "a comment that is plain text": ("POST", "issue/OPS-1/comment", {"json": {"body": "plain"}}, "has to be"),
    "fields that are a list": ("POST", "issue", {"json": {"fields": []}}, "not of type 'object'"),
    "a misspelt key": ("POST", "issue", {"json": {"feilds": {}, "fields": FIELDS}}, "the key feilds is not declared"),
    "a transition by number": ("POST", "issue/OPS-1/transitions", {"json": {"transition": {"id": 31}}}, "31"),
    "an offset in a search that has none": (
        "GET",
        "search/jql",
        {"params": {"jql": "project = OPS", "startAt": 50}},
        "the query parameter startAt is not declared",
    ),
    "null where nothing is meant": (
        "POST",
        "search/jql",
        {"json": {"jql": "project = OPS", "properties": None}},
        "None for not nullable",
    ),
    "reconciling by key": (
        "GET",
        "search/jql",
        {"params": {"jql": "project = OPS", "reconcileIssues": "OPS-1"}},
        "OPS-1",
    ),
    "a remote link without an address": (
        "POST",
        "issue/OPS-1/remotelink",
        {"json": {"object": {"title": "x"}}},
        "'url' is a required property",
    ),
    "a path that Jira does not have": ("GET", "issues", {}, "not found"),
    "a method that the path does not have": ("PATCH", "issue/OPS-1", {"json": {}}, "not found"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_a_request_that_breaks_the_contract_is_caught(sandbox: Sandbox, contracts: Watch, case: str) -> None:
    method, path, options, said = PLANTED[case]
    call(sandbox, method, path, **options)
    violations = [violation for violation in contracts.take() if ": request:" in violation]
    assert any(said.lower() in violation.lower() for violation in violations), violations


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"id": 10001}, "10001 is not of type 'string'"),
        ({"surprise": 1}, "surprise"),
        ({"fields": {"description": {"type": "doc", "version": 1, "content": [{"type": "text"}]}}}, "document:"),
    ],
)
def test_a_response_that_breaks_the_contract_is_caught(
    sandbox: Sandbox, contracts: Watch, spoil: dict[str, Any], said: str
) -> None:
    view = sandbox.app.view_functions["api.get_issue"]
    sandbox.app.view_functions["api.get_issue"] = lambda **keys: {**view(**keys).get_json(), **spoil}  # type: ignore[union-attr]  # it answers with a Response
    call(sandbox, "GET", "issue/OPS-1")
    (violation,) = contracts.take()
    assert said in violation


def test_a_status_that_is_not_declared_is_caught(sandbox: Sandbox, contracts: Watch) -> None:
    sandbox.app.view_functions["api.get_issue"] = lambda **_: ({}, 418)
    call(sandbox, "GET", "issue/OPS-1")
    assert contracts.take() == ["GET /rest/api/3/issue/OPS-1: 418 response: the status is not declared"]
    assert 418 not in UNDECLARED


def test_a_streamed_reply_is_looked_at_and_still_arrives(sandbox: Sandbox, contracts: Watch) -> None:
    with requests.get(f"{sandbox.site.base_url}/rest/api/3/serverInfo", auth=AUTH, stream=True, timeout=10) as response:
        assert json.loads(response.raw.read1())["deploymentType"] == "Cloud"
    assert contracts.calls == ["GET /rest/api/3/serverInfo"]


def test_what_is_not_the_tools_interface_is_left_alone(sandbox: Sandbox, contracts: Watch) -> None:
    requests.get(f"{sandbox.site.base_url}/__sandbox__/ledger", timeout=10)
    assert contracts.calls == []


# --- every operation of the sandbox ---------------------------------------------------------------------------------


LINK: dict[str, Any] = {"globalId": "g&a=1", "object": {"url": "https://x.example.com", "title": "t"}}
GOOD: tuple[tuple[str, str, dict[str, Any], int], ...] = (
    ("GET", "serverInfo", {}, 200),
    ("GET", "myself", {}, 200),
    ("GET", "mypermissions", {"params": {"permissions": "BROWSE_PROJECTS,EDIT_ISSUES", "projectKey": "OPS"}}, 200),
    ("GET", "field", {}, 200),
    ("GET", "project/OPS", {}, 200),
    ("GET", "issue/createmeta/OPS/issuetypes", {"params": {"startAt": 0, "maxResults": 2}}, 200),
    ("GET", "issue/createmeta/OPS/issuetypes/10002", {}, 200),
    (
        "POST",
        "issue",
        {"json": {"fields": {**FIELDS, "description": DOCUMENT, "labels": ["a"]}, "properties": [{"key": "p"}]}},
        201,
    ),
    ("POST", "issue/bulkfetch", {"json": {"issueIdsOrKeys": ["OPS-1", "99"], "fields": ["*all"]}}, 200),
    ("GET", "issue/OPS-1", {"params": {"fields": "*all", "properties": "p"}}, 200),
    ("PUT", "issue/OPS-1", {"json": {"fields": {"summary": "New"}, "update": {"labels": [{"add": "b"}]}}}, 204),
    ("POST", "issue/OPS-1/comment", {"json": {"body": DOCUMENT}}, 201),
    ("GET", "issue/OPS-1/comment", {"params": {"orderBy": "-created", "startAt": 0}}, 200),
    ("GET", "issue/OPS-1/transitions", {"params": {"expand": "transitions.fields"}}, 200),
    ("POST", "issue/OPS-1/transitions", {"json": {"transition": {"id": "31"}}}, 204),
    ("PUT", "issue/OPS-1/properties/p", {"json": {"any": ["thing"]}}, 201),
    ("PUT", "issue/OPS-1/properties/p", {"json": "other"}, 200),
    ("GET", "issue/OPS-1/properties", {}, 200),
    ("GET", "issue/OPS-1/properties/p", {}, 200),
    ("DELETE", "issue/OPS-1/properties/p", {}, 204),
    (
        "POST",
        "issue/OPS-1/remotelink",
        {"json": {"globalId": "g&a=1", "object": {"url": "https://x", "title": "t"}}},
        201,
    ),
    (
        "POST",
        "issue/OPS-1/remotelink",
        {"json": {"globalId": "g&a=1", "object": {"url": "https://x", "title": "u"}}},
        200,
    ),
    ("GET", "issue/OPS-1/remotelink", {}, 200),
    ("GET", "issue/OPS-1/remotelink", {"params": {"globalId": "g&a=1"}}, 200),
    ("DELETE", "issue/OPS-1/remotelink", {"params": {"globalId": "g&a=1"}}, 204),
    ("GET", "search/jql", {"params": {"jql": "project = OPS", "maxResults": 1, "fields": "summary,status"}}, 200),
    ("POST", "search/jql", {"json": {"jql": "project = OPS", "fields": ["*all"], "properties": ["p"]}}, 200),
    ("GET", "status", {}, 200),
    ("POST", "changelog/bulkfetch", {"json": {"issueIdsOrKeys": ["OPS-1"], "fieldIds": ["status"]}}, 200),
    ("DELETE", "issue/OPS-1", {}, 204),
    ("GET", "issue/OPS-1", {}, 404),
    ("POST", "issue", {"json": {"fields": {"summary": ""}}}, 400),
    ("GET", "search/jql", {"params": {"jql": "nonsense"}}, 400),
)


def test_every_operation_answers_as_the_contract_says(sandbox: Sandbox, contracts: Watch) -> None:
    statuses = [call(sandbox, method, path, **options).status_code for method, path, options, _ in GOOD]
    assert statuses == [status for *_, status in GOOD]
    assert len(contracts.calls) == len(GOOD)


@pytest.mark.parametrize(
    ("permission", "method", "path", "options"),
    [
        ("BROWSE_PROJECTS", "GET", "issue/OPS-1", {}),
        ("BROWSE_PROJECTS", "GET", "project/OPS", {}),
        ("CREATE_ISSUES", "POST", "issue", {"json": {"fields": FIELDS}}),
        ("CREATE_ISSUES", "GET", "issue/createmeta/OPS/issuetypes", {}),
        ("EDIT_ISSUES", "PUT", "issue/OPS-1", {"json": {"fields": {"summary": "New"}}}),
        ("ADD_COMMENTS", "POST", "issue/OPS-1/comment", {"json": {"body": DOCUMENT}}),
        ("TRANSITION_ISSUES", "POST", "issue/OPS-1/transitions", {"json": {"transition": {"id": "31"}}}),
        ("LINK_ISSUES", "POST", "issue/OPS-1/remotelink", {"json": {"object": {"url": "https://x", "title": "t"}}}),
        ("DELETE_ISSUES", "DELETE", "issue/OPS-1", {}),
    ],
)
def test_a_missing_permission_is_refused_with_a_declared_status(
    sandbox: Sandbox, permission: str, method: str, path: str, options: dict[str, Any]
) -> None:
    sandbox.site.switches.permissions.discard(permission)
    assert 400 <= call(sandbox, method, path, **options).status_code < 500


SIGNED_IN = sorted({(method, path) for method, path, *_ in GOOD if path != "serverInfo"})


@pytest.mark.parametrize(("method", "path"), SIGNED_IN)
def test_nobody_gets_in_without_signing_in(sandbox: Sandbox, contracts: Watch, method: str, path: str) -> None:
    address = f"{sandbox.site.base_url}/rest/api/3/{path}"
    for auth in (None, (BOT.email, "wrong"), (PERSON.email, BOT.token)):
        assert requests.request(method, address, auth=auth, json={}, timeout=10).status_code == 401
    contracts.take()  # the empty body is not the point here


# --- webhooks -------------------------------------------------------------------------------------------------------


def happened(site: Site) -> Iterator[tuple[str, Issue, History | Comment | None]]:
    """Let each event happen once, with every field that the sandbox can set."""
    fields = {**FIELDS, "description": DOCUMENT, "labels": ["a"], "assignee": {"accountId": PERSON.account_id}}
    issue = site.create({**fields, "duedate": "2026-12-24", "customfield_10030": "high"}, {}, by=BOT)
    yield "jira:issue_created", issue, None
    edited = site.edit(issue, {"summary": "New", "labels": ["b"]}, {}, by=BOT)
    yield "jira:issue_updated", edited, edited.history[-1]
    closed = site.transition(edited, "31", by=PERSON)
    yield "jira:issue_updated", closed, closed.history[-1]
    comment = site.comment(closed, DOCUMENT, by=PERSON)
    yield "comment_created", closed, comment
    yield "jira:issue_deleted", closed, None


def kinds(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        yield path, "object"
        for key, item in value.items():
            name = "customfield_*" if key.startswith("customfield_") else key
            yield from kinds(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        yield path, "array"
        for item in value:
            yield from kinds(item, f"{path}[]")
    else:
        yield path, {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}[type(value)]


def bodies(deployment: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - one of two words
    site = Site(deployment=deployment)
    for event, issue, what in happened(site):
        yield event, webhook_body(site, event, issue, BOT, what)


def known(deployment: str) -> dict[str, set[str]]:
    """Merge what was ever captured of a deployment: an issue looks the same in every event."""
    found: dict[str, set[str]] = {}
    for facts in slice_of("jira-webhooks.json")[deployment].values():
        for path, types in {**facts["always"], **facts["sometimes"]}.items():
            found.setdefault(path, set()).update(types)
    return found


EMPTY_IN_CAPTURES = {f"issue.fields.{name}" for name in ("assignee", "duedate", "security", "resolution")}
NOT_KEPT = {
    "issue.fields.": "fields that the sandbox has no use for",
    "user.": "e-mail, key and name, which Cloud stopped to tell of people in 2019",
    "comment.author.": "the same",
    "comment.updateAuthor.": "the same",
    "changelog": "the one captured jira:issue_created had one, of what the creating person chose at once",
}
"""What Jira says and the sandbox need not say."""


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_a_webhook_of_the_sandbox_says_nothing_that_jira_never_said(deployment: str) -> None:
    seen = known(deployment)
    for event, body in bodies(deployment):
        strange = {
            f"{path}: {kind}"
            for path, kind in kinds(body)
            if path and kind not in seen.get(path, ()) and not (kind == "null" or path in EMPTY_IN_CAPTURES)
        }
        assert strange == set(), event


def test_a_webhook_of_the_sandbox_says_everything_that_jira_always_says() -> None:
    for event, body in bodies("cloud"):
        always = slice_of("jira-webhooks.json")["cloud"][event]["always"]
        missing = set(always) - {path for path, _ in kinds(body)}
        assert {path for path in missing if not path.startswith(tuple(NOT_KEPT))} == set(), event
    updated = slice_of("jira-webhooks.json")["cloud"]["jira:issue_updated"]["always"]
    said = {path for event, body in bodies("cloud") if event == "jira:issue_updated" for path, _ in kinds(body)}
    assert {path for path in updated if path.startswith("changelog")} <= said


def test_rich_text_in_a_webhook_is_a_string_and_a_change_log_comes_with_updates_only() -> None:
    for event, body in bodies("cloud"):
        assert ("changelog" in body) == (event == "jira:issue_updated")
        assert ("user" in body) == (event != "comment_created")
        text = body["comment"]["body"] if event == "comment_created" else body["issue"]["fields"]["description"]
        assert text == "Hello"


def test_every_contract_has_its_slice() -> None:
    assert all((SPECS / contract.file).is_file() for contract in CONTRACTS)
