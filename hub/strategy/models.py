"""What the organisation wants to reach, by when, and by which series it is measured."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.access import Owned
from hub.core.database import Base, Id, PublicId, Ref
from hub.core.inventory import Inventory

KEPT = "as long as the deployment: what was wanted is compared with what came"


class Status(StrEnum):
    """How things stand, as stated by people or computed."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    OFF_TRACK = "off_track"
    UNKNOWN = "unknown"


class LinkKind(StrEnum):
    """What joins two things of the strategy map."""

    CONTRIBUTES = "contributes"
    MEASURES = "measures"
    DEPENDS = "depends"
    WORKS_ON = "works_on"


class Cycle(Base):
    """A stretch of time that objectives are set for, such as a quarter."""

    __tablename__ = "cycle"
    __inventory__ = Inventory(
        purpose="When objectives begin and end.", retention=KEPT, seen_by="strategy.read", plain=("key", "name")
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """Not included."""


class Objective(Base, Owned):
    """Something to be reached; a tree by `parent_id`."""

    __tablename__ = "objective"
    __inventory__ = Inventory(
        purpose="What is to be reached.",
        retention=KEPT,
        seen_by="strategy.read",
        plain=("key", "name", "description", "level", "function"),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    description: Mapped[str] = mapped_column(Text, default="")
    parent_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("objective.id"), index=True)
    cycle_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("cycle.id"), index=True)
    level: Mapped[str] = mapped_column(String(40), default="")
    """company, department, team, ...: the organisation's own word."""
    function: Mapped[str] = mapped_column(String(40), default="")
    stated_status: Mapped[Status] = mapped_column(String(20), default=Status.UNKNOWN)
    retired_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    ingested_at: Mapped[datetime]


class KeyResult(Base):
    """How one sees that an objective is reached: a series, from a baseline to a target, within a cycle."""

    __tablename__ = "key_result"
    __inventory__ = Inventory(
        purpose="By which number an objective is measured.",
        retention=KEPT,
        seen_by="strategy.read",
        plain=("key", "name"),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    objective_id: Mapped[int] = mapped_column(Ref, ForeignKey("objective.id"), index=True)
    series_id: Mapped[int] = mapped_column(Ref, ForeignKey("series.id"), index=True)
    cycle_id: Mapped[int] = mapped_column(Ref, ForeignKey("cycle.id"))
    baseline: Mapped[float | None] = mapped_column(Float(53))
    """Value at the cycle's start; the target line leads from here."""
    target: Mapped[float | None] = mapped_column(Float(53))
    """Value at the cycle's end; the target line leads here."""
    stated_status: Mapped[Status] = mapped_column(String(20), default=Status.UNKNOWN)
    retired_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    ingested_at: Mapped[datetime]


class Link(Base):
    """An edge between objectives, key results, series and work items, by public id or a tool's own id."""

    __tablename__ = "link"
    __inventory__ = Inventory(
        purpose="What contributes to, depends on or works on what.",
        retention=KEPT,
        seen_by="strategy.read",
        plain=("source_kind", "source_id", "target_kind", "target_id"),
        personal={"owner_id": "who answers for the hand-off; a routing role, so it stays named"},
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    kind: Mapped[LinkKind] = mapped_column(String(20))
    source_kind: Mapped[str] = mapped_column(String(20))
    source_id: Mapped[str] = mapped_column(String(200))
    target_kind: Mapped[str] = mapped_column(String(20))
    target_id: Mapped[str] = mapped_column(String(200))
    owner_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("person.id"))
    since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    ingested_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_link_source", "source_kind", "source_id"),
        Index("ix_link_target", "target_kind", "target_id"),
    )
