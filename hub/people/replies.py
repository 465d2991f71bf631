"""What the API tells about people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.access import Permission, Role
from hub.people.models import ApiToken, Grant, OrgUnit, Person

NEXT = Field(default=None, description="Cursor of the next page; null on the last one.")


class OrgUnitOut(BaseModel):
    """A part of the organisation."""

    id: str
    key: str
    name: str
    function: str | None
    parent: str | None


class OrgUnitPage(BaseModel):
    """One page of org units."""

    items: list[OrgUnitOut]
    next_cursor: str | None = NEXT


class PersonOut(BaseModel):
    """Somebody of the organisation."""

    id: str
    key: str
    name: str
    email: str | None
    org_unit: str | None
    time_zone: str | None
    active: bool


class PersonPage(BaseModel):
    """One page of persons."""

    items: list[PersonOut]
    next_cursor: str | None = NEXT


class GrantOut(BaseModel):
    """A role in an org unit and everything below it; no org unit = the whole organisation."""

    id: str
    person: str
    role: Role
    org_unit: str | None
    until: datetime | None
    created_at: datetime
    ended_at: datetime | None


class GrantPage(BaseModel):
    """One page of roles."""

    items: list[GrantOut]
    next_cursor: str | None = NEXT


class TokenOut(BaseModel):
    """An API token, without what makes it work."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenMade(TokenOut):
    """A new API token; `token` is shown this once."""

    token: str | None


class TokenPage(BaseModel):
    """One page of API tokens."""

    items: list[TokenOut]
    next_cursor: str | None = NEXT


class WhoOut(BaseModel):
    """Who is asking."""

    id: str
    name: str
    roles: list[Role]
    permissions: list[Permission]


def see_org_units(session: Session, units: Sequence[OrgUnit]) -> list[OrgUnitOut]:
    """Tell about org units."""
    parents = public_ids(session, OrgUnit, {unit.parent_id for unit in units})
    return [
        OrgUnitOut(
            id=unit.public_id,
            key=unit.key,
            name=unit.name,
            function=unit.function,
            parent=parents.get(unit.parent_id),
        )
        for unit in units
    ]


def see_persons(session: Session, persons: Sequence[Person]) -> list[PersonOut]:
    """Tell about persons."""
    units = public_ids(session, OrgUnit, {person.org_unit_id for person in persons})
    return [
        PersonOut(
            id=person.public_id,
            key=person.key,
            name=person.name,
            email=person.email,
            org_unit=units.get(person.org_unit_id),
            time_zone=person.time_zone,
            active=person.active,
        )
        for person in persons
    ]


def see_grants(session: Session, grants: Sequence[Grant]) -> list[GrantOut]:
    """Tell about roles."""
    units = public_ids(session, OrgUnit, {grant.org_unit_id for grant in grants})
    persons = public_ids(session, Person, {grant.person_id for grant in grants})
    return [
        GrantOut(
            id=grant.public_id,
            person=persons[grant.person_id],
            role=Role(grant.role),
            org_unit=units.get(grant.org_unit_id),
            until=grant.until,
            created_at=grant.created_at,
            ended_at=grant.ended_at,
        )
        for grant in grants
    ]


def see_token(token: ApiToken) -> TokenOut:
    """Tell about an API token."""
    return TokenOut(
        id=token.public_id,
        name=token.name,
        scopes=token.scopes,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        revoked_at=token.revoked_at,
    )


def public_ids(session: Session, model: Any, ids: Collection[int | None]) -> dict[int | None, str]:  # noqa: ANN401  # any mapped class
    """Give the public ids of rows."""
    rows = session.execute(
        select(model.id, model.public_id).where(model.id.in_([one for one in ids if one is not None]))
    )
    return dict(rows.all())
