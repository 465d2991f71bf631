"""What webhooks spoke of: stored once each, taken by one work item, read again from the tool, done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connectors.sdk.protocol import Touched
from hub.syncing.models import WebhookHint
from hub.work.service import enqueue

BATCH = 200
"""Hints that one reading takes: what piled up is read together, record by record once."""
REMEMBERED_FOR = timedelta(days=7)
"""Event ids are known this long: tools repeat for half an hour."""


@dataclass(frozen=True)
class Hint:
    """One verified webhook."""

    connection_id: int
    event_id: str
    touched: list[Any]
    received_at: datetime


def store_hints(session: Session, hints: Sequence[Hint]) -> None:
    """Keep what webhooks spoke of, each event once, with the work it asks for."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    fresh = session.scalars(
        dialect.insert(WebhookHint)
        .values([{**vars(hint), "taken_by": None, "done_at": None} for hint in hints])
        .on_conflict_do_nothing(index_elements=["connection_id", "event_id"])
        .returning(WebhookHint.connection_id)
    ).all()
    for connection_id in sorted(set(fresh)):
        enqueue(session, "syncing.read_inbox", {"connection_id": connection_id})


def take_hints(session: Session, connection_id: int, *, item: int) -> list[Touched]:
    """Take what waits, for one work item; an attempt of it that died left its share to the next."""
    mine = WebhookHint.taken_by == item
    waiting = select(WebhookHint.id).where(
        WebhookHint.connection_id == connection_id,
        WebhookHint.done_at.is_(None),
        or_(WebhookHint.taken_by.is_(None), mine),
    )
    rows = session.execute(
        update(WebhookHint)
        .where(
            WebhookHint.id.in_(waiting.order_by(WebhookHint.id).limit(BATCH)),
            or_(WebhookHint.taken_by.is_(None), mine),
        )
        .values(taken_by=item)
        .returning(WebhookHint.touched)
        .execution_options(synchronize_session=False)
    )
    return [Touched.model_validate(touched) for row in rows for touched in row.touched]


def end_hints(session: Session, *, item: int, now: datetime) -> None:
    """Write down that what a work item took has been read."""
    session.execute(
        update(WebhookHint).where(WebhookHint.taken_by == item, WebhookHint.done_at.is_(None)).values(done_at=now)
    )


def ask_for_rest(session: Session, connection_id: int) -> None:
    """Have the rest read, where more waits than one reading takes."""
    more = select(WebhookHint.id).where(
        WebhookHint.connection_id == connection_id, WebhookHint.done_at.is_(None), WebhookHint.taken_by.is_(None)
    )
    if session.scalar(more.limit(1)) is not None:
        enqueue(session, "syncing.read_inbox", {"connection_id": connection_id})


def keys_of(touched: Iterable[Touched]) -> dict[str, list[str]]:
    """List what was touched, by stream, each record once."""
    keys: dict[str, dict[str, None]] = {}
    for one in touched:
        keys.setdefault(one.stream, {})[one.key] = None
    return {stream: list(of_stream) for stream, of_stream in keys.items()}


def prune_hints(session: Session, *, now: datetime) -> None:
    """Forget webhooks that no tool repeats any more."""
    session.execute(
        delete(WebhookHint).where(WebhookHint.done_at.is_not(None), WebhookHint.received_at < now - REMEMBERED_FOR)
    )
