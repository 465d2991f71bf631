"""Connections as they are configured: add, change, find, pause, resume, remove."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.connections.configuration import Config, join
from hub.connections.events import ConnectionBroken, ConnectionChanged
from hub.connections.models import (
    ENDED,
    Connection,
    ConnectionHealth,
    ConnectionVersion,
    Delivery,
    DeliveryState,
    Managed,
    RateBudget,
    Stage,
    WrittenValue,
)
from hub.connections.service.releasing import ask_for_release
from hub.core.errors import ConflictError, InvalidInputError, NotFoundError
from hub.core.ids import new_public_id
from hub.core.instants import EPOCH
from hub.core.sealing import Sealer, place
from hub.work.service import publish

KEY_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class ManagedByFileError(ConflictError):
    """What a file owns is changed in the file."""

    slug, title = "managed-by-file", "This connection is managed by a file"


@dataclass(frozen=True)
class Draft:
    """A connection as somebody wants it: configuration without secrets, and the secrets apart."""

    key: str
    kind: str
    title: str
    config: Config
    secrets: Mapping[str, str] = field(repr=False)
    org_unit_id: int
    managed: Managed = Managed.FORM


@dataclass(frozen=True)
class Configured:
    """A connection with the configuration that counts: all that is needed to call it."""

    id: int
    key: str
    kind: str
    version: str
    """Public id of the version."""
    plain: Config
    sealed: str = field(repr=False)

    def open(self, sealer: Sealer) -> Config:
        """Give the configuration with its secrets; references are still to be resolved."""
        secrets = json.loads(sealer.open(self.sealed, place(ConnectionVersion.secrets, self.version)))
        return join(self.plain, secrets)


def list_connections(session: Session) -> list[Connection]:
    """List what is configured, by key."""
    found = session.scalars(select(Connection).where(Connection.removed_at.is_(None)).order_by(Connection.key))
    return list(found)


def find_connection(session: Session, key: str) -> Connection:
    """Find a connection by its key."""
    found = session.scalar(select(Connection).where(Connection.key == key, Connection.removed_at.is_(None)))
    if found is None:
        known = ", ".join(connection.key for connection in list_connections(session)) or "none"
        raise NotFoundError(f"There is no connection {key!r}. Connections: {known}.")
    return found


def find_configured(session: Session, connection_id: int) -> Configured:
    """Give a connection as it is to be called now."""
    row = session.execute(
        select(Connection, ConnectionVersion)
        .join(ConnectionVersion, ConnectionVersion.connection_id == Connection.id)
        .where(Connection.id == connection_id, Connection.removed_at.is_(None))
        .order_by(ConnectionVersion.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFoundError("This connection has been removed.")
    connection, version = row
    return Configured(
        connection.id, connection.key, connection.kind, version.public_id, version.config, version.secrets
    )


def add_connection(session: Session, draft: Draft, *, sealer: Sealer, by: Actor | str, now: datetime) -> Connection:
    """Add a connection: it starts observe-only."""
    if not draft.key or not KEY_LETTERS.issuperset(draft.key):
        raise InvalidInputError(f"{draft.key!r} is no name for a connection: use small letters, digits and hyphens.")
    if session.scalar(select(Connection.id).where(Connection.key == draft.key, Connection.removed_at.is_(None))):
        raise ConflictError(f"There is a connection {draft.key!r} already: choose another name, or remove it first.")
    connection = Connection(
        public_id=new_public_id("con"),
        key=draft.key,
        kind=draft.kind,
        title=draft.title,
        org_unit_id=draft.org_unit_id,
        managed=draft.managed,
        created_at=now,
    )
    session.add(connection)
    session.flush()
    session.add(ConnectionHealth(connection_id=connection.id))
    session.add(RateBudget(connection_id=connection.id, next_slot_at=EPOCH))
    _add_version(session, connection, draft, sealer=sealer, by=by, now=now)
    _note(session, connection, "connection.added", by=by, now=now, detail={"key": draft.key, "kind": draft.kind})
    return connection


@dataclass(frozen=True)
class Saved:
    """A connection that was brought to what somebody wants."""

    connection: Connection
    is_new: bool
    changed: bool


def save_connection(
    session: Session,
    draft: Draft,
    *,
    sealer: Sealer,
    by: Actor | str,
    now: datetime,
    every_seconds: int | None = None,
) -> Saved:
    """Add a connection, or bring the one of this name to the draft; saying the same twice changes nothing."""
    known = session.scalar(select(Connection).where(Connection.key == draft.key, Connection.removed_at.is_(None)))
    connection = known or add_connection(session, draft, sealer=sealer, by=by, now=now)
    changed = known is not None and change_connection(session, known, draft, sealer=sealer, by=by, now=now)
    if every_seconds is not None and every_seconds != connection.every_seconds:
        connection.every_seconds = every_seconds
        _note(session, connection, "connection.changed", by=by, now=now, detail={"every_seconds": every_seconds})
        changed = True
    return Saved(connection, known is None, changed)


def change_connection(
    session: Session, connection: Connection, draft: Draft, *, sealer: Sealer, by: Actor | str, now: datetime
) -> bool:
    """Make a new version of a connection's configuration; False where it says the same already."""
    if connection.managed == Managed.FILE and draft.managed != Managed.FILE:
        raise ManagedByFileError(f"{connection.key} is managed by a file: change the file and run `plumbline apply`.")
    if connection.kind != draft.kind:
        raise ConflictError(f"{connection.key} is a {connection.kind} connection: add another one for {draft.kind}.")
    current = find_configured(session, connection.id)
    same_config = current.open(sealer) == join(draft.config, draft.secrets)
    if same_config and (connection.title, connection.managed) == (draft.title, draft.managed):
        return False
    connection.title, connection.managed = draft.title, draft.managed
    if not same_config:
        _add_version(session, connection, draft, sealer=sealer, by=by, now=now)
    _note(session, connection, "connection.changed", by=by, now=now)
    return True


def pause_connection(session: Session, connection: Connection, *, reason: str, by: Actor | str, now: datetime) -> None:
    """Stop reading from and writing to a tool; what is to be written is kept."""
    connection.paused_at, connection.paused_reason = now, reason
    _note(session, connection, "connection.paused", by=by, now=now, detail={"reason": reason})


def stop_broken_connection(session: Session, connection_id: int, *, reason: str, now: datetime) -> None:
    """Pause a connection whose tool refuses us: a person has to do what the reason says."""
    connection = session.get_one(Connection, connection_id, with_for_update=True)
    if connection.paused_at is None:
        pause_connection(session, connection, reason=reason, by="system:connections", now=now)
        publish(session, ConnectionBroken(connection_id=connection_id))


def resume_connection(session: Session, connection: Connection, *, by: Actor | str, now: datetime) -> None:
    """Go on after a pause; what was held is released."""
    connection.paused_at = connection.paused_reason = None
    _note(session, connection, "connection.resumed", by=by, now=now)
    ask_for_release(session, connection.id)


def set_stage(session: Session, connection: Connection, stage: Stage, *, by: Actor | str, now: datetime) -> None:
    """Let a connection write, or only look again; what was held is released or kept."""
    connection.stage = stage
    _note(session, connection, "connection.staged", by=by, now=now, detail={"stage": stage})
    if stage == Stage.WRITING:
        ask_for_release(session, connection.id)


def remove_connection(session: Session, connection: Connection, *, by: Actor | str, now: datetime) -> None:
    """Remove a connection: its secrets go at once, nothing more is read or written; what was read stays."""
    connection.removed_at = now
    session.execute(
        update(ConnectionVersion).where(ConnectionVersion.connection_id == connection.id).values(secrets="")
    )
    session.execute(
        update(Delivery)
        .where(Delivery.connection_id == connection.id, Delivery.state.not_in(ENDED))
        .values(state=DeliveryState.GIVEN_UP, last_error="The connection was removed.", ended_at=now)
    )
    session.execute(delete(WrittenValue).where(WrittenValue.connection_id == connection.id))
    _note(session, connection, "connection.removed", by=by, now=now, detail={"key": connection.key})


def _add_version(
    session: Session, connection: Connection, draft: Draft, *, sealer: Sealer, by: Actor | str, now: datetime
) -> None:
    public_id = new_public_id("cov")
    count = select(func.count()).where(ConnectionVersion.connection_id == connection.id)
    session.add(
        ConnectionVersion(
            public_id=public_id,
            connection_id=connection.id,
            number=(session.scalar(count) or 0) + 1,
            config=draft.config,
            secrets=sealer.seal(json.dumps(dict(draft.secrets)), place(ConnectionVersion.secrets, public_id)),
            created_at=now,
            created_by=by if isinstance(by, str) else by.audit_name,
        )
    )


def _note(
    session: Session,
    connection: Connection,
    action: str,
    *,
    by: Actor | str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    record(session, action=action, subject=("connection", connection.public_id), by=by, detail=detail or {}, now=now)
    publish(session, ConnectionChanged(connection_id=connection.id))
