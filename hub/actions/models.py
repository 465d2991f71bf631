"""What has to be done about findings, and the tickets where it is done."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.access import Owned
from hub.core.database import Base, Id, PublicId, Ref
from hub.core.inventory import Inventory


class ActionState(StrEnum):
    """State of an action item. DONE = somebody says so; VERIFIED = the evidence says so."""

    OPEN = "open"
    DONE = "done"
    VERIFIED = "verified"
    ESCALATED = "escalated"
    CANCELLED = "cancelled"


class ActionItem(Base, Owned):
    """One thing somebody has to do, with its reason."""

    __tablename__ = "action_item"
    __inventory__ = Inventory(
        purpose="What has to be done about findings.",
        retention="with the deployment",
        seen_by="actions.read",
        plain=("title",),
        personal={"owner_id": "who was asked to do it"},
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    title: Mapped[str] = mapped_column(Text)
    state: Mapped[ActionState] = mapped_column(String(10))
    due_at: Mapped[datetime | None]
    owner_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("person.id"))
    reopenings: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_action_item_state", "state"),)


class Ticket(Base):
    """A ticket of ours in a tool: intent first (marker), then what the tool made of it."""

    __tablename__ = "ticket"
    __inventory__ = Inventory(
        purpose="Tickets of ours in tools.",
        retention="with the action item",
        seen_by="actions.read",
        plain=(
            "group_key",
            "marker",
            "external_key",
            "label",
            "url",
            "state",
        ),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    action_item_id: Mapped[int] = mapped_column(Ref, ForeignKey("action_item.id"), index=True)
    connection_id: Mapped[int] = mapped_column(Ref, ForeignKey("connection.id"))
    group_key: Mapped[str] = mapped_column(String(200))
    occurrence: Mapped[int]
    marker: Mapped[str] = mapped_column(String(26), unique=True)
    external_key: Mapped[str | None] = mapped_column(String(200))
    label: Mapped[str | None] = mapped_column(String(200))
    url: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str | None] = mapped_column(String(20))
    """State by category as the tool last told it; None = not created yet."""
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("connection_id", "group_key", "occurrence"),
        Index("ix_ticket_external", "connection_id", "external_key"),
    )


class TicketAlert(Base):
    """Which findings a ticket is about: many to one ticket, from the start."""

    __tablename__ = "ticket_alert"
    __inventory__ = Inventory(
        purpose="Which findings a ticket is about.",
        retention="with the ticket",
        seen_by="actions.read",
    )

    id: Mapped[Id]
    ticket_id: Mapped[int] = mapped_column(Ref, ForeignKey("ticket.id"))
    alert_id: Mapped[int] = mapped_column(Ref, ForeignKey("alert.id"), index=True)

    __table_args__ = (UniqueConstraint("ticket_id", "alert_id"),)


class ActionStep(Base):
    """One step in an action item's life, with the reason people are given."""

    __tablename__ = "action_step"
    __inventory__ = Inventory(
        purpose="What became of an action item, step by step.",
        retention="with the action item",
        seen_by="actions.read",
        plain=(
            "step",
            "reason",
        ),
    )

    id: Mapped[Id]
    action_item_id: Mapped[int] = mapped_column(Ref, ForeignKey("action_item.id"), index=True)
    at: Mapped[datetime]
    step: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text)
