"""The configuration is the one that the outside contract names; a typo is an error naming the key."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from connectors.jira.config import JiraConfig

GOOD: dict[str, Any] = {
    "base_url": "https://example.atlassian.net/",
    "auth": {"kind": "api_token", "email": "a@example.com", "token": "canary-token"},
    "projects": ["OPS"],
    "deployment": "auto",
    "webhook_secret": "canary-secret",
    "fields": "mapped",
    "mapping": {},
    "plan": [],
    "metrics": [],
    "tickets": {"project": "ACT", "issue_type": "Task"},
}


def test_every_key_of_the_outside_contract_is_there() -> None:
    config = JiraConfig.model_validate(GOOD)
    assert set(JiraConfig.model_fields) == set(GOOD)
    assert config.base_url == "https://example.atlassian.net"
    assert config.scope == ("OPS", "ACT")
    assert [secret.get_secret_value() for secret in config.webhook_secret] == ["canary-secret"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"base_ur": "x"}, "base_ur"),
        ({"auth": {"kind": "api_token", "email": "a@example.com"}}, "token"),
        ({"auth": {"kind": "password", "token": "x"}}, "auth"),
        ({"auth": {"kind": "pat", "token": "x", "email": "a"}}, "email"),
        ({"auth": {"kind": "scoped_token", "email": "a", "token": "x", "cloud_id": "../../x"}}, "cloud_id"),
        ({"base_url": "example.atlassian.net"}, "base_url"),
        ({"base_url": "ftp://example.com"}, "base_url"),
        ({"base_url": "https://example.com/?x=1"}, "base_url"),
        ({"base_url": "https://user:secret@example.com"}, "base_url"),
        ({"projects": ["OPS", "lower"]}, "projects"),
        ({"projects": ['OPS" OR project = "HR']}, "projects"),
        ({"webhook_secret": ["a", "b", "c"]}, "webhook_secret"),
        ({"tickets": {"project": "ACT", "issuetype": "Task"}}, "issuetype"),
        ({"plan": [{"kind": "goal", "issue_type": "Story"}]}, "kind"),
        ({"plan": [{"kind": "objective", "issue_type": "Story", "target": "a b"}]}, "target"),
        ({"projects": [], "tickets": None}, "projects"),
    ],
)
def test_a_mistake_is_named(change: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        JiraConfig.model_validate({**GOOD, **change})
    assert place in str(caught.value)


def test_no_secret_shows_in_the_representation() -> None:
    shown = repr(JiraConfig.model_validate(GOOD)) + JiraConfig.model_validate(GOOD).model_dump_json()
    assert "canary" not in shown


def test_a_scoped_token_is_used_at_the_gateway_and_people_look_at_the_site() -> None:
    auth = {"kind": "scoped_token", "email": "a@example.com", "token": "t", "cloud_id": "11223344-a1b2"}
    config = JiraConfig.model_validate({**GOOD, "auth": auth})
    assert config.api_url == "https://api.atlassian.com/ex/jira/11223344-a1b2"
    assert config.base_url == "https://example.atlassian.net"
