"""Test connection: who we are, what is missing, and how to grant it."""

from __future__ import annotations

import pytest

from connectors.jira import JiraConnector
from connectors.jira.sandbox import Fault, Kind, Site
from connectors.jira.site import TICKET_PERMISSIONS
from connectors.sdk.errors import AuthError, ConfigError, TransientError
from connectors.sdk.protocol import Capability
from tests.connectors.jira.conftest import Connect

BOTH = pytest.mark.parametrize("sandbox", ["cloud", "data_center"], indirect=True)


def test_it_reads_keeps_tickets_and_takes_webhooks() -> None:
    assert JiraConnector.capabilities() == {Capability.SOURCE, Capability.TICKETING, Capability.WEBHOOKS}


@BOTH
def test_a_good_connection_says_who_we_are_and_what_we_may_do(jira: JiraConnector) -> None:
    health = jira.check()
    assert health.account == "Plumbline"
    assert health.product in {"Jira Cloud 1001.0.0-SNAPSHOT", "Jira Data Center 10.3.24"}
    assert health.permissions == ("BROWSE_PROJECTS", *TICKET_PERMISSIONS)
    assert (health.missing, health.notes) == ((), ())


@pytest.mark.parametrize("permission", TICKET_PERMISSIONS)
def test_a_permission_that_tickets_need_is_named_with_the_way_to_grant_it(
    jira: JiraConnector, site: Site, permission: str
) -> None:
    site.switches.permissions.discard(permission)
    (missing,) = jira.check().missing
    assert TICKET_PERMISSIONS[permission] in missing
    assert "OPS" in missing
    assert "Project settings > Permissions" in missing
    assert permission not in jira.check().permissions


def test_not_seeing_a_project_is_an_error_that_names_the_permission(jira: JiraConnector, site: Site) -> None:
    site.switches.permissions.discard("BROWSE_PROJECTS")
    with pytest.raises(AuthError, match="Browse Projects") as caught:
        jira.check()
    assert caught.value.permission == "BROWSE_PROJECTS"


def test_a_project_that_does_not_exist_is_named(connect: Connect) -> None:
    with pytest.raises(ConfigError, match="no project NOPE") as caught:
        connect(projects=["NOPE"]).check()
    assert caught.value.field == "projects"


def test_a_wrong_token_is_said_without_showing_it(connect: Connect) -> None:
    auth = {"kind": "api_token", "email": "plumbline@example.com", "token": "a-wrong-token-of-ours"}
    with pytest.raises(AuthError, match="does not accept the credentials") as caught:
        connect(auth=auth).check()
    assert "a-wrong-token-of-ours" not in str(caught.value)


def test_an_issue_type_that_the_project_lacks_is_answered_with_those_it_has(connect: Connect) -> None:
    with pytest.raises(ConfigError, match="Bug, Story, Task") as caught:
        connect(tickets={"project": "OPS", "issue_type": "Epic"}).check()
    assert caught.value.field == "tickets.issue_type"


def test_labels_that_are_not_on_the_create_screen_are_noted(jira: JiraConnector, site: Site) -> None:
    site.switches.off_create_screen = {"labels"}
    (note,) = jira.check().notes
    assert "Labels are not on the create screen of OPS" in note


def test_a_security_level_that_the_screen_does_not_offer_is_a_mistake(connect: Connect) -> None:
    connect(tickets={"project": "OPS", "security_level": "Owner and steward only"}).check()
    with pytest.raises(ConfigError) as caught:
        connect(tickets={"project": "OPS", "security_level": "Board"}).check()
    assert caught.value.field == "tickets.security_level"


def test_a_site_that_is_down_is_a_passing_trouble(jira: JiraConnector, site: Site) -> None:
    site.faults.plan(Fault("*", Kind.ERROR_BEFORE, times=99))
    with pytest.raises(TransientError):
        jira.check()


def test_a_sign_in_page_in_front_of_jira_is_not_taken_for_an_answer(jira: JiraConnector, site: Site) -> None:
    site.faults.plan(Fault("*", Kind.HTML, times=99))
    with pytest.raises(TransientError, match="not JSON"):
        jira.check()


@pytest.mark.parametrize("sandbox", ["cloud"], indirect=True)
def test_a_personal_access_token_for_cloud_is_explained(connect: Connect) -> None:
    with pytest.raises(ConfigError, match="API token") as caught:
        connect(auth={"kind": "pat", "token": "x" * 8}).check()
    assert caught.value.field == "auth.kind"


def test_the_deployment_need_not_be_asked_when_it_is_configured(connect: Connect, site: Site) -> None:
    assert connect(deployment="cloud").get("99999") is None
    assert [entry["operation"] for entry in site.requests] == ["get_issue"]
