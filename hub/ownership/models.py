"""Who answers for what, from when to when, and since when that was known."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.database import Base, Id, PublicId, Ref
from hub.core.inventory import Inventory


class Duty(StrEnum):
    """Owner: answers for the result. Steward: answers for the data."""

    OWNER = "owner"
    STEWARD = "steward"


class SubjectKind(StrEnum):
    """What can be owned."""

    SERIES = "series"
    OBJECTIVE = "objective"


class Assignment(Base):
    """One version of who holds a duty; never updated. Nobody (no person) from a day on ends what was before."""

    __tablename__ = "assignment"
    __inventory__ = Inventory(
        purpose="Who answers for a result or its data: where findings and tickets go.",
        retention="as long as the metric or objective",
        seen_by="metrics.read",
        plain=("subject_id",),
        personal={
            "person_id": "the owner or steward; a routing role, so it stays named",
            "reason": "why it changed, in words which may name people",
        },
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    subject_kind: Mapped[SubjectKind] = mapped_column(String(20))
    subject_id: Mapped[str] = mapped_column(String(40))
    """Public id of the series or objective."""
    duty: Mapped[Duty] = mapped_column(String(10))
    person_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("person.id"), index=True)
    starts_at: Mapped[datetime]
    """From then on this person holds it, until the next assignment's start."""
    reason: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime]
    recorded_imputed: Mapped[bool] = mapped_column(default=False)
    ingested_at: Mapped[datetime]

    __table_args__ = (Index("ix_assignment_subject", "subject_kind", "subject_id", "duty", "starts_at"),)
