"""Roles: given, ended, limited in time, never more than one has (R22, R25)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from hub.audit.models import AuditEntry
from hub.core.access import Granted, Permission, Principal, Role
from hub.core.errors import ConflictError, ForbiddenError, InvalidInputError
from hub.people.models import Account, Person
from hub.people.service import end_grant, find_grant, give_role, holders_of, principal_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from hub.core.database import Database
    from tests.factories import Cast, SettableClock

BY = "system:tests"


@pytest.fixture
def ask(database: Database, cast: Cast, clock: SettableClock) -> Callable[[str], Principal]:
    """Give `ask(key)`: the principal that a person of the cast is right now."""

    def look(key: str) -> Principal:
        with database.read() as session:
            person = session.get_one(Person, cast.persons[key])
            return principal_of(session, person, default_zone="UTC", now=clock())

    return look


def give(session: Session, cast: Cast, clock: SettableClock, *whom_what_where: str | None, **more: object) -> str:
    key, role, where = whom_what_where
    assert key is not None
    unit = None if where is None else cast.org_units[where]
    values: dict[str, Any] = {"by": BY, "role": Role(role or ""), "org_unit_id": unit, "now": clock(), **more}
    grant = give_role(session, person=session.get_one(Person, cast.persons[key]), **values)
    return grant.public_id


def test_a_role_acts_in_its_part_and_ends_at_once(
    database: Database, cast: Cast, clock: SettableClock, ask: Callable[[str], Principal]
) -> None:
    with database.write() as session:
        grant_id = give(session, cast, clock, "ada", Role.OWNER, "sales")
    ada = ask("ada")
    assert ada.may_in(Permission.METRICS_WRITE, cast.org_units["sales"])
    assert not ada.may_in(Permission.METRICS_WRITE, cast.org_units["support"])
    assert ada.grants[0].above == {cast.org_units["acme"]}
    with database.write() as session:
        end_grant(session, find_grant(session, grant_id), by=BY, now=clock())
    assert ask("ada").permissions == frozenset()
    with database.write() as session, pytest.raises(ConflictError, match="already"):
        end_grant(session, find_grant(session, grant_id), by=BY, now=clock())


def test_a_role_above_reaches_everything_below(
    database: Database, cast: Cast, clock: SettableClock, ask: Callable[[str], Principal]
) -> None:
    with database.write() as session:
        give(session, cast, clock, "dee", Role.EXECUTIVE, "acme")
    assert all(ask("dee").may_in(Permission.METRICS_READ, unit) for unit in cast.org_units.values())
    assert not ask("dee").may_in(Permission.METRICS_READ, None)


def test_an_auditor_has_an_end_within_a_month_and_nothing_after_it(
    database: Database, cast: Cast, clock: SettableClock, ask: Callable[[str], Principal]
) -> None:
    with database.write() as session:
        for until in (None, clock() + timedelta(days=32)):
            with pytest.raises(InvalidInputError, match="31 days"):
                give(session, cast, clock, "cy", Role.AUDITOR, None, until=until)
        with pytest.raises(InvalidInputError, match="in the past"):
            give(session, cast, clock, "cy", Role.AUDITOR, None, until=clock())
        give(session, cast, clock, "cy", Role.AUDITOR, None, until=clock() + timedelta(days=31))
    assert ask("cy").may(Permission.AUDIT_READ)
    clock.advance(days=31)
    assert not ask("cy").may(Permission.AUDIT_READ)


def test_nobody_gives_or_takes_more_than_they_have_there(database: Database, cast: Cast, clock: SettableClock) -> None:
    units = cast.org_units
    admin_of_sales = Principal(1, "per_x", "X", (Granted(Role.ADMIN, frozenset({units["sales"]})),))
    narrow = Principal(1, "per_x", "X", (Granted(Role.ADMIN),), scopes=frozenset({Permission.PEOPLE_MANAGE}))
    with database.write() as session:
        give(session, cast, clock, "bo", Role.STEWARD, "sales", by=admin_of_sales)
        top = give(session, cast, clock, "dee", Role.VIEWER, None)
        for where in ("support", "acme", None):
            with pytest.raises(ForbiddenError, match="roles that you have"):
                give(session, cast, clock, "bo", Role.VIEWER, where, by=admin_of_sales)
        with pytest.raises(ForbiddenError):
            end_grant(session, find_grant(session, top), by=admin_of_sales, now=clock())
        with pytest.raises(ForbiddenError):
            give(session, cast, clock, "bo", Role.ADMIN, None, by=narrow)


def test_the_last_admin_of_all_stays(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        for key in ("ada", "bo"):
            session.add(
                Account(person_id=cast.persons[key], password_hash="x", created_at=clock(), password_changed_at=clock())
            )
        first = give(session, cast, clock, "ada", Role.ADMIN, None)
        second = give(session, cast, clock, "bo", Role.ADMIN, None)
        give(session, cast, clock, "cy", Role.ADMIN, None)  # without an account, so nobody could sign in
        end_grant(session, find_grant(session, first), by=BY, now=clock())
        with pytest.raises(ConflictError, match="last admin"):
            end_grant(session, find_grant(session, second), by=BY, now=clock())


def test_a_role_is_held_by_those_of_the_nearest_org_unit(database: Database, cast: Cast, clock: SettableClock) -> None:
    units = cast.org_units
    with database.write() as session:
        give(session, cast, clock, "dee", Role.GOVERNANCE_LEAD, None)
        assert [person.key for person in holders_of(session, Role.GOVERNANCE_LEAD, units["sales"], now=clock())] == [
            "dee"
        ]
        give(session, cast, clock, "bo", Role.GOVERNANCE_LEAD, "acme")
        ended = give(session, cast, clock, "ada", Role.GOVERNANCE_LEAD, "sales")
        assert [person.key for person in holders_of(session, Role.GOVERNANCE_LEAD, units["sales"], now=clock())] == [
            "ada"
        ]
        end_grant(session, find_grant(session, ended), by=BY, now=clock())
        assert [person.key for person in holders_of(session, Role.GOVERNANCE_LEAD, units["sales"], now=clock())] == [
            "bo"
        ]
        session.get_one(Person, cast.persons["bo"]).active = False
        session.flush()
        assert [person.key for person in holders_of(session, Role.GOVERNANCE_LEAD, units["sales"], now=clock())] == [
            "dee"
        ]
        assert holders_of(session, Role.STEWARD, units["sales"], now=clock()) == []


def test_every_change_of_a_role_is_in_the_audit_trail(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        grant_id = give(session, cast, clock, "ada", Role.OWNER, "sales")
        end_grant(session, find_grant(session, grant_id), by=BY, now=clock())
        told = session.execute(
            select(AuditEntry.action).where(AuditEntry.subject_id == grant_id).order_by(AuditEntry.id)
        )
        assert [action for (action,) in told] == ["grant.given", "grant.ended"]
