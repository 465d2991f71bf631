"""Signing in and staying signed in: tries are counted, sessions live on the server."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from hub.audit.service import record
from hub.core.errors import TooManyRequestsError
from hub.people.models import Account, Person, SetupToken, SigninAttempt, SigninSession
from hub.people.secrets import hash_secret

WINDOW = timedelta(minutes=15)
PER_ACCOUNT, PER_ADDRESS = 10, 100
"""Failed tries in WINDOW for one account, and from one address."""
NOTED_EVERY = timedelta(minutes=1)
"""A visit is noted at most this often: reading a page must not cost a write."""
REMEMBERED = timedelta(days=7)
_SIGNIN = "system:sign-in"


@dataclass(frozen=True)
class Lifetime:
    """How long a sign-in lasts without a request, and in any case."""

    idle: timedelta
    absolute: timedelta


def note_attempt(session: Session, *, email: str, address: str, now: datetime) -> None:
    """Count a try to sign in before the password is looked at, so that many at once count too.

    An account that does not exist is counted like one that does: the answer tells nothing.
    """
    for subject, most in ((hash_account(email), PER_ACCOUNT), (_place(address), PER_ADDRESS)):
        tries = select(func.count(), func.min(SigninAttempt.at)).where(
            SigninAttempt.subject_hash == subject, SigninAttempt.at > now - WINDOW
        )
        count, first = session.execute(tries).one()
        if count >= most:
            seconds = max(1, int((first + WINDOW - now).total_seconds()))
            minutes = -(-seconds // 60)
            raise TooManyRequestsError(f"Too many tries: wait {minutes} min, then try again.", retry_after=seconds)
        session.add(SigninAttempt(subject_hash=subject, at=now))


def forgive_attempt(session: Session, *, address: str) -> None:
    """Take back the try that turned out right: many people of one office come from one address."""
    last = select(func.max(SigninAttempt.id)).where(SigninAttempt.subject_hash == _place(address))
    session.execute(delete(SigninAttempt).where(SigninAttempt.id == last.scalar_subquery()))


def find_account(session: Session, email: str) -> tuple[Person, str] | None:
    """Give the person who may sign in with this address, and the hash of their password."""
    found = session.execute(
        select(Person, Account.password_hash)
        .join(Account, Account.person_id == Person.id)
        .where(func.lower(Person.email) == email.strip().lower(), Person.active, Account.disabled_at.is_(None))
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def open_session(session: Session, person: Person, session_id: str, *, now: datetime) -> None:
    """Sign a browser in under a fresh random id; earlier wrong tries for this account are forgiven."""
    session.add(SigninSession(id_hash=hash_secret(session_id), person_id=person.id, created_at=now, seen_at=now))
    if person.email is not None:
        session.execute(delete(SigninAttempt).where(SigninAttempt.subject_hash == hash_account(person.email)))
    record(session, action="signin.opened", subject=("person", person.public_id), by=_SIGNIN, detail={})


def refuse_sign_in(session: Session, person: Person | None) -> None:
    """Write down that somebody was refused."""
    subject = None if person is None else ("person", person.public_id)
    record(session, action="signin.refused", subject=subject, by=_SIGNIN, detail={})


def close_session(session: Session, session_id: str, *, now: datetime) -> None:
    """Sign a browser out: its id opens nothing any more."""
    ended = session.scalar(
        update(SigninSession)
        .where(SigninSession.id_hash == hash_secret(session_id), SigninSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(SigninSession.person_id)
    )
    if ended is not None:
        person = session.get_one(Person, ended)
        record(session, action="signin.closed", subject=("person", person.public_id), by=_SIGNIN, detail={})


def find_session(
    session: Session, session_id: str, *, lifetime: Lifetime, now: datetime
) -> tuple[SigninSession, Person] | None:
    """Give the live sign-in of this id and its person."""
    found = session.execute(
        select(SigninSession, Person)
        .join(Person, Person.id == SigninSession.person_id)
        .join(Account, Account.person_id == Person.id)
        .where(
            SigninSession.id_hash == hash_secret(session_id),
            SigninSession.ended_at.is_(None),
            SigninSession.seen_at > now - lifetime.idle,
            SigninSession.created_at > now - lifetime.absolute,
            Person.active,
            Account.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def note_seen(session: Session, row_id: int, *, now: datetime) -> None:
    """Note that a signed-in browser was here."""
    session.execute(
        update(SigninSession).where(SigninSession.id == row_id, SigninSession.seen_at < now).values(seen_at=now)
    )


def prune_sign_ins(session: Session, *, lifetime: Lifetime, now: datetime) -> None:
    """Forget ended sessions, old tries and used tokens after a week."""
    old = now - REMEMBERED
    session.execute(
        delete(SigninSession).where(
            or_(SigninSession.ended_at < old, SigninSession.created_at < old - lifetime.absolute)
        )
    )
    session.execute(delete(SigninAttempt).where(SigninAttempt.at < now - timedelta(days=1)))
    session.execute(delete(SetupToken).where(or_(SetupToken.used_at < old, SetupToken.expires_at < old)))


def hash_account(email: str) -> str:
    """Give by what tries to sign in with an address are counted."""
    return hashlib.sha256(f"account:{email.strip().lower()}".encode()).hexdigest()


def _place(address: str) -> str:
    return hashlib.sha256(f"address:{address}".encode()).hexdigest()
