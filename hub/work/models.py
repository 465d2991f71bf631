"""Rows of the work engine: the database is the truth, the queue only carries ids."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.database import Base, Id, Ref
from hub.core.inventory import Inventory

SEEN_BY = "those who may see the work page"


class WorkState(StrEnum):
    """State of a work item. A leased item stays `ready`: the lease alone says that somebody works on it."""

    READY = "ready"
    DONE = "done"
    PARKED = "parked"


class WorkItem(Base):
    """One thing to do, committed together with the business change that asks for it."""

    __tablename__ = "work_item"

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]]
    payload_version: Mapped[int] = mapped_column(default=1)
    queue: Mapped[str] = mapped_column(String(20), default="default")
    state: Mapped[WorkState] = mapped_column(String(10), default=WorkState.READY)
    due_at: Mapped[datetime]
    attempt: Mapped[int] = mapped_column(default=0)
    """Counts claims and is the fence: only the holder of the newest attempt may commit."""
    failures: Mapped[int] = mapped_column(default=0)
    """Attempts that ended in an error; too many park the item. A handler that asks for later is no failure."""
    deaths: Mapped[int] = mapped_column(default=0)
    """Attempts whose worker never came back; three park the item (a poison pill kills its worker)."""
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None]
    dedupe_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_work_item_due", "state", "due_at"),
        Index("ix_work_item_kind_state", "kind", "state"),
        Index("ix_work_item_lease_until", "lease_until"),
    )
    __inventory__ = Inventory(
        purpose="work that must not be lost: what, when, how often tried, why it failed",
        retention="30 days after it is done",
        seen_by=SEEN_BY,
        # a payload holds ids and cursors: what a tool or a person said stays in the table that the id points to
        plain=("kind", "payload", "queue", "lease_owner", "dedupe_key", "last_error"),
    )


class ScheduleRow(Base):
    """A schedule as the database knows it; areas declare schedules, the worker brings the rows up to date."""

    __tablename__ = "schedule"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(80))
    every_seconds: Mapped[int]
    payload: Mapped[dict[str, Any]]
    next_due_at: Mapped[datetime]
    paused: Mapped[bool] = mapped_column(default=False)

    __inventory__ = Inventory(
        purpose="what comes due by itself, how often and when next",
        retention="as long as an area or a connection asks for it",
        seen_by=SEEN_BY,
        plain=("name", "kind", "payload"),
    )


class ScheduleSlot(Base):
    """One due time of a schedule that was turned into work: UNIQUE, so that N schedulers cannot double it."""

    __tablename__ = "schedule_slot"

    id: Mapped[Id]
    schedule_id: Mapped[int] = mapped_column(Ref, ForeignKey("schedule.id", ondelete="CASCADE"))
    due_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("schedule_id", "due_at"),)
    __inventory__ = Inventory(
        purpose="due times that were turned into work, each once", retention="30 days", seen_by=SEEN_BY
    )


class LeaderLease(Base):
    """Who does what only one process may do at a time, and until when."""

    __tablename__ = "leader_lease"

    role: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime]

    __inventory__ = Inventory(
        purpose="which process does what only one may do",
        retention="overwritten by the next holder",
        seen_by=SEEN_BY,
        plain=("role", "owner"),
    )
