"""API tokens: kept as hashes, limited in scope and time, worth nothing beside their person (R22, R29, R30)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hub.core.access import Permission, Role
from hub.people.models import Account, ApiToken, Grant, Person
from hub.people.service import (
    change_person,
    disable_account,
    enable_account,
    end_grant,
    find_grant,
    make_token,
    principal_of,
)
from tests.visitors import SignIn, Visitor

if TYPE_CHECKING:
    from apiflask import APIFlask

    from hub.core.database import Database
    from tests.factories import SettableClock

BY = "system:tests"


@pytest.fixture
def program(with_token: SignIn) -> Visitor:
    """Give a program that reads people for an admin."""
    return with_token(Role.ADMIN, [Permission.PEOPLE_READ])


def may_read(program: Visitor) -> bool:
    return program.get("/api/v1/persons").status_code == 200


def test_a_token_acts_within_its_scopes(program: Visitor) -> None:
    assert may_read(program)
    assert program.call("POST", "/api/v1/persons", {"key": "x", "name": "X"}).status_code == 403
    assert (program.get("/api/v1/me").json or {})["permissions"] == ["people.read"]


def test_a_token_ends_on_its_day(program: Visitor, clock: SettableClock) -> None:
    clock.advance(days=29)
    assert may_read(program)
    clock.advance(days=1)
    assert not may_read(program)


def test_a_token_ends_with_its_person_and_its_person_s_role(
    program: Visitor, with_token: SignIn, site_database: Database, clock: SettableClock
) -> None:
    other = with_token(Role.VIEWER, [Permission.METRICS_READ])
    with_token(Role.ADMIN, [Permission.METRICS_READ])  # the last admin could not leave
    with site_database.write() as session:
        change_person(session, session.get_one(Person, program.person.id), {"active": False}, by=BY, now=clock())
        grant = session.scalars(select(Grant.public_id).where(Grant.person_id == other.person.id)).one()
        end_grant(session, find_grant(session, grant), by=BY, now=clock())
    assert program.get("/api/v1/me").status_code == 401
    assert (other.get("/api/v1/me").json or {})["permissions"] == []


def test_a_token_of_somebody_who_was_away_or_disabled_stays_dead(
    with_token: SignIn, site_database: Database, clock: SettableClock
) -> None:
    left, disabled = (with_token(Role.VIEWER, [Permission.METRICS_READ]) for _ in range(2))
    with site_database.write() as session:
        change_person(session, session.get_one(Person, left.person.id), {"active": False}, by=BY, now=clock())
        disable_account(session, session.get_one(Person, disabled.person.id), by=BY, now=clock())
    assert [program.get("/api/v1/me").status_code for program in (left, disabled)] == [401, 401]
    with site_database.write() as session:
        change_person(session, session.get_one(Person, left.person.id), {"active": True}, by=BY, now=clock())
        enable_account(session, session.get_one(Person, disabled.person.id), by=BY, now=clock())
    assert [program.get("/api/v1/me").status_code for program in (left, disabled)] == [401, 401]


def test_a_token_needs_an_account_that_is_enabled(
    program: Visitor, site_database: Database, clock: SettableClock
) -> None:
    with site_database.write() as session:
        session.scalars(select(Account).where(Account.person_id == program.person.id)).one().disabled_at = clock()
    assert not may_read(program)


def test_a_token_ends_itself_and_no_other(with_token: SignIn, site_database: Database, clock: SettableClock) -> None:
    narrow = with_token(Role.ADMIN, [Permission.METRICS_READ])
    with site_database.write() as session:
        owner = session.get_one(Person, narrow.person.id)
        asking = principal_of(session, owner, default_zone="UTC", now=clock())
        until = clock() + timedelta(days=3)
        wide, _ = make_token(session, name="wide", scopes=list(Permission), expires_at=until, by=asking, now=clock())
        own = session.scalars(select(ApiToken.public_id).where(ApiToken.public_id != wide.public_id)).one()
    assert narrow.call("DELETE", f"/api/v1/tokens/{wide.public_id}").status_code == 403
    assert narrow.call("DELETE", f"/api/v1/tokens/{own}").status_code == 204
    assert narrow.get("/api/v1/me").status_code == 401


def test_the_database_holds_only_the_hash(program: Visitor, site_database: Database) -> None:
    secret = program.headers["Authorization"].split(" ")[1]
    with site_database.read() as session:
        row = session.scalars(select(ApiToken)).one()
        assert secret not in " ".join(str(value) for value in vars(row).values())
        assert len(row.token_hash) == 64


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer plb_", "Bearer plb_guess", "Basic cGxiOnBsYg==", "plb_guess", "Bearer \u00e9"],
)
def test_anything_else_is_refused_and_the_cookie_does_not_help(signed_in: SignIn, header: str) -> None:
    admin = signed_in(Role.ADMIN)
    reply = admin.client.get("/api/v1/me", headers={"Authorization": header.encode("latin-1").decode("latin-1")})
    assert (reply.status_code, reply.content_type) == (401, "application/problem+json")


def test_the_scheme_is_read_in_any_case_and_the_token_is_not(program: Visitor, app: APIFlask) -> None:
    secret = program.headers["Authorization"].split(" ")[1]
    client = app.test_client()
    assert client.get("/api/v1/me", headers={"Authorization": f"bearer {secret}"}).status_code == 200
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret.swapcase()}"}).status_code == 401


def test_a_token_opens_no_page_and_no_cookie_comes_of_it(program: Visitor) -> None:
    page = program.get("/people")
    assert (page.status_code, page.headers["Location"]) == (303, "/sign-in?next=%2Fpeople")
    assert "Set-Cookie" not in program.get("/api/v1/me").headers


def test_a_token_cannot_make_tokens(with_token: SignIn, clock: SettableClock) -> None:
    program = with_token(Role.ADMIN, list(Permission))
    wanted = {"name": "more", "scopes": ["people.read"], "expires_at": (clock() + timedelta(days=1)).isoformat()}
    assert program.call("POST", "/api/v1/tokens", wanted).status_code == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 201),
        ({"scopes": []}, 422),
        ({"scopes": ["people.manage"]}, 422),
        ({"scopes": ["root"]}, 422),
        ({"days": 0}, 422),
        ({"days": 367}, 422),
    ],
)
def test_a_token_is_made_only_for_what_one_may_and_for_a_year_at_most(
    signed_in: SignIn, clock: SettableClock, change: dict[str, object], status: int
) -> None:
    days = int(str(change.get("days", 366)))
    until = (clock() + timedelta(days=days)).isoformat()
    wanted = {"name": "sync", "expires_at": until, "scopes": change.get("scopes", ["metrics.read"])}
    assert signed_in(Role.VIEWER).call("POST", "/api/v1/tokens", wanted).status_code == status


def test_nobody_sees_or_ends_another_s_token(program: Visitor, signed_in: SignIn, site_database: Database) -> None:
    with site_database.read() as session:
        token_id = session.scalars(select(ApiToken.public_id)).one()
    admin = signed_in(Role.ADMIN)
    assert token_id not in admin.get("/api/v1/tokens").text
    assert admin.call("DELETE", f"/api/v1/tokens/{token_id}").status_code == 404
    assert admin.send(f"/profile/tokens/{token_id}/revoke").status_code == 404
    assert may_read(program)


def test_use_is_noted_once_a_minute(program: Visitor, site_database: Database, clock: SettableClock) -> None:
    seen = []
    for seconds in (0, 59, 1):
        clock.advance(seconds=seconds)
        may_read(program)
        with site_database.read() as session:
            used = session.scalars(select(ApiToken.last_used_at)).one()
        assert used is not None
        seen.append((clock() - used).total_seconds())
    assert seen == [0, 59, 0]


def test_a_token_has_so_many_requests_a_minute(program: Visitor, app: APIFlask, clock: SettableClock) -> None:
    app.extensions["plumbline"].limiter._per_window = 3
    replies = [program.get("/api/v1/me") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert replies[3].headers["Retry-After"] == "60"
    clock.advance(minutes=1)
    assert may_read(program)
