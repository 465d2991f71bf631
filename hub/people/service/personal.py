"""A person's data as a whole: what is stored about them, and its erasure, to which every area does its part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from importlib import import_module

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.audit.service import Actor, names_told_of, record
from hub.core.access import Principal
from hub.core.area import Area, resolve
from hub.core.database import Base
from hub.core.inventory import personal_columns
from hub.core.models import ActorName
from hub.core.personal import Found, Subject, find_rows, replace_names
from hub.core.privacy import PeopleData, new_pseudonym
from hub.people.models import Account, ApiToken, Grant, Person, SetupToken, SigninAttempt, SigninSession
from hub.people.service.grants import end_grant
from hub.people.service.signin import hash_account

NOBODY = "Erased person"


def subject_of(session: Session, person: Person, people: PeopleData, *, also: Iterable[str] = ()) -> Subject:
    """Give a person with every name that is known of them, and those that `also` are theirs (accounts in tools)."""
    names = {person.name, person.email or "", *names_told_of(session, person.public_id), *also} - {"", NOBODY}
    return Subject(
        id=person.id,
        public_id=person.public_id,
        names=frozenset(names),
        pseudonyms=people.known(session, names),
        stand_in=new_pseudonym(),
    )


def export_person(session: Session, subject: Subject, areas: Iterable[Area], *, by: Actor | str) -> Found:
    """Give every row about a person, by table, and write down that it was given."""
    _know_tables(areas)
    found = find_rows(session, subject, personal_columns(Base))
    if subject.pseudonyms:
        found[ActorName.__tablename__] = [{"pseudonym": one} for one in sorted(subject.pseudonyms)]
    record(session, action="person.exported", subject=("person", subject.public_id), by=by, detail={})
    return found


def erase_person(
    session: Session,
    subject: Subject,
    areas: Iterable[Area],
    *,
    people: PeopleData,
    by: Principal | str,
    now: datetime,
) -> None:
    """Erase a person everywhere: their names go, what they did stays under a pseudonym that leads nowhere.

    It cannot be undone. Tools that are read may still hold the person: there they have to be erased as well.
    """
    areas = tuple(areas)
    _know_tables(areas)
    record(session, action="person.erased", subject=("person", subject.public_id), by=by, detail={})
    for area in areas:
        if area.erase is not None:
            resolve(area.erase)(session, subject, by=by, now=now)
        elif area.models is not None:
            replace_names(session, subject, personal_columns(Base, models=area.models))
    people.erase(session, subject.names)


def erase(session: Session, subject: Subject, *, by: Principal | str, now: datetime) -> None:
    """Leave of a person what the past has to point at: no name, no way to sign in, no role."""
    for grant in session.scalars(select(Grant).where(Grant.person_id == subject.id, Grant.ended_at.is_(None))).all():
        end_grant(session, grant, by=by, now=now)
    for table in (SigninSession, SetupToken, ApiToken, Account):
        session.execute(delete(table).where(table.person_id == subject.id))
    hashes = [hash_account(name) for name in subject.names]
    session.execute(delete(SigninAttempt).where(SigninAttempt.subject_hash.in_(hashes)))
    person = session.get_one(Person, subject.id)
    person.key, person.name, person.email, person.time_zone = person.public_id, NOBODY, None, None
    person.active, person.left_at = False, person.left_at or now
    session.flush()


def _know_tables(areas: Iterable[Area]) -> None:
    for area in areas:
        if area.models is not None:
            import_module(area.models)
