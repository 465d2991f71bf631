"""`plumbline people admin`: the way back in for whoever runs the machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from hub.audit.models import AuditEntry
from hub.cli.group import plumbline
from hub.core.access import Role
from hub.core.database import Database
from hub.people.models import Grant, Person
from hub.people.service import accept_invitation, disable_account, find_account, set_password
from tests.factories import build_cast

if TYPE_CHECKING:
    from tests.factories import Cast, SettableClock


@pytest.fixture
def team(sqlite_database: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Write the cast into the database that the command finds."""
    monkeypatch.setenv("PLUMBLINE_DATABASE_URL", sqlite_database.url.render_as_string(hide_password=False))
    monkeypatch.setattr("hub.cli.loading.configure_logs", lambda **_: None)
    with sqlite_database.write() as session:
        return build_cast(session, now=clock())


@pytest.mark.parametrize("before", ["never signed in", "disabled", "left"])
def test_a_person_becomes_admin_and_signs_in_again(
    sqlite_database: Database, team: Cast, clock: SettableClock, tmp_path: object, before: str
) -> None:
    with sqlite_database.write() as session:
        ada = session.get_one(Person, team.persons["ada"])
        ada.active = before != "left"
        if before == "disabled":
            set_password(session, ada, "hash", by="system:tests", now=clock())
            disable_account(session, ada, by="system:tests", now=clock())
    environ = {"PLUMBLINE_HOME": f"{tmp_path}/home"}
    done = CliRunner(env=environ).invoke(plumbline, ["people", "admin", "ada"], catch_exceptions=False)
    link = re.search(r"/join\?token=(\S+)", done.output)
    assert link is not None, done.output
    with sqlite_database.write() as session:
        accept_invitation(session, link[1], "new hash", now=clock())
        assert find_account(session, "ada@acme.example") is not None
        grant = session.scalars(select(Grant)).one()
        assert (grant.person_id, grant.role, grant.org_unit_id) == (team.persons["ada"], Role.ADMIN, None)
        by = session.scalars(select(AuditEntry.done_by).where(AuditEntry.action == "grant.given")).all()
    assert by == ["system:cli"]
