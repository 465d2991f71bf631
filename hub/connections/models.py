"""Configured connections, how they fare, and the outbox: everything that is to be written to a tool."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import Boolean, Float, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.access import Owned
from hub.core.database import Base, Id, Json, PublicId, Ref
from hub.core.inventory import Inventory
from hub.core.sealing import Sealed


class Stage(StrEnum):
    """What a connection may do. Every connection starts by only looking."""

    OBSERVE_ONLY = "observe_only"
    WRITING = "writing"


class Managed(StrEnum):
    """Where a connection's configuration is kept: what a file owns is read-only in forms."""

    FORM = "form"
    FILE = "file"


class Connection(Base, Owned):
    """A configured connector."""

    __tablename__ = "connection"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="which tools are plugged in",
        retention="until removed, then one year",
        seen_by="who may read connections",
        plain=("key", "kind", "title", "paused_reason"),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(200))
    stage: Mapped[Stage] = mapped_column(String(20), default=Stage.OBSERVE_ONLY)
    managed: Mapped[Managed] = mapped_column(String(10))
    every_seconds: Mapped[int] = mapped_column(default=900)
    """How often it is synced without being asked; 0 = only when asked."""
    writes_per_minute: Mapped[int] = mapped_column(default=60)
    paused_at: Mapped[datetime | None]
    paused_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_connection_key",
            "key",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )


class ConnectionVersion(Base):
    """A connection's configuration from one day on; never changed, the highest number counts."""

    __tablename__ = "connection_version"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="how a tool is reached, and who set it so",
        retention="until the connection is removed; its secrets go at once",
        seen_by="who may manage connections; secrets: nobody",
        plain=("config",),
        personal={"created_by": "who answers for a configuration"},
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    number: Mapped[int]
    config: Mapped[dict[str, Any]]
    """As it was given, without its secrets; `{env: X}` and `{file: X}` stay as they are."""
    secrets: Mapped[Sealed]
    """JSON: dotted name of the entry -> secret."""
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(60))

    __table_args__ = (UniqueConstraint("connection_id", "number"),)


class ConnectionHealth(Base):
    """How a connection fares, and what it has cost."""

    __tablename__ = "connection_health"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="whether a tool is reached, and what that costs",
        retention="as long as the connection",
        seen_by="who may read connections",
        plain=("error_class", "message"),
        personal={"report": "account of the tool; first rows of a preview, with names as the people's data mode says"},
    )

    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"), primary_key=True)
    last_attempt_at: Mapped[datetime | None]
    """When the last reading that has ended began, however it ended."""
    last_success_at: Mapped[datetime | None]
    """When the last reading began that worked."""
    failing_since: Mapped[datetime | None]
    error_class: Mapped[str | None] = mapped_column(String(60))
    """Of the last reading; none where it worked."""
    message: Mapped[str | None] = mapped_column(Text)
    """What went wrong and what to do, with every secret masked."""
    requests: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float] = mapped_column(Float(53), default=0.0)
    checked_at: Mapped[datetime | None]
    report: Mapped[dict[str, Any] | None]
    """What the last check said: account, product, permissions and what is missing, or the error."""
    worst_lag_seconds: Mapped[float] = mapped_column(Float(53), default=0.0)
    """The longest that a ticket of ours was not found yet by its marker: the settle window is at least twice this."""


class RateBudget(Base):
    """When a connection may write next."""

    __tablename__ = "rate_budget"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="not to ask more of a tool than it allows",
        retention="as long as the connection",
        seen_by="who may read connections",
        plain=("held_reason",),
    )

    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"), primary_key=True)
    next_slot_at: Mapped[datetime]
    held_until: Mapped[datetime | None]
    """The tool asked us to wait until then (Retry-After): nothing of this connection goes out before."""
    held_reason: Mapped[str | None] = mapped_column(Text)


class WriteSwitch(Base):
    """The stop switch for everything that is written to tools: one row; none = on."""

    __tablename__ = "write_switch"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="to stop all writing at once, and to know who did",
        retention="as long as the deployment",
        seen_by="who may read connections",
        personal={"changed_by": "who answers for the switch"},
    )

    id: Mapped[Id]
    on: Mapped[bool] = mapped_column("is_on", Boolean)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(60))


class DeliveryKind(StrEnum):
    """What is written."""

    CREATE_TICKET = "create_ticket"
    COMMENT = "comment"
    TRANSITION = "transition"
    UPDATE = "update"
    WRITE = "write"
    MESSAGE = "message"


class DeliveryState(StrEnum):
    """Where a delivery stands. AMBIGUOUS = sent, and nobody knows yet whether it was applied."""

    QUEUED = "queued"
    HELD = "held"
    SENDING = "sending"
    AMBIGUOUS = "ambiguous"
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    GIVEN_UP = "given_up"
    DRY_RUN = "dry_run"


ENDED = frozenset(
    {DeliveryState.APPLIED, DeliveryState.NOT_APPLIED, DeliveryState.GIVEN_UP, DeliveryState.DRY_RUN},
)
"""States in which a delivery no longer holds up the later ones of its item."""


class Delivery(Base):
    """One thing to be written to a tool: the intent is here before the tool hears of it."""

    __tablename__ = "delivery"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="what was written to which tool, and what became of it",
        retention="one year after it ended",
        seen_by="who may read connections",
        plain=(
            "item_key",
            "body_hash",
            "marker",
            "dedupe_key",
            "origin",
            "external_key",
            "external_label",
            "external_url",
            "hint_key",
            "held_reason",
            "last_error",
        ),
        personal={"body": "text of tickets and messages, and whom they are given to"},
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    item_key: Mapped[str] = mapped_column(String(200))
    """Deliveries of the same item leave in the order in which they were asked for."""
    kind: Mapped[DeliveryKind] = mapped_column(String(20))
    body: Mapped[dict[str, Any]]
    body_hash: Mapped[str] = mapped_column(String(64))
    marker: Mapped[str | None] = mapped_column(String(40))
    dedupe_key: Mapped[str] = mapped_column(String(200), unique=True)
    origin: Mapped[dict[str, Any]]
    """What asked for it, in its own words: comes back in the events."""
    state: Mapped[DeliveryState] = mapped_column(String(20))
    held_reason: Mapped[str | None] = mapped_column(String(40))
    attempt: Mapped[int] = mapped_column(default=0)
    """How often it was sent."""
    failures: Mapped[int] = mapped_column(default=0)
    """Attempts that certainly did nothing and are worth repeating; a person's retry starts anew."""
    ambiguities: Mapped[int] = mapped_column(default=0)
    """Attempts of which nobody knew what became of them; a person's retry starts anew."""
    work_item_id: Mapped[int | None] = mapped_column(Ref)
    """The only work item that may drive it: a second one that comes by leaves it alone."""
    slot_at: Mapped[datetime | None]
    """When the rate budget lets it out."""
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    ambiguous_at: Mapped[datetime | None]
    """Since when nobody knows; none where it is known. Every ambiguity stays listed among the steps."""
    looked_at: Mapped[datetime | None]
    """When it was last looked for by its marker and not found."""
    ended_at: Mapped[datetime | None]
    swept_at: Mapped[datetime | None]
    """When it was last looked for twins."""
    hint_key: Mapped[str | None] = mapped_column(String(200))
    """The record that a webhook said carries the marker: looked at first."""
    external_key: Mapped[str | None] = mapped_column(String(200))
    external_label: Mapped[str | None] = mapped_column(String(200))
    external_url: Mapped[str | None] = mapped_column(Text)
    last_error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_delivery_item", "connection_id", "item_key", "id"),
        Index("ix_delivery_state", "state", "connection_id"),
        Index("ix_delivery_marker", "marker"),
        Index("ix_delivery_external", "connection_id", "external_key"),
    )


class DeliveryStep(Base):
    """One step in a delivery's life: the list of every attempt, ambiguity and how it was resolved."""

    __tablename__ = "delivery_step"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="to say how a delivery came to its end",
        retention="one year after the delivery ended",
        seen_by="who may read connections",
        plain=("step", "detail"),
    )

    id: Mapped[Id]
    delivery_id: Mapped[int] = mapped_column(Ref, ForeignKey("delivery.id"), index=True)
    at: Mapped[datetime]
    step: Mapped[str] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(Text)


class WrittenValue(Base):
    """The last value we wrote to a field of a tool: what comes back equal to it is our own echo."""

    __tablename__ = "written_value"
    __inventory__: ClassVar[Inventory] = Inventory(
        purpose="to know our own writing when it comes back",
        retention="as long as the connection",
        seen_by="nobody",
        plain=("stream", "record_key", "field"),
        personal={"value": "a mirrored field may name a person"},
    )

    id: Mapped[Id]
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    stream: Mapped[str] = mapped_column(String(120))
    record_key: Mapped[str] = mapped_column(String(200))
    field: Mapped[str] = mapped_column(String(120))
    value: Mapped[Any] = mapped_column(Json)
    written_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("connection_id", "stream", "record_key", "field"),)
