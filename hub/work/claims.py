"""Who holds a work item: conditional updates by the database's clock, fenced by the number of the attempt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from hub.core.database import database_now
from hub.core.processes import is_surely_dead
from hub.work.models import WorkItem, WorkState

MAX_DEATHS = 3
"""A pill that kills its worker this often is poison: it is parked, so that other work flows."""
POISON = "The worker ended three times in the middle of this item. Look at the log around those times, then retry it."


@dataclass(frozen=True)
class Claim:
    """One attempt that this process holds."""

    item_id: int
    attempt: int
    kind: str
    payload: dict[str, Any]
    failures: int


def claim(session: Session, item_id: int, *, owner: str, lease: timedelta) -> Claim | None:
    """Take an item that is due and held by nobody; None when there is nothing to take."""
    now = database_now(session)
    taken = _take(session, item_id, owner, now, lease)
    if taken is None and bury(session, _expired(session, item_id, now)):
        taken = _take(session, item_id, owner, now, lease)
    return taken


def renew(session: Session, held: Claim, *, owner: str, lease: timedelta) -> bool:
    """Hold on for another lease; False when somebody else has taken over."""
    return _update(session, held, WorkItem.lease_owner == owner, lease_until=database_now(session) + lease)


def finish(session: Session, held: Claim) -> bool:
    """End an item; False when this attempt may not, because another one has taken over."""
    now = database_now(session)
    if _update(session, held, state=WorkState.DONE, finished_at=now, last_error=None, **_FREE):
        return True
    return is_done(session, held)


def is_done(session: Session, held: Claim) -> bool:
    """Say whether the item was ended by this very attempt (its handler may do so in its last transaction)."""
    row = session.execute(select(WorkItem.state, WorkItem.attempt).where(WorkItem.id == held.item_id)).one_or_none()
    return row is not None and row.state == WorkState.DONE and row.attempt == held.attempt


def postpone(session: Session, held: Claim, *, until: datetime, why: str, failed: bool) -> bool:
    """Give an item back, to be done later; False when another attempt has taken over."""
    failures = held.failures + 1 if failed else held.failures
    return _update(session, held, due_at=until, failures=failures, last_error=why, **_FREE)


def park(session: Session, held: Claim, *, why: str) -> bool:
    """Put an item aside until a person has looked at it; False when another attempt has taken over."""
    return _update(session, held, state=WorkState.PARKED, failures=held.failures + 1, last_error=why, **_FREE)


def release(session: Session, held: Claim) -> bool:
    """Give an item back unfinished, as a worker does that is told to stop; no death is counted."""
    return _update(session, held, **_FREE)


def bury(session: Session, dead: Iterable[tuple[int, int]]) -> int:
    """Free items (id, attempt) whose worker is gone, count a death each, and park the poisonous; say how many."""
    poisonous = WorkItem.deaths + 1 >= MAX_DEATHS
    return sum(
        session.scalar(
            update(WorkItem)
            .where(
                WorkItem.id == item_id,
                WorkItem.attempt == attempt,
                WorkItem.state == WorkState.READY,
                WorkItem.lease_until.is_not(None),
            )
            .values(
                deaths=WorkItem.deaths + 1,
                state=case((poisonous, WorkState.PARKED), else_=WorkItem.state),
                last_error=case((poisonous, POISON), else_=WorkItem.last_error),
                **_FREE,
            )
            .returning(1)
            .execution_options(synchronize_session=False)
        )
        or 0
        for item_id, attempt in dead
    )


def find_dead(session: Session, *, now: datetime) -> list[tuple[int, int]]:
    """List items (id, attempt) whose lease is over or whose worker, a process of this machine, has ended."""
    held = session.execute(
        select(WorkItem.id, WorkItem.attempt, WorkItem.lease_until, WorkItem.lease_owner).where(
            WorkItem.lease_until.is_not(None), WorkItem.state == WorkState.READY
        )
    )
    return [
        (row.id, row.attempt)
        for row in held
        if row.lease_until <= now or (row.lease_owner and is_surely_dead(row.lease_owner))
    ]


_FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}


def _take(session: Session, item_id: int, owner: str, now: datetime, lease: timedelta) -> Claim | None:
    row = session.execute(
        update(WorkItem)
        .where(
            WorkItem.id == item_id,
            WorkItem.state == WorkState.READY,
            WorkItem.due_at <= now,
            WorkItem.lease_until.is_(None),
        )
        .values(attempt=WorkItem.attempt + 1, lease_owner=owner, lease_until=now + lease)
        .returning(WorkItem.attempt, WorkItem.kind, WorkItem.payload, WorkItem.failures)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else Claim(item_id, row.attempt, row.kind, row.payload, row.failures)


def _expired(session: Session, item_id: int, now: datetime) -> list[tuple[int, int]]:
    rows = session.execute(
        select(WorkItem.id, WorkItem.attempt).where(WorkItem.id == item_id, WorkItem.lease_until <= now)
    )
    return [(row.id, row.attempt) for row in rows]


def _update(session: Session, held: Claim, *conditions: Any, **values: Any) -> bool:  # noqa: ANN401  # SQL parts
    done = session.scalar(
        update(WorkItem)
        .where(
            WorkItem.id == held.item_id,
            WorkItem.attempt == held.attempt,
            WorkItem.state == WorkState.READY,
            *conditions,
        )
        .values(**values)
        .returning(WorkItem.id)
        .execution_options(synchronize_session=False)
    )
    return done is not None
