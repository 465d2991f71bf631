"""Roles of persons in org units, and the principal that a person is at this moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from hub.audit.service import record
from hub.core.access import PERMISSIONS, Granted, Permission, Principal, Role
from hub.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from hub.core.ids import new_public_id
from hub.people.models import Account, Grant, OrgUnit, Person
from hub.people.service.org_units import lines_of, parts_of
from hub.people.service.ways_in import end_invitations

LONGEST_AUDIT = timedelta(days=31)
LAST_ADMIN = "This is the last admin of the whole organisation: make another one first."


def give_role(
    session: Session,
    *,
    person: Person,
    role: Role,
    org_unit_id: int | None,
    until: datetime | None = None,
    by: Principal | str,
    now: datetime,
) -> Grant:
    """Give a person a role in an org unit and everything below it; None = in the whole organisation.

    Nobody gives more than they have there themselves. An auditor's grant ends within a month. Open invitations end:
    whoever made one might not have invited somebody who may do this much.
    """
    _refuse_more_than_own(by, role, org_unit_id)
    if until is not None and until <= now:
        raise InvalidInputError("The end lies in the past: choose a later one.", field="until")
    if role == Role.AUDITOR and (until is None or until > now + LONGEST_AUDIT):
        raise InvalidInputError(
            f"An auditor looks for {LONGEST_AUDIT.days} days at most: say until when.", field="until"
        )
    grant = Grant(
        public_id=new_public_id("gra"),
        person_id=person.id,
        role=role,
        org_unit_id=org_unit_id,
        until=until,
        created_at=now,
    )
    session.add(grant)
    end_invitations(session, person, now=now)
    session.flush()
    where = None if org_unit_id is None else session.get_one(OrgUnit, org_unit_id).public_id
    record(
        session,
        action="grant.given",
        subject=("grant", grant.public_id),
        by=by,
        detail={"person": person.public_id, "role": role, "org_unit": where, "until": until},
    )
    return grant


def end_grant(session: Session, grant: Grant, *, by: Principal | str, now: datetime) -> None:
    """Take a role back; it acts from the next request on. The last admin of all stays."""
    _refuse_more_than_own(by, grant.role, grant.org_unit_id)
    if grant.ended_at is not None:
        raise ConflictError("This role was taken back already.")
    if (
        grant.role == Role.ADMIN
        and grant.org_unit_id is None
        and not _has_admin(session, Grant.id != grant.id, now=now)
    ):
        raise ConflictError(LAST_ADMIN)
    grant.ended_at = now
    session.flush()
    record(session, action="grant.ended", subject=("grant", grant.public_id), by=by, detail={"role": grant.role})


def is_admin(session: Session, person: Person, *, now: datetime) -> bool:
    """Say whether a person can sign in and is admin of the whole organisation, without an end."""
    return _has_admin(session, Grant.person_id == person.id, now=now)


def refuse_last_admin(session: Session, person: Person, *, now: datetime) -> None:
    """Refuse what would leave nobody who may do everything; without one, only the console could help."""
    if is_admin(session, person, now=now) and not _has_admin(session, Grant.person_id != person.id, now=now):
        raise ConflictError(LAST_ADMIN)


def refuse_stronger(session: Session, person: Person, by: Principal | str, *, now: datetime) -> None:
    """Refuse whoever would act on the account of a person who may do more than they may themselves."""
    if isinstance(by, Principal) and not _may_as_much(
        by, person, principal_of(session, person, default_zone="UTC", now=now)
    ):
        raise ForbiddenError("This person may do more than you: ask an admin of the whole organisation.")


def find_grant(session: Session, public_id: str) -> Grant:
    """Find a grant by public id."""
    found = session.scalars(select(Grant).where(Grant.public_id == public_id)).one_or_none()
    if found is None:
        raise NotFoundError("There is no such role any more: look at the person's page.")
    return found


def holds(now: datetime) -> ColumnElement[bool]:
    """Give the condition of a grant that counts at this moment."""
    return and_(Grant.ended_at.is_(None), or_(Grant.until.is_(None), Grant.until > now))


def principal_of(session: Session, person: Person, *, default_zone: str, now: datetime) -> Principal:
    """Give the principal that a person is at this moment."""
    rows = session.execute(select(Grant.role, Grant.org_unit_id).where(Grant.person_id == person.id, holds(now))).all()
    units = {unit for _role, unit in rows if unit is not None}
    parts, lines = parts_of(session, units), lines_of(session, units)
    grants = tuple(
        Granted(Role(role)) if unit is None else Granted(Role(role), parts[unit], frozenset(lines[unit]) - {unit})
        for role, unit in rows
    )
    return Principal(
        person_id=person.id,
        public_id=person.public_id,
        name=person.name,
        grants=grants,
        zone=person.time_zone or default_zone,
    )


def holders_of(session: Session, role: Role, org_unit_id: int, *, now: datetime) -> list[Person]:
    """List who has a role for this org unit: those of the nearest org unit that has any, else of the whole."""
    rows = session.execute(
        select(Grant.org_unit_id, Person)
        .join(Person, Person.id == Grant.person_id)
        .where(Grant.role == role, Person.active, holds(now))
        .order_by(Person.id)
    ).all()
    line: list[int | None] = [*lines_of(session, [org_unit_id])[org_unit_id], None]
    for unit in line:
        found = list(dict.fromkeys(person for where, person in rows if where == unit))
        if found:
            return found
    return []


def _refuse_more_than_own(by: Principal | str, role: Role, org_unit_id: int | None) -> None:
    if isinstance(by, str):
        return
    wanted = {Permission.PEOPLE_MANAGE, *PERMISSIONS[role]}
    if not all(by.may_in(permission, org_unit_id) for permission in wanted):
        raise ForbiddenError(
            "You can give and take only roles that you have there yourself: ask an admin of that part."
        )


def _may_as_much(by: Principal, person: Person, theirs: Principal) -> bool:
    wanted = {(Permission.PEOPLE_MANAGE, person.org_unit_id)} | {
        (permission, unit)
        for granted in theirs.grants
        for permission in PERMISSIONS[granted.role]
        for unit in (granted.within or (None,))
    }
    return all(by.may_in(permission, unit) for permission, unit in wanted)


def _has_admin(session: Session, *which: ColumnElement[bool], now: datetime) -> bool:
    """Say whether somebody can sign in and is admin of everything without an end."""
    lasting = (Grant.role == Role.ADMIN, Grant.org_unit_id.is_(None), Grant.until.is_(None), holds(now))
    found = (
        select(Grant.id)
        .join(Person, Person.id == Grant.person_id)
        .join(Account, Account.person_id == Person.id)
        .where(*lasting, Person.active, Account.disabled_at.is_(None), *which)
    )
    return session.scalar(select(found.exists())) is True
