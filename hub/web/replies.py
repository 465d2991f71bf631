"""The API's first replies, as rows: taking a key, keeping what was answered, forgetting it after a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.database import Base
from hub.core.errors import IdempotencyKeyReusedError
from hub.core.inventory import personal_columns
from hub.core.personal import Subject, replace_names
from hub.web.models import IdempotentReply

KEPT = timedelta(hours=24)
LONGEST_KEY = 200


def claim_key(session: Session, caller: str, key: str, request_hash: str, now: datetime) -> int | IdempotentReply:
    """Take the key for this request, or give the reply that has it. Two at once: the second waits for the first."""
    mine = (IdempotentReply.caller == caller) & (IdempotentReply.key == key)
    session.execute(delete(IdempotentReply).where(mine, IdempotentReply.created_at < now - KEPT))
    values = {"caller": caller, "key": key, "request_hash": request_hash, "created_at": now}
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    claimed: int | None = session.scalar(
        dialect.insert(IdempotentReply)
        .values(values)
        .on_conflict_do_nothing(index_elements=["caller", "key"])
        .returning(IdempotentReply.id)
    )
    if claimed is not None:
        return claimed
    first = session.scalars(select(IdempotentReply).where(mine)).one()
    if first.request_hash != request_hash:
        raise IdempotencyKeyReusedError(f"Idempotency-Key {key!r} was used for another request: use a new key.")
    return first


def keep_reply(
    session: Session, row_id: int, status: int, body: str, *, location: str | None, etag: str | None
) -> None:
    """Keep what was answered, in the transaction of the change."""
    session.execute(
        update(IdempotentReply)
        .where(IdempotentReply.id == row_id)
        .values(status=status, body=body, location=location, etag=etag)
    )


def erase(session: Session, subject: Subject, *, by: object, now: datetime) -> None:  # noqa: ARG001  # an area's hook
    """Forget a person's replies, and their names in those of others."""
    mine = IdempotentReply.caller.startswith(subject.public_id, autoescape=True)
    session.execute(delete(IdempotentReply).where(mine))
    replace_names(session, subject, personal_columns(Base, models=IdempotentReply.__module__))


def prune_replies(session: Session, *, now: datetime) -> None:
    """Forget replies whose day is over."""
    session.execute(delete(IdempotentReply).where(IdempotentReply.created_at < now - KEPT))
