"""Webhooks in: who they are from (R28), and which issue they speak of."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from connectors.jira import JiraConnector
from connectors.jira.config import JiraConfig
from connectors.sdk.errors import ConfigError, ForgedRequestError, RecordError
from connectors.sdk.network import Network
from connectors.sdk.protocol import Touched, WebhookRequest

CAPTURES = Path(__file__).parents[4] / "shared" / "contracts" / "webhooks"
PUBLISHED_SECRET = "It's a Secret to Everybody"
PUBLISHED_BODY = b"Hello World!"
PUBLISHED_SIGNATURE = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
"""Atlassian's own example, from its page on webhooks."""


def connector(*secrets: str) -> JiraConnector:
    config = {
        "base_url": "https://example.atlassian.net",
        "auth": {"kind": "api_token", "email": "a@example.com", "token": "t"},
        "projects": ["OPS"],
        "webhook_secret": list(secrets),
    }
    return JiraConnector(JiraConfig.model_validate(config), Network())


def delivery(body: bytes, **headers: str) -> WebhookRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebhookRequest(
        method="POST", path="/webhooks/jira", headers=named, body=body, received_at=datetime(2026, 11, 3, tzinfo=UTC)
    )


def signed(body: bytes, secret: str) -> WebhookRequest:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return delivery(body, x_hub_signature=f"sha256={digest}")


def touched(body: JsonValue, **headers: str) -> list[Touched]:
    return list(connector("s").parse(delivery(json.dumps(body).encode(), **headers)))


def test_atlassians_own_example_verifies() -> None:
    connector(PUBLISHED_SECRET).verify(delivery(PUBLISHED_BODY, x_hub_signature=PUBLISHED_SIGNATURE))


def test_both_secrets_hold_during_a_rotation_and_no_third() -> None:
    jira = connector("old-secret", "new-secret")
    jira.verify(signed(b"{}", "old-secret"))
    jira.verify(signed(b"{}", "new-secret"))
    with pytest.raises(ForgedRequestError):
        jira.verify(signed(b"{}", "third-secret"))


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256",
        "sha256=",
        PUBLISHED_SIGNATURE.removeprefix("sha256="),
        PUBLISHED_SIGNATURE.replace("sha256", "sha1"),
        PUBLISHED_SIGNATURE.replace("sha256", "none"),
        PUBLISHED_SIGNATURE[:-2],
        PUBLISHED_SIGNATURE + "00",
        PUBLISHED_SIGNATURE[:-1] + "8",
        "sha256=" + "z" * 64,
        "sha256=\u00e9\u00e9",
        "md5=" + hmac.new(PUBLISHED_SECRET.encode(), PUBLISHED_BODY, "md5").hexdigest(),
        "sha1=" + hmac.new(PUBLISHED_SECRET.encode(), PUBLISHED_BODY, "sha1").hexdigest(),
    ],
)
def test_anything_but_the_right_signature_is_refused(signature: str) -> None:
    with pytest.raises(ForgedRequestError):
        connector(PUBLISHED_SECRET).verify(delivery(PUBLISHED_BODY, x_hub_signature=signature))


def test_a_request_without_a_signature_is_refused() -> None:
    with pytest.raises(ForgedRequestError):
        connector("s").verify(delivery(b"{}"))


@given(body=st.binary(min_size=1, max_size=200), place=st.integers(min_value=0))
def test_a_body_changed_in_one_bit_is_refused(body: bytes, place: int) -> None:
    request = signed(body, "secret")
    bit = place % (len(body) * 8)
    changed = bytearray(body)
    changed[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(ForgedRequestError):
        connector("secret").verify(request.model_copy(update={"body": bytes(changed)}))


def test_a_connection_without_a_secret_takes_no_webhook() -> None:
    with pytest.raises(ConfigError) as caught:
        connector().verify(signed(b"{}", ""))
    assert caught.value.field == "webhook_secret"


def test_the_identifier_is_the_event_and_without_one_the_body_is() -> None:
    body: JsonValue = {"webhookEvent": "jira:issue_updated", "timestamp": 1, "issue": {"id": "10001"}}
    (named,) = touched(body, x_atlassian_webhook_identifier="abc-1")
    (hashed,) = touched(body)
    (again,) = touched(body)
    (later,) = touched({**body, "timestamp": 2})  # type: ignore[dict-item]  # it is a dict, five lines above
    assert named == Touched(stream="issues", key="10001", event_id="abc-1")
    assert hashed.event_id == again.event_id != later.event_id


def test_the_marker_of_our_ticket_is_seen_in_labels_and_in_the_text() -> None:
    by_label: JsonValue = {"id": "1", "fields": {"labels": ["x", "plumbline-ref-01hzy8t3v5k2m9q4"]}}
    by_text: JsonValue = {"id": "1", "fields": {"description": "Text.\nPlumbline reference: 01hzy8t3v5k2m9q4"}}
    assert [hint.marker for body in (by_label, by_text) for hint in touched({"issue": body})] == [
        "01hzy8t3v5k2m9q4"
    ] * 2


def test_a_comment_event_that_names_its_issue_only_in_an_address_is_understood() -> None:
    body: JsonValue = {
        "webhookEvent": "comment_created",
        "comment": {"self": "https://jira.example.com/rest/api/2/issue/10013/comment/10082"},
    }
    assert [hint.key for hint in touched(body)] == ["10013"]


@pytest.mark.parametrize(
    "body",
    [{}, [], 7, None, "x", {"issue": None}, {"issue": {"key": "OPS-1"}}, {"issue": {"id": "OPS-1"}}, {"comment": {}}],
)
def test_an_event_about_no_issue_touches_nothing(body: JsonValue) -> None:
    assert touched(body) == []


def test_a_body_that_is_no_json_is_an_error_of_one_record() -> None:
    with pytest.raises(RecordError):
        list(connector("s").parse(delivery(b"{")))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["issue", "id", "fields", "labels", "description", "comment", "self"]), inner)
    ),
    max_leaves=12,
)


@given(body=JSON)
def test_whatever_the_body_is_parsing_ends_in_hints_or_in_a_record_error(body: JsonValue) -> None:
    """R42, the quick part."""
    assert all(hint.key.isdecimal() for hint in touched(body))


@pytest.mark.parametrize("name", sorted(path.name for path in CAPTURES.glob("*.json")) or ["none"])
def test_every_captured_body_leads_to_its_issue(name: str) -> None:
    if name == "none":
        pytest.skip("the captures beside the checkout are not there")
    body = (CAPTURES / name).read_bytes()
    issue = json.loads(body).get("issue")
    (hint,) = connector("s").parse(delivery(body))
    assert hint.key == (issue["id"] if issue else "10013")
