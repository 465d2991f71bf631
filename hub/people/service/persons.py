"""Persons: who they are, where they work, and that they have left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.core.access import Principal
from hub.core.errors import ConflictError, NotFoundError
from hub.core.ids import new_public_id
from hub.people.models import Person
from hub.people.service.grants import refuse_last_admin, refuse_stronger
from hub.people.service.ways_in import end_ways_in

PERSONAL = ("key", "name", "email", "time_zone")


def add_person(
    session: Session,
    *,
    key: str,
    name: str,
    email: str | None = None,
    org_unit_id: int | None = None,
    time_zone: str | None = None,
    by: Actor | str,
) -> Person:
    """Add a person; they can own and be told at once, and sign in when they have an account."""
    email = None if email is None else email.lower()
    _refuse_taken(session, None, key=key, email=email)
    person = Person(
        public_id=new_public_id("per"),
        key=key,
        name=name,
        email=email,
        org_unit_id=org_unit_id,
        active=True,
        time_zone=time_zone,
    )
    session.add(person)
    session.flush()
    record(
        session,
        action="person.added",
        subject=("person", person.public_id),
        by=by,
        detail={},
        personal={"key": key, "name": name, "email": email},
    )
    return person


def change_person(
    session: Session, person: Person, changes: dict[str, Any], *, by: Principal | str, now: datetime
) -> None:
    """Change a person; `active: False` says that they have left, which ends every sign-in and token for good.

    Nobody changes somebody else who may do more than they may themselves, and the last admin of all stays.
    """
    if isinstance(by, Principal) and by.person_id != person.id:
        refuse_stronger(session, person, by, now=now)
    if changes.get("active") is False:
        refuse_last_admin(session, person, now=now)
        end_ways_in(session, person, now=now)
    if changes.get("email"):
        changes = {**changes, "email": changes["email"].lower()}
    _refuse_taken(session, person.id, key=changes.get("key"), email=changes.get("email"))
    for name in ("key", "name", "email", "org_unit_id", "time_zone", "active"):
        if name in changes:
            setattr(person, name, changes[name])
    if "active" in changes:
        person.left_at = None if person.active else (person.left_at or now)
    session.flush()
    record(
        session,
        action="person.changed",
        subject=("person", person.public_id),
        by=by,
        detail={"changed": sorted(changes), **({"active": person.active} if "active" in changes else {})},
        personal={name: value for name, value in changes.items() if name in PERSONAL} or None,
    )


def find_person(session: Session, name: str) -> Person:
    """Find a person by public id or key."""
    found = session.scalars(
        select(Person).where(or_(Person.public_id == name, Person.key == name)).order_by(Person.public_id != name)
    ).first()
    if found is None:
        raise NotFoundError(f"There is no person {name!r}: look at the list of persons.")
    return found


def find_person_by_email(session: Session, email: str) -> Person | None:
    """Find the person whose address this is; tools know people by it."""
    return session.scalars(select(Person).where(func.lower(Person.email) == email.strip().lower())).one_or_none()


def _refuse_taken(session: Session, own_id: int | None, *, key: str | None, email: str | None) -> None:
    for field, column, value in (("key", Person.key, key), ("email", Person.email, email)):
        if value and session.scalar(select(exists().where(column == value, Person.id != (own_id or 0)))):
            raise ConflictError(f"Another person has this {field} already: choose another.", field=field)
