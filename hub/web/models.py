"""What the API remembers by itself: replies it may have to give again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.database import Base, Id
from hub.core.inventory import Inventory


class IdempotentReply(Base):
    """The first reply to a POST with an Idempotency-Key, committed together with what that POST changed."""

    __tablename__ = "idempotent_reply"
    __inventory__ = Inventory(
        purpose="A program that repeats a request gets the first reply and changes nothing twice.",
        retention="a day",
        seen_by="the caller",
        plain=("key", "request_hash", "location", "etag"),
        personal={"caller": "whose key it is", "body": "the reply, as it was given"},
    )

    id: Mapped[Id]
    caller: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(200))
    request_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(String(80))

    __table_args__ = (UniqueConstraint("caller", "key"), Index("ix_idempotent_reply_created_at", "created_at"))
