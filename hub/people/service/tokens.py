"""API tokens: a program acts for a person, with the scopes it was given, until a day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.audit.service import record
from hub.core.access import Permission, Principal
from hub.core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from hub.core.ids import new_public_id
from hub.people.models import Account, ApiToken, Person
from hub.people.secrets import TOKEN_PREFIX, hash_secret, new_api_token

LONGEST_LIFE = timedelta(days=366)


def make_token(
    session: Session,
    *,
    name: str,
    scopes: Collection[Permission],
    expires_at: datetime,
    by: Principal,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Make an API token for the person who asks; give the token itself, it is shown once."""
    if by.scopes is not None:
        raise ForbiddenError("A token cannot make tokens: sign in to make one.")
    missing = sorted(set(scopes) - by.permissions)
    if missing or not scopes:
        raise InvalidInputError(
            f"Choose scopes that you have yourself; not {', '.join(missing) or 'none'}.", field="scopes"
        )
    if not now < expires_at <= now + LONGEST_LIFE:
        raise InvalidInputError("A token ends within a year: choose a day until then.", field="expires_at")
    secret = new_api_token()
    token = ApiToken(
        public_id=new_public_id("tok"),
        person_id=by.person_id,
        name=name,
        token_hash=hash_secret(secret),
        scopes=sorted(scopes),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    detail = {"person": by.public_id, "scopes": token.scopes, "expires_at": expires_at}
    record(session, action="token.made", subject=("api_token", token.public_id), by=by, detail=detail)
    return token, secret


def revoke_token(session: Session, token: ApiToken, *, by: Principal, now: datetime) -> None:
    """End a token at once; a token may end itself, and no other."""
    if by.scopes is not None and by.token_id != token.public_id:
        raise ForbiddenError("A token can end only itself: sign in to end another one.")
    if token.revoked_at is not None:
        raise ConflictError("This token was revoked already.")
    token.revoked_at = now
    session.flush()
    record(session, action="token.revoked", subject=("api_token", token.public_id), by=by, detail={})


def find_own_token(session: Session, public_id: str, *, by: Principal) -> ApiToken:
    """Find one of the tokens of whoever asks."""
    found = session.scalars(
        select(ApiToken).where(ApiToken.public_id == public_id, ApiToken.person_id == by.person_id)
    ).one_or_none()
    if found is None:
        raise NotFoundError("You have no such token: look at your profile.")
    return found


def find_token(session: Session, secret: str, *, now: datetime) -> tuple[ApiToken, Person] | None:
    """Give the live token of this secret and the person it acts for, who must be able to sign in themselves."""
    if not secret.startswith(TOKEN_PREFIX):
        return None
    found = session.execute(
        select(ApiToken, Person)
        .join(Person, Person.id == ApiToken.person_id)
        .join(Account, Account.person_id == Person.id)
        .where(
            ApiToken.token_hash == hash_secret(secret),
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > now,
            Person.active,
            Account.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def limited_to(principal: Principal, token: ApiToken) -> Principal:
    """Give the person's principal as the token limits it; scopes that no longer exist count for nothing."""
    known = {permission.value: permission for permission in Permission}
    scopes = frozenset(known[scope] for scope in token.scopes if scope in known)
    return replace(principal, scopes=scopes, token_id=token.public_id)


def note_used(session: Session, row_id: int, *, now: datetime) -> None:
    """Note that a token was used."""
    session.execute(update(ApiToken).where(ApiToken.id == row_id).values(last_used_at=now))
