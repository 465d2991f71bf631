"""What was read from tools: records, their history, where reading stands, what could not be used, what tools told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.database import Base, Id, Json, PublicId, Ref
from hub.core.inventory import Inventory

SEEN_BY = "who may read connections"
AS_LONG_AS_CONNECTED = "as long as the connection, then one year"


class RecordMapping(Base):
    """What becomes of the records of a connection; what it says is in its versions."""

    __tablename__ = "mapping"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="what records of a tool mean", retention=AS_LONG_AS_CONNECTED, seen_by=SEEN_BY
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"), unique=True)


class MappingVersion(Base):
    """What a mapping said from one day on; never changed, the highest number counts."""

    __tablename__ = "mapping_version"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="what records of a tool mean, and who said so",
        retention=AS_LONG_AS_CONNECTED,
        seen_by=SEEN_BY,
        plain=("body",),
        personal={"created_by": "who answers for a mapping"},
    )

    id: Mapped[Id]
    mapping_id: Mapped[int] = mapped_column(Ref, ForeignKey("mapping.id"))
    number: Mapped[int]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(60))

    __table_args__ = (UniqueConstraint("mapping_id", "number"),)


class StreamState(Base):
    """Where the reading of one stream stands."""

    __tablename__ = "stream_state"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="to read on where the last reading ended",
        retention=AS_LONG_AS_CONNECTED,
        seen_by=SEEN_BY,
        plain=("stream", "cursor", "run"),
    )

    id: Mapped[Id]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    stream: Mapped[str] = mapped_column(String(120))
    cursor: Mapped[dict[str, Any] | None]
    """Where the next read starts; the connector's own words. None = from the beginning."""
    run: Mapped[str | None] = mapped_column(String(40))
    """The run that may move the cursor: a newer one takes over, the older one stops at its next checkpoint."""
    census_due: Mapped[bool] = mapped_column(default=False)
    """A full run was asked for and its census is still to come, also after an interruption."""
    census_at: Mapped[datetime | None]
    """When the last census began that reached the end."""
    read_at: Mapped[datetime | None]
    """When the last reading began that reached the end."""

    __table_args__ = (UniqueConstraint("connection_id", "stream"),)


class SyncMode(StrEnum):
    """How a run read: what changed, everything, or named records only."""

    CHANGES = "changes"
    FULL = "full"
    FETCH = "fetch"


class SyncRun(Base):
    """One reading of a connection: when, how much, how it ended."""

    __tablename__ = "sync_run"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="how reading went", retention="90 days", seen_by=SEEN_BY, plain=("counts", "error_class", "message")
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    mode: Mapped[SyncMode] = mapped_column(String(10))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]]
    """Stream -> read, created, updated, deleted, quarantined."""
    requests: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(default=0)
    error_class: Mapped[str | None] = mapped_column(String(60))
    message: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_sync_run_connection", "connection_id", "id"),)


class Record(Base):
    """One record of a tool as it was last read."""

    __tablename__ = "record"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="what tools hold: the ground of observations, tickets and events",
        retention=AS_LONG_AS_CONNECTED,
        seen_by="who may see what it was mapped to",
        plain=("stream", "key", "version", "place", "digest"),
        personal={"data": "what people wrote into a tool; names as the people's data mode says"},
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    stream: Mapped[str] = mapped_column(String(120))
    key: Mapped[str] = mapped_column(String(200))
    number: Mapped[int] = mapped_column(default=1)
    """Of this version; the earlier ones are in its history."""
    data: Mapped[dict[str, Any]]
    version: Mapped[str | None] = mapped_column(String(200))
    """The tool's own word for it."""
    place: Mapped[str | None] = mapped_column(Text)
    deleted: Mapped[bool] = mapped_column(default=False)
    ours: Mapped[bool] = mapped_column(default=False)
    """A ticket that Plumbline made: it counts in no metric and no event history."""
    changed_at: Mapped[datetime | None]
    """The tool's own time."""
    read_at: Mapped[datetime]
    """When the reading began that gave this: what was read earlier does not overwrite it."""
    digest: Mapped[str] = mapped_column(String(64))

    __table_args__ = (UniqueConstraint("connection_id", "stream", "key"),)


class RecordVersion(Base):
    """What a record said before it changed; never changed itself."""

    __tablename__ = "record_version"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="how records changed",
        retention=AS_LONG_AS_CONNECTED,
        seen_by="who may see what it was mapped to",
        personal={"data": "what people wrote into a tool; names as the people's data mode says"},
    )

    id: Mapped[Id]
    record_id: Mapped[int] = mapped_column(Ref, ForeignKey("record.id"))
    number: Mapped[int]
    data: Mapped[dict[str, Any]]
    deleted: Mapped[bool]
    changed_at: Mapped[datetime | None]
    read_at: Mapped[datetime]
    replaced_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("record_id", "number"),)


class ExternalRef(Base):
    """Which entity of ours a thing in a tool is."""

    __tablename__ = "external_ref"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="to know things in tools again",
        retention=AS_LONG_AS_CONNECTED,
        seen_by=SEEN_BY,
        plain=("stream", "role", "entity_kind"),
        personal={"external_id": "may be an account of a person"},
    )

    id: Mapped[Id]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    stream: Mapped[str] = mapped_column(String(120))
    external_id: Mapped[str] = mapped_column(String(300))
    role: Mapped[str] = mapped_column(String(40))
    entity_kind: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[int]

    __table_args__ = (
        UniqueConstraint("connection_id", "stream", "external_id", "role"),
        Index("ix_external_ref_entity", "entity_kind", "entity_id"),
    )


class QuarantineKind(StrEnum):
    """Why something waits: it could not be read, or its value is hard to believe."""

    UNREADABLE = "unreadable"
    DOUBTFUL = "doubtful"


class QuarantineState(StrEnum):
    """What became of it."""

    WAITING = "waiting"
    RELEASED = "released"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


class Quarantined(Base):
    """A row that was kept out of the ledger: where it is, what is wrong, what to do."""

    __tablename__ = "quarantined"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="to repair what could not be used, instead of dropping it",
        retention="one year after it was closed",
        seen_by=SEEN_BY,
        plain=("stream", "record_key", "place", "field", "reason", "remedy", "note"),
        personal={
            "raw": "the row as it was read; names as the people's data mode says",
            "closed_by": "who decided",
        },
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    stream: Mapped[str] = mapped_column(String(120))
    kind: Mapped[QuarantineKind] = mapped_column(String(12))
    state: Mapped[QuarantineState] = mapped_column(String(12), default=QuarantineState.WAITING)
    record_key: Mapped[str | None] = mapped_column(String(200))
    series_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("series.id"), index=True)
    place: Mapped[str] = mapped_column(Text)
    """File, sheet and row, or address."""
    field: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    raw: Mapped[Any] = mapped_column(Json, nullable=True)
    found_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When it was last read and still wrong."""
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(60))
    note: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_quarantined_waiting", "connection_id", "stream", "state"),)


class WebhookHint(Base):
    """What a verified webhook spoke of: records to be read again. Its body is never believed and not kept."""

    __tablename__ = "webhook_inbox"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="to read again what tools say has changed, each event once",
        retention="7 days",
        seen_by=SEEN_BY,
        plain=("event_id", "touched"),
    )

    id: Mapped[Id]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    event_id: Mapped[str] = mapped_column(String(200))
    touched: Mapped[list[Any]]
    received_at: Mapped[datetime]
    taken_by: Mapped[int | None] = mapped_column(Ref)
    """The work item that reads these records."""
    done_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("connection_id", "event_id"),
        Index("ix_webhook_inbox_waiting", "connection_id", "done_at", "taken_by"),
    )
