"""The page of rules tells of each last run, to those who may know of everything that it counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hub.core.access import Role
from tests.visitors import SignIn, app, areas, signed_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.core.database import Database
    from hub.findings.models import Alert
    from tests.hub.desk import Desk

__all__ = ["app", "areas", "signed_in"]


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """Ask where the page looks."""
    return sqlite_database


@pytest.fixture
def site_database(database: Database) -> Database:
    """Give the database of the app under test."""
    return database


def test_a_run_is_told_only_to_those_who_may_see_the_whole_organisation(
    desk: Desk, late: Callable[[], Alert], signed_in: SignIn
) -> None:
    late()
    assert "tested," in signed_in(Role.STEWARD).get("/rules").text
    part = signed_in(Role.STEWARD, desk.cast.org_units["support"]).get("/rules").text
    assert "late-series" in part
    assert "tested," not in part
    assert "Last run" not in part


def test_a_run_about_one_subject_says_so(desk: Desk, late: Callable[[], Alert], signed_in: SignIn) -> None:
    late()
    admin = signed_in(Role.ADMIN)
    assert "subjects asked" not in admin.get("/rules").text
    desk.observe("backlog", datetime(2026, 2, 2, tzinfo=UTC), 4)
    desk.clock.advance(minutes=1)
    desk.ask()
    desk.clock.advance(minutes=1)
    desk.ask("win-rate")
    assert "1 of 2 subjects asked: 1 tested, 1 found" in admin.get("/rules").text
