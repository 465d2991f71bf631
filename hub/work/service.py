"""Ask for work: the item is committed with the business change, and only then told to the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel
from sqlalchemy import event, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.database import database_now
from hub.core.errors import ConflictError
from hub.work.models import WorkItem, WorkState

if TYPE_CHECKING:
    from hub.work.events import Event

DISPATCH = "work.dispatch"
"""Key in Session.info of what tells the queue about committed items."""
SUBSCRIBERS = "work.subscribers"
"""Key in Session.info of the table event name -> kinds of work item."""
_FRESH = "work.fresh"


class NotParkedError(ConflictError):
    """Only parked work can be retried by hand."""

    slug, title = "work-not-parked", "This work is not parked"


class Dispatch(Protocol):
    """Tells the queue that items are ready; it may fail or forget, the reconciler finds what it lost."""

    def __call__(self, items: list[Ready], /) -> None:
        """Take items that were just committed."""


@dataclass(frozen=True)
class Ready:
    """A committed item, as far as the queue has to know it."""

    id: int
    queue: str
    attempt: int = 0
    delayed: bool = False
    """Whether it is due later: the queue is told then."""


@dataclass(frozen=True)
class WorkTables:
    """What `install` puts on a database so that services can enqueue and publish."""

    dispatch: Dispatch
    subscribers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def install(info: dict[str, Any], tables: WorkTables) -> None:
    """Make sessions of a database (its `info`) able to publish events and to tell the queue of new work."""
    info[DISPATCH] = tables.dispatch
    info[SUBSCRIBERS] = tables.subscribers


def enqueue(
    session: Session,
    kind: str,
    payload: BaseModel | Mapping[str, Any],
    *,
    due_at: datetime | None = None,
    dedupe_key: str | None = None,
    queue: str = "default",
) -> int | None:
    """Add a work item to this transaction and give its id; None if one with this dedupe_key exists already.

    The payload holds ids and cursors, never people's data or secrets: it is kept and shown on the work page.
    """
    now = database_now(session)
    body = payload.model_dump(mode="json") if isinstance(payload, BaseModel) else dict(payload)
    due = due_at or now
    values = {
        "kind": kind,
        "payload": body,
        "payload_version": 1,
        "queue": queue,
        "state": WorkState.READY,
        "due_at": due,
        "attempt": 0,
        "failures": 0,
        "deaths": 0,
        "dedupe_key": dedupe_key,
        "created_at": now,
    }
    if dedupe_key is None:
        statement = insert(WorkItem).values(values).returning(WorkItem.id)
    else:
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        statement = (
            dialect.insert(WorkItem)
            .values(values)
            .on_conflict_do_nothing(index_elements=["dedupe_key"])
            .returning(WorkItem.id)
        )
    item_id = session.scalar(statement)
    if item_id is not None:
        _tell_after_commit(session, Ready(item_id, queue, delayed=due > now))
    return item_id


def publish(session: Session, happened: Event) -> list[int]:
    """Add one work item per subscriber of this event to this transaction; give their ids."""
    subscribers: Mapping[str, tuple[str, ...]] = session.info.get(SUBSCRIBERS, {})
    made = [enqueue(session, kind, happened) for kind in subscribers.get(happened.name, ())]
    return [item_id for item_id in made if item_id is not None]


def _tell_after_commit(session: Session, item: Ready) -> None:
    fresh: list[Ready] | None = session.info.get(_FRESH)
    if fresh is None:
        fresh = []
        session.info[_FRESH] = fresh
        event.listen(session, "after_commit", _dispatch_fresh)
        event.listen(session, "after_rollback", _forget_fresh)
    fresh.append(item)


def _dispatch_fresh(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint was released: nothing is committed yet
    fresh: list[Ready] = session.info.get(_FRESH, [])
    items, fresh[:] = list(fresh), []
    dispatch: Dispatch | None = session.info.get(DISPATCH)
    if items and dispatch is not None:
        dispatch(items)


def _forget_fresh(session: Session) -> None:
    if not session.in_nested_transaction():  # a savepoint's items are harmless: the queue's worker finds no such row
        session.info.get(_FRESH, [])[:] = []


def find_item(session: Session, item_id: int) -> WorkItem | None:
    """Read one work item."""
    return session.scalar(select(WorkItem).where(WorkItem.id == item_id))


def list_items(session: Session, *, state: WorkState, limit: int = 50) -> list[WorkItem]:
    """List work items of a state, the longest due first."""
    found = session.scalars(
        select(WorkItem).where(WorkItem.state == state).order_by(WorkItem.due_at, WorkItem.id).limit(limit)
    )
    return list(found)


def count_items(session: Session) -> dict[WorkState, int]:
    """Count work items by state."""
    counts = session.execute(select(WorkItem.state, func.count()).group_by(WorkItem.state))
    return {WorkState(state): count for state, count in counts}


def retry_item(session: Session, item_id: int) -> None:
    """Give a parked item a fresh start, now."""
    now = database_now(session)
    retried = session.execute(
        update(WorkItem)
        .where(WorkItem.id == item_id, WorkItem.state == WorkState.PARKED)
        .values(state=WorkState.READY, due_at=now, failures=0, deaths=0)
        .returning(WorkItem.queue, WorkItem.attempt)
    ).one_or_none()
    if retried is None:
        raise NotParkedError(
            f"Work item {item_id} is not parked, so there is nothing to retry: see `plumbline work list`."
        )
    _tell_after_commit(session, Ready(item_id, retried.queue, retried.attempt))


def retry_parked(session: Session, *, kind: str | None = None) -> int:
    """Give every parked item, or those of a kind, a fresh start; say how many."""
    parked = select(WorkItem.id).where(WorkItem.state == WorkState.PARKED)
    if kind is not None:
        parked = parked.where(WorkItem.kind == kind)
    ids = list(session.scalars(parked))
    for item_id in ids:
        retry_item(session, item_id)
    return len(ids)
