"""Setting a connection up on pages: choose a kind, fill in its form, change it, remove it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub.audit.models import AuditEntry
from hub.connections import service
from hub.connections.models import Connection, ConnectionVersion, Managed
from hub.core.access import Role
from hub.core.database import Database
from hub.core.sealing import Sealer
from hub.people.service import find_org_unit
from hub.settings import Settings
from hub.work.models import WorkItem
from tests.factories import SettableClock, build_cast
from tests.visitors import SignIn

SECRET = "t0ken-of-the-site"  # planted
JIRA = {
    "kind": "jira",
    "key": "tracker",
    "title": "Tracker",
    "config.base_url": "https://acme.atlassian.example",
    "config.auth": "pat",
    "config.auth.pat.token": SECRET,
    "config.projects": "KAN",
    "config.tickets.issue_type": "Task",
}


class Desk:
    """What the pages made."""

    def __init__(self, database: Database, settings: Settings, clock: SettableClock) -> None:
        self.database, self.settings, self.clock = database, settings, clock
        with database.write() as session:
            self.units = build_cast(session, now=clock()).org_units

    def connection(self) -> Connection:
        with self.database.read() as session:
            return session.scalars(select(Connection)).one()

    def config(self) -> dict[str, Any]:
        with self.database.read() as session:
            found = service.find_configured(session, self.connection().id)
            return found.open(Sealer.from_settings(self.settings))

    def versions(self) -> int:
        with self.database.read() as session:
            return len(session.scalars(select(ConnectionVersion.id)).all())

    def add(self, *, managed: Managed = Managed.FORM) -> str:
        """Add the connection that the form would make, without starting a connector."""
        plain = {"base_url": JIRA["config.base_url"], "auth": {"kind": "pat", "token": {"sealed": True}}}
        with self.database.write() as session:
            draft = service.Draft(
                "tracker",
                "jira",
                "Tracker",
                {**plain, "projects": ["KAN"]},
                {"auth.token": SECRET},
                self.units["sales"],
                managed,
            )
            sealer = Sealer.from_settings(self.settings)
            return service.add_connection(session, draft, sealer=sealer, by="system:test", now=self.clock()).public_id


@pytest.fixture
def desk(site_database: Database, settings: Settings, clock: SettableClock) -> Desk:
    return Desk(site_database, settings, clock)


def refused(reply: TestResponse) -> str:
    assert reply.status_code == 422, reply.text
    assert SECRET not in reply.text
    return reply.text


def test_a_tool_is_chosen_from_what_is_installed(desk: Desk, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)

    assert all(text in admin.get("/connections/new").text for text in ("Jira", "Spreadsheet"))
    assert admin.get("/connections/new?kind=nothing").status_code == 404
    form = admin.get("/connections/new?kind=jira").text
    assert 'name="config.auth.api_token.token" type="password"' in form
    assert "projects whose issues are read" in form


def test_a_connection_that_is_added_waits_for_a_look_at_its_preview(desk: Desk, signed_in: SignIn) -> None:
    reply = signed_in(Role.ADMIN).send("/connections", **JIRA, every_minutes="30")

    assert reply.status_code == 303, reply.text
    made = desk.connection()
    assert (made.key, made.title, made.every_seconds, made.paused_at is not None) == ("tracker", "Tracker", 1800, True)
    assert desk.config()["auth"] == {"kind": "pat", "token": SECRET}
    with desk.database.read() as session:
        version = session.scalars(select(ConnectionVersion)).one()
        assert SECRET not in str(version.config)
        assert "connection.added" in session.scalars(select(AuditEntry.action)).all()
        assert session.scalars(select(WorkItem.payload).where(WorkItem.kind == "connections.check")).all() == [
            {"connection_id": made.id}
        ]


def test_errors_stand_beside_their_entry_and_only_secrets_are_forgotten(desk: Desk, signed_in: SignIn) -> None:
    page = refused(signed_in(Role.ADMIN).send("/connections", **{**JIRA, "config.base_url": "nonsense"}))

    assert "write the address of the site" in page
    assert 'id="config.base_url-error"' in page
    assert 'value="nonsense"' in page
    assert ">KAN</textarea>" in page


def test_what_is_missing_is_asked_for_without_starting_the_connector(desk: Desk, signed_in: SignIn) -> None:
    page = refused(signed_in(Role.ADMIN).send("/connections", kind="jira", key="Not A Key"))

    for name in ("key", "config.base_url", "config.auth.api_token.email"):
        assert f'id="{name}-error"' in page


def test_another_way_in_shows_its_own_entries_and_keeps_the_rest(desk: Desk, signed_in: SignIn) -> None:
    reply = signed_in(Role.ADMIN).send("/connections", **{**JIRA, "config.auth": "scoped_token", "redraw": "1"})

    assert reply.status_code == 200
    assert 'name="config.auth.scoped_token.cloud_id"' in reply.text
    assert SECRET not in reply.text
    assert ">KAN</textarea>" in reply.text


def test_a_name_that_is_taken_is_refused_and_nothing_is_overwritten(desk: Desk, signed_in: SignIn) -> None:
    desk.add()

    page = refused(signed_in(Role.ADMIN).send("/connections", **{**JIRA, "config.base_url": "https://b.example"}))

    assert "already" in page
    assert desk.versions() == 1


def test_an_admin_of_one_org_unit_connects_tools_there_and_names_no_file_of_the_server(
    desk: Desk, signed_in: SignIn, tmp_path: Path
) -> None:
    admin = signed_in(Role.ADMIN, desk.units["sales"])
    assert admin.send("/connections", **{**JIRA, "org_unit": "support"}).status_code == 303
    assert desk.connection().org_unit_id == desk.units["sales"]
    sheet = {"kind": "spreadsheet", "key": "sheet", "config.path": str(tmp_path / "numbers.csv")}

    assert "PLUMBLINE_FILE_ROOTS" in refused(admin.send("/connections", **sheet))


def test_a_form_that_is_sent_back_untouched_changes_nothing(desk: Desk, signed_in: SignIn) -> None:
    address = f"/connections/{desk.add()}/edit"
    admin = signed_in(Role.ADMIN)
    page = admin.get(address)
    assert SECRET not in page.text
    assert "leave it empty to keep it" in page.text
    kept = {name: text for name, text in JIRA.items() if name not in {"kind", "config.auth.pat.token"}}

    reply = admin.send(address, **kept)

    assert "done=same" in reply.headers["Location"], reply.text
    assert desk.versions() == 1


def test_a_change_makes_a_version_and_keeps_the_secret(desk: Desk, signed_in: SignIn) -> None:
    address = f"/connections/{desk.add()}/edit"
    kept = {name: text for name, text in JIRA.items() if name not in {"kind", "config.auth.pat.token"}}

    reply = signed_in(Role.ADMIN).send(address, **{**kept, "config.projects": "KAN\nOPS"})

    assert "done=changed" in reply.headers["Location"], reply.text
    assert desk.config()["projects"] == ["KAN", "OPS"]
    assert desk.config()["auth"]["token"] == SECRET
    assert desk.versions() == 2


def test_a_stored_secret_is_not_sent_to_another_address(desk: Desk, signed_in: SignIn) -> None:
    address = f"/connections/{desk.add()}/edit"
    kept = {name: text for name, text in JIRA.items() if name not in {"kind", "config.auth.pat.token"}}

    page = refused(signed_in(Role.ADMIN).send(address, **{**kept, "config.base_url": "https://evil.example"}))

    assert "type this secret again" in page
    assert desk.versions() == 1


def test_what_a_file_manages_is_shown_and_not_changed(desk: Desk, signed_in: SignIn) -> None:
    address = f"/connections/{desk.add(managed=Managed.FILE)}"
    admin = signed_in(Role.ADMIN)

    assert "<fieldset disabled>" in admin.get(f"{address}/edit").text
    assert admin.send(f"{address}/edit", **JIRA).status_code == 409
    assert admin.send(f"{address}/remove").status_code == 409


def test_a_connection_that_is_removed_loses_its_secrets(desk: Desk, signed_in: SignIn) -> None:
    address = f"/connections/{desk.add()}"
    admin = signed_in(Role.ADMIN)

    assert admin.send(f"{address}/remove").status_code == 303

    assert "secrets are gone" in admin.get("/connections?done=removed").text
    assert admin.get(f"{address}/edit").status_code == 404
    with desk.database.read() as session:
        assert session.scalars(select(ConnectionVersion.secrets)).all() == [""]


def test_who_may_not_manage_sees_no_form(desk: Desk, signed_in: SignIn) -> None:
    """R22."""
    address = f"/connections/{desk.add()}"
    steward, stranger = signed_in(Role.STEWARD), signed_in(Role.ADMIN, desk.units["support"])

    for path in ("/connections/new", f"{address}/edit"):
        assert steward.get(path).status_code == 403
    assert "/connections/new" not in steward.get("/connections").text
    assert stranger.get(f"{address}/edit").status_code == 404
    assert stranger.send(f"{address}/remove").status_code == 404
    with desk.database.read() as session:
        assert find_org_unit(session, "support").id == desk.units["support"]
