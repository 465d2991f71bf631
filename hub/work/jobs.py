"""Work about work: done items and used slots are forgotten after a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select

from hub.core.database import database_now
from hub.work.context import Context
from hub.work.models import ScheduleSlot, WorkItem, WorkState

KEPT = timedelta(days=30)
AT_ONCE = 1000
"""Rows per transaction, so that others can write in between."""


def prune(context: Context, _payload: dict[str, Any]) -> None:
    """Delete work items that were done, and slots that came due, a month ago."""
    while _prune_some(context):
        pass


def _prune_some(context: Context) -> bool:
    with context.transaction() as session:
        before = database_now(session) - KEPT
        items = select(WorkItem.id).where(WorkItem.state == WorkState.DONE, WorkItem.finished_at < before)
        slots = select(ScheduleSlot.id).where(ScheduleSlot.due_at < before)
        gone = [
            session.scalars(delete(table).where(table.id.in_(old.limit(AT_ONCE).scalar_subquery())).returning(table.id))
            for table, old in ((WorkItem, items), (ScheduleSlot, slots))
        ]
        return any(len(list(ids)) == AT_ONCE for ids in gone)
