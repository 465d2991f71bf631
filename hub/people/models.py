"""Org units and persons, what they may do, and how they prove who they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, synonym

from hub.core.access import Role
from hub.core.database import Base, Id, PublicId, Ref
from hub.core.inventory import Inventory, Personal

WHILE_EMPLOYED = "until the person is erased"


class OrgUnit(Base):
    """A part of the organisation; `function` (sales, finance, ...) counts for the parts below that name none."""

    __tablename__ = "org_unit"
    __inventory__ = Inventory(
        purpose="The parts of the organisation: who sees and answers for what.",
        retention="for the life of the deployment",
        seen_by="people.read",
        plain=("key", "name", "function"),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    parent_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("org_unit.id"), index=True)
    function: Mapped[str | None] = mapped_column(String(40))

    org_unit_id: Mapped[int] = synonym("id")
    """An org unit is seen by those who are granted in it."""


class Person(Base):
    """Somebody who owns, answers or is told; has an account only where they sign in."""

    __tablename__ = "person"
    __inventory__ = Inventory(
        purpose="Who owns, answers for and is told about what.",
        retention=WHILE_EMPLOYED,
        seen_by="people.read",
        personal={
            "key": "names the person in configuration files",
            "name": "so that people know whom to ask",
            "email": "where messages go, and the name to sign in with",
            "time_zone": Personal("to show times as the person reads them", seen_by="the person"),
        },
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    org_unit_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("org_unit.id"), index=True)
    active: Mapped[bool] = mapped_column(default=True)
    left_at: Mapped[datetime | None]
    time_zone: Mapped[str | None] = mapped_column(String(60))


class Account(Base):
    """The local account of a person: what is kept is an argon2 hash, never the password."""

    __tablename__ = "account"
    __inventory__ = Inventory(
        purpose="Lets a person sign in with a password.",
        retention=WHILE_EMPLOYED,
        seen_by="nobody",
        personal={"person_id": "whose account it is", "password_hash": "to check the password, which is not kept"},
    )

    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(Ref, ForeignKey("person.id"), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Grant(Base):
    """A role of a person in an org unit and everything below it; no org unit = the whole organisation."""

    __tablename__ = "grant"
    __inventory__ = Inventory(
        purpose="What a person may do, where, and until when.",
        retention="kept when it ends, so that the past can be explained",
        seen_by="people.manage",
        personal={"person_id": "whose role it is"},
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    person_id: Mapped[int] = mapped_column(Ref, ForeignKey("person.id"), index=True)
    role: Mapped[Role] = mapped_column(String(20))
    org_unit_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("org_unit.id"), index=True)
    until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Share(Base):
    """Something of one org unit that another one may see as well."""

    __tablename__ = "share"
    __inventory__ = Inventory(
        purpose="Lets another org unit see something.",
        retention="until the share is taken back",
        seen_by="those who see the shared thing",
        plain=("entity_kind",),
    )

    id: Mapped[Id]
    entity_kind: Mapped[str] = mapped_column(String(40))
    """Name of the entity's table."""
    entity_id: Mapped[int]
    org_unit_id: Mapped[int] = mapped_column(Ref, ForeignKey("org_unit.id"))
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("entity_kind", "entity_id", "org_unit_id"),
        Index("ix_share_org_unit", "org_unit_id", "entity_kind"),
    )


class ApiToken(Base):
    """A token for programs: acts for its person, limited to its scopes. Kept as a hash, shown once."""

    __tablename__ = "api_token"
    __inventory__ = Inventory(
        purpose="Lets a program act for a person, with less than the person may do.",
        retention="kept when it ends, so that the past can be explained",
        seen_by="the person, people.manage",
        plain=("scopes",),
        personal={
            "person_id": "for whom the program acts",
            "name": "what the person calls the token",
            "token_hash": Personal("to recognise the token, which is not kept", seen_by="nobody"),
        },
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    person_id: Mapped[int] = mapped_column(Ref, ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SigninSession(Base):
    """One browser that is signed in; the cookie holds a random id, this row only its hash."""

    __tablename__ = "signin_session"
    __inventory__ = Inventory(
        purpose="One signed-in browser.",
        retention="a week after its end",
        seen_by="nobody",
        personal={"person_id": "who is signed in", "id_hash": "to recognise the browser"},
    )

    id: Mapped[Id]
    id_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int] = mapped_column(Ref, ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SigninAttempt(Base):
    """One try to sign in, counted against its account and its address (both as hashes)."""

    __tablename__ = "signin_attempt"
    __inventory__ = Inventory(
        purpose="Slows down whoever guesses passwords.",
        retention="a day",
        seen_by="nobody",
        personal={"subject_hash": "to count tries for one account or from one address without keeping either"},
    )

    id: Mapped[Id]
    subject_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]

    __table_args__ = (Index("ix_signin_attempt_subject", "subject_hash", "at"),)


class SetupToken(Base):
    """A one-time token that lets its bearer choose a password: of the console (no person yet) or of an invitation."""

    __tablename__ = "setup_token"
    __inventory__ = Inventory(
        purpose="Lets one person set up an empty deployment, or choose the first or a new password.",
        retention="a week after its end",
        seen_by="nobody",
        plain=("token_hash",),
        personal={"person_id": "who is invited"},
    )

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
