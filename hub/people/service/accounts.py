"""Local accounts, and the one-time tokens that let somebody choose a password.

Passwords arrive here as hashes (hub/people/passwords.py): hashing takes long, and a transaction must not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.core.access import Principal, Role
from hub.core.errors import ConflictError, ForbiddenError, InvalidInputError
from hub.people.models import Account, OrgUnit, Person, SetupToken
from hub.people.secrets import SECRET_LENGTH, hash_secret, new_secret
from hub.people.service.grants import give_role, is_admin, principal_of, refuse_last_admin, refuse_stronger
from hub.people.service.org_units import add_org_unit
from hub.people.service.persons import add_person, change_person
from hub.people.service.ways_in import end_invitations, end_sessions, end_ways_in

INVITED_FOR = timedelta(days=7)
SETUP = "system:set-up"


@dataclass(frozen=True)
class Founder:
    """Who sets up an empty deployment, and for which organisation."""

    organisation: str
    name: str
    email: str
    time_zone: str | None


def has_accounts(session: Session) -> bool:
    """Say whether anybody can sign in at all."""
    return bool(session.scalar(select(exists().select_from(Account))))


def first_run_notice(session: Session, *, address: str, now: datetime) -> str | None:
    """Give what the console says while nobody can sign in yet: the address with a one-time token; else None.

    Each call makes a new token and ends the ones before it.
    """
    if has_accounts(session):
        return None
    session.execute(update(SetupToken).where(SetupToken.person_id.is_(None)).values(used_at=now))
    token = new_secret()
    session.add(SetupToken(token_hash=hash_secret(token), created_at=now))
    session.flush()
    return f"Nobody can sign in yet. Open {address.rstrip('/')}/setup?token={token} to set up Plumbline; it works once."


def set_up(session: Session, token: str, founder: Founder, password_hash: str, *, now: datetime) -> Person:
    """Make the organisation and its first admin, with the console's one-time token."""
    if has_accounts(session):
        raise ConflictError("Plumbline is set up already: sign in.")
    _use_token(session, token, None, now)
    top = session.scalars(select(OrgUnit).where(OrgUnit.parent_id.is_(None)).order_by(OrgUnit.id)).first()
    if top is None:
        top = add_org_unit(session, key="organisation", name=founder.organisation, by=SETUP)
    person = add_person(
        session,
        key=founder.email.lower(),
        name=founder.name,
        email=founder.email,
        org_unit_id=top.id,
        time_zone=founder.time_zone,
        by=SETUP,
    )
    set_password(session, person, password_hash, by=SETUP, now=now)
    give_role(session, person=person, role=Role.ADMIN, org_unit_id=None, by=SETUP, now=now)
    return person


def set_password(session: Session, person: Person, password_hash: str, *, by: Actor | str, now: datetime) -> Account:
    """Give a person an account, or a new password; sign-ins with the old one and open invitations end.

    A disabled account stays disabled.
    """
    account = session.scalars(select(Account).where(Account.person_id == person.id)).one_or_none()
    if account is None:
        account = Account(person_id=person.id, created_at=now)
        session.add(account)
    account.password_hash, account.password_changed_at = password_hash, now
    end_sessions(session, person, now=now)
    end_invitations(session, person, now=now)
    session.flush()
    record(session, action="account.password_set", subject=("person", person.public_id), by=by, detail={})
    return account


def disable_account(session: Session, person: Person, *, by: Principal | str, now: datetime) -> None:
    """Stop a person and their programs from coming in, at once; the last admin of all stays."""
    refuse_stronger(session, person, by, now=now)
    refuse_last_admin(session, person, now=now)
    session.execute(
        update(Account).where(Account.person_id == person.id, Account.disabled_at.is_(None)).values(disabled_at=now)
    )
    end_ways_in(session, person, now=now)
    record(session, action="account.disabled", subject=("person", person.public_id), by=by, detail={})


def enable_account(session: Session, person: Person, *, by: Principal | str, now: datetime) -> None:
    """Let a person sign in again, with the password they had."""
    refuse_stronger(session, person, by, now=now)
    session.execute(update(Account).where(Account.person_id == person.id).values(disabled_at=None))
    record(session, action="account.enabled", subject=("person", person.public_id), by=by, detail={})


def invite(session: Session, person: Person, *, by: Principal | str, now: datetime) -> str:
    """Make a one-time token with which a person chooses a password within a week; give it, it is shown once.

    Nobody invites a person who may do more than they may themselves: they could sign in as that person. So the token
    names its maker, who is looked at again when it is used.
    """
    if not person.active or person.email is None:
        raise InvalidInputError("Only somebody who is here and has an e-mail address can sign in.", field="email")
    if _is_disabled(session, person):
        raise ConflictError("This person was stopped from signing in: let them sign in again first.")
    refuse_stronger(session, person, by, now=now)
    end_invitations(session, person, now=now)
    token = new_secret() if isinstance(by, str) else new_secret() + by.public_id
    session.add(
        SetupToken(token_hash=hash_secret(token), person_id=person.id, created_at=now, expires_at=now + INVITED_FOR)
    )
    record(session, action="person.invited", subject=("person", person.public_id), by=by, detail={})
    return token


def make_admin(session: Session, person: Person, *, by: str, now: datetime) -> str:
    """Make a person admin of the whole organisation who can sign in; give an invitation to choose a password.

    It is for whoever runs the machine, when no admin can sign in any more.
    """
    if not person.active:
        change_person(session, person, {"active": True}, by=by, now=now)
    if _is_disabled(session, person):
        enable_account(session, person, by=by, now=now)
    if not is_admin(session, person, now=now):
        give_role(session, person=person, role=Role.ADMIN, org_unit_id=None, by=by, now=now)
    return invite(session, person, by=by, now=now)


def find_invited(session: Session, token: str, *, now: datetime) -> Person | None:
    """Give who was invited with this token, while it holds."""
    return session.scalars(
        select(Person)
        .join(SetupToken, SetupToken.person_id == Person.id)
        .where(
            SetupToken.token_hash == hash_secret(token),
            SetupToken.used_at.is_(None),
            SetupToken.expires_at > now,
            Person.active,
            ~exists().where(Account.person_id == Person.id, Account.disabled_at.is_not(None)),
        )
    ).one_or_none()


def accept_invitation(session: Session, token: str, password_hash: str, *, now: datetime) -> Person:
    """Give the invited person the password they chose."""
    person = find_invited(session, token, now=now)
    if person is None:
        raise ForbiddenError("This invitation has been used or is too old: ask an admin for a new one.")
    _refuse_weaker_maker(session, person, token, now)
    _use_token(session, token, person.id, now)
    set_password(session, person, password_hash, by=f"system:invitation/{person.public_id}", now=now)
    return person


def _use_token(session: Session, token: str, person_id: int | None, now: datetime) -> None:
    owner = SetupToken.person_id.is_(None) if person_id is None else SetupToken.person_id == person_id
    fresh = or_(SetupToken.expires_at.is_(None), SetupToken.expires_at > now)
    used = session.scalar(
        update(SetupToken)
        .where(SetupToken.token_hash == hash_secret(token), SetupToken.used_at.is_(None), owner, fresh)
        .values(used_at=now)
        .returning(SetupToken.id)
    )
    if used is None:
        raise ForbiddenError("This one-time token does not hold: use the newest one that the console shows.")


def _refuse_weaker_maker(session: Session, person: Person, token: str, now: datetime) -> None:
    """Refuse an invitation whose maker could not make it now: roles of either may have changed since."""
    public_id = token[SECRET_LENGTH:]  # the hash that is kept covers it, so it is true
    if not public_id:
        return  # made on the console
    maker = session.scalars(select(Person).where(Person.public_id == public_id, Person.active)).one_or_none()
    if maker is None or _is_disabled(session, maker):
        raise ForbiddenError("Whoever invited you may not do so any more: ask an admin for a new invitation.")
    refuse_stronger(session, person, principal_of(session, maker, default_zone="UTC", now=now), now=now)


def _is_disabled(session: Session, person: Person) -> bool:
    disabled = exists().where(Account.person_id == person.id, Account.disabled_at.is_not(None))
    return session.scalar(select(disabled)) is True
