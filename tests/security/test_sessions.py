"""Sign-ins live on the server and end when they should (R25)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hub.core.access import Role
from hub.people.models import Grant, Person, SigninSession
from hub.people.passwords import hash_password
from hub.people.service import change_person, disable_account, end_grant, give_role, set_password
from tests.visitors import SignIn, Visitor, form_token_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from apiflask import APIFlask

    from hub.core.database import Database
    from tests.factories import SettableClock

PASSWORD = "four plain quiet words"
BY = "system:tests"


@pytest.fixture(scope="module")
def password_hash() -> str:
    """Hash the password once."""
    return hash_password(PASSWORD)


@pytest.fixture
def viewer(signed_in: SignIn, site_database: Database, clock: SettableClock, password_hash: str) -> Visitor:
    """Give a viewer who has a password and is not signed in in this browser."""
    person = signed_in(Role.VIEWER).person
    with site_database.write() as session:
        set_password(session, person, password_hash, by=BY, now=clock())
    return Visitor(signed_in(None).client.application.test_client(), person=person)


def enter(visitor: Visitor, **more: str) -> str:
    """Sign in by the form and give the cookie."""
    visitor.form_token = form_token_of(visitor.get("/sign-in"))
    reply = visitor.send("/sign-in", email=visitor.person.email, password=PASSWORD, **more)
    assert reply.status_code == 303, reply.text
    return cookie(visitor)


def cookie(visitor: Visitor) -> str:
    found = visitor.client.get_cookie("plumbline")
    assert found is not None
    return str(found.value)


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/profile").status_code == 200


def test_the_id_changes_at_sign_in_so_a_planted_one_is_worth_nothing(viewer: Visitor) -> None:
    viewer.client.set_cookie("plumbline", "planted-by-somebody-else")
    after = enter(viewer)
    assert after != "planted-by-somebody-else"
    assert len(after) >= 43  # 256 bits
    thief = Visitor(viewer.client.application.test_client())
    thief.client.set_cookie("plumbline", "planted-by-somebody-else")
    assert (is_in(viewer), is_in(thief)) == (True, False)


def test_signing_in_again_ends_the_sign_in_before(viewer: Visitor) -> None:
    first = enter(viewer)
    other = Visitor(viewer.client.application.test_client(), person=viewer.person)
    other.client.set_cookie("plumbline", first)
    assert is_in(other)
    other.form_token = form_token_of(other.get("/profile"))
    second = enter_again(other)
    assert second != first
    assert (is_in(other), is_in(viewer)) == (True, False)


def enter_again(visitor: Visitor) -> str:
    reply = visitor.send("/sign-in", email=visitor.person.email, password=PASSWORD)
    assert reply.status_code == 303
    return cookie(visitor)


def test_signing_out_ends_it_on_the_server(viewer: Visitor) -> None:
    kept = enter(viewer)
    viewer.form_token = form_token_of(viewer.get("/profile"))
    reply = viewer.send("/sign-out")
    assert "plumbline=;" in reply.headers["Set-Cookie"]
    viewer.client.set_cookie("plumbline", kept)
    assert not is_in(viewer)


def test_it_ends_after_half_an_hour_without_a_request(viewer: Visitor, clock: SettableClock) -> None:
    enter(viewer)
    for _ in range(3):
        clock.advance(minutes=29)
        assert is_in(viewer)
    clock.advance(minutes=30)
    assert not is_in(viewer)


def test_it_ends_after_twelve_hours_whatever_happens(viewer: Visitor, clock: SettableClock) -> None:
    enter(viewer)
    for _ in range(12 * 3 - 1):
        clock.advance(minutes=20)
        assert is_in(viewer)
    clock.advance(minutes=20)
    assert not is_in(viewer)


def test_the_database_holds_only_the_hash_of_the_id(viewer: Visitor, site_database: Database) -> None:
    value = cookie(viewer) if viewer.client.get_cookie("plumbline") else enter(viewer)
    with site_database.read() as session:
        assert all(value not in kept for kept in session.scalars(select(SigninSession.id_hash)))


def leave(session: object, person: Person, clock: SettableClock) -> None:
    change_person(session, person, {"active": False}, by=BY, now=clock())  # type: ignore[arg-type]  # a Session


def disable(session: object, person: Person, clock: SettableClock) -> None:
    disable_account(session, person, by=BY, now=clock())  # type: ignore[arg-type]  # a Session


def new_password(session: object, person: Person, clock: SettableClock) -> None:
    set_password(session, person, "another hash", by=BY, now=clock())  # type: ignore[arg-type]  # a Session


@pytest.mark.parametrize("happens", [leave, disable, new_password])
def test_it_ends_at_once_when_the_person_or_the_password_goes(
    viewer: Visitor,
    site_database: Database,
    clock: SettableClock,
    happens: Callable[[object, Person, SettableClock], None],
) -> None:
    enter(viewer)
    with site_database.write() as session:
        happens(session, session.get_one(Person, viewer.person.id), clock)
    assert not is_in(viewer)


def test_a_role_acts_and_ends_from_the_next_request_on(
    viewer: Visitor, site_database: Database, clock: SettableClock
) -> None:
    enter(viewer)
    assert viewer.get("/people").status_code == 403
    with site_database.write() as session:
        person = session.get_one(Person, viewer.person.id)
        grant_id = give_role(session, person=person, role=Role.ADMIN, org_unit_id=None, by=BY, now=clock()).id
        give_role(session, person=person, role=Role.VIEWER, org_unit_id=None, by=BY, now=clock())
    assert viewer.get("/people").status_code == 200
    with site_database.write() as session:
        grant = session.get_one(Grant, grant_id)
        grant.role = Role.OWNER
    assert viewer.get("/people/new").status_code == 403
    with site_database.write() as session:
        end_grant(session, session.get_one(Grant, grant_id), by=BY, now=clock())
    assert viewer.get("/people").status_code == 403


def test_an_own_change_of_password_signs_other_browsers_out_and_keeps_this_one(viewer: Visitor) -> None:
    elsewhere = Visitor(viewer.client.application.test_client(), person=viewer.person)
    enter(elsewhere)
    before = enter(viewer)
    viewer.form_token = form_token_of(viewer.get("/profile"))
    new = "five other words for tomorrow"
    assert viewer.send("/profile/password", current=PASSWORD, password=new).status_code == 303
    assert cookie(viewer) != before
    assert (is_in(viewer), is_in(elsewhere)) == (True, False)


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/people?x=1", "/people?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("people", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_sign_in_sends_nobody_to_another_site(viewer: Visitor, target: str, goes_to: str) -> None:
    viewer.form_token = form_token_of(viewer.get("/sign-in"))
    reply = viewer.send("/sign-in", email=viewer.person.email, password=PASSWORD, next=target)
    assert (reply.status_code, reply.headers["Location"]) == (303, goes_to)


def test_the_cookie_cannot_be_read_by_scripts_and_stays_on_our_site(app: APIFlask) -> None:
    sent = app.test_client().get("/sign-in").headers["Set-Cookie"]
    assert sent.startswith("plumbline=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(sent.split("; "))
    assert "Secure" not in sent
    assert "Domain" not in sent


def test_with_https_the_cookie_is_secure_and_bound_to_the_host(app: APIFlask) -> None:
    sent = app.test_client().get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]
    assert sent.startswith("__Host-plumbline=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(sent.split("; "))
