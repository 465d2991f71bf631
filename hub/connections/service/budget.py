"""The rate budget of a connection: a place in a queue of slots, so that what must wait comes back one by one."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from hub.connections.models import Connection, RateBudget

BURST = 9
"""How many writes beyond the first may go out at once after a quiet time."""


def held_until(session: Session, connection_id: int, *, now: datetime) -> datetime | None:
    """Say until when the tool wants to be left alone; None = it may be asked."""
    budget = session.get_one(RateBudget, connection_id)
    return budget.held_until if budget.held_until is not None and budget.held_until > now else None


def hold_back(session: Session, connection_id: int, *, until: datetime, reason: str) -> None:
    """Leave a tool alone until then: it said Retry-After. Never shortened."""
    budget = session.get_one(RateBudget, connection_id, with_for_update=True)
    if budget.held_until is None or budget.held_until < until:
        budget.held_until, budget.held_reason = until, reason
    budget.next_slot_at = max(budget.next_slot_at, until)


def reserve_slot(session: Session, connection: Connection, *, now: datetime) -> datetime:
    """Take the next place in the queue and give the instant it stands for."""
    budget = session.get_one(RateBudget, connection.id, with_for_update=True)
    gap = timedelta(minutes=1) / connection.writes_per_minute
    slot = max(budget.next_slot_at, now - BURST * gap)
    budget.next_slot_at = slot + gap
    return max(slot, now)
