"""Schedules: rows that come due by themselves. A due time is a slot, UNIQUE, so N schedulers make one item of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.area import Schedule
from hub.core.database import database_now
from hub.work.models import ScheduleRow, ScheduleSlot
from hub.work.service import enqueue


def declare_schedules(session: Session, schedules: Iterable[Schedule]) -> None:
    """Bring the rows of the areas' own schedules up to date; a new one is due at once.

    Rows that no area declares stay: another version of the program, or a connection, may have made them.
    """
    for schedule in schedules:
        set_schedule(session, schedule.name, schedule.kind, every_seconds=schedule.every_seconds)


def set_schedule(
    session: Session,
    name: str,
    kind: str,
    *,
    every_seconds: int,
    payload: Mapping[str, Any] | None = None,
    first_at: datetime | None = None,
) -> None:
    """Make a schedule, or change what an existing one does and how often; its rhythm goes on where it was."""
    values = {"kind": kind, "every_seconds": every_seconds, "payload": dict(payload or {})}
    first = first_at or database_now(session)
    session.execute(
        _insert(session, ScheduleRow)
        .values(name=name, next_due_at=first, paused=False, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def pause_schedule(session: Session, name: str, *, paused: bool) -> None:
    """Stop a schedule from coming due, or let it go on."""
    row = session.scalar(select(ScheduleRow).where(ScheduleRow.name == name))
    if row is not None:
        row.paused = paused


def remove_schedule(session: Session, name: str) -> None:
    """Forget a schedule; work that it made already stays."""
    session.execute(delete(ScheduleRow).where(ScheduleRow.name == name))


def fire_due(session: Session, *, kinds: Collection[str], now: datetime) -> list[int]:
    """Turn every due slot into one work item and give the items' ids.

    Slots that were missed while nothing ran are caught up by one item, the latest. A schedule that lies more than its
    own rhythm in the future was set by a clock that has since gone back: it starts again from now.
    """
    rows = session.scalars(select(ScheduleRow).where(ScheduleRow.paused.is_(False), ScheduleRow.kind.in_(kinds)))
    made = [_fire(session, row, now) for row in rows if _is_due(row, now)]
    return [item_id for item_id in made if item_id is not None]


def is_any_due(session: Session, *, now: datetime) -> bool:
    """Say whether `fire_due` would find something, by looking only."""
    rows = session.scalars(select(ScheduleRow).where(ScheduleRow.paused.is_(False)))
    return any(_is_due(row, now) for row in rows)


def _is_due(row: ScheduleRow, now: datetime) -> bool:
    return row.next_due_at <= now or row.next_due_at > now + timedelta(seconds=row.every_seconds)


def _fire(session: Session, row: ScheduleRow, now: datetime) -> int | None:
    rhythm = timedelta(seconds=row.every_seconds)
    slot = row.next_due_at + (now - row.next_due_at) // rhythm * rhythm
    row.next_due_at = slot + rhythm
    fresh = session.scalar(
        _insert(session, ScheduleSlot)
        .values(schedule_id=row.id, due_at=slot)
        .on_conflict_do_nothing(index_elements=["schedule_id", "due_at"])
        .returning(ScheduleSlot.id)
    )
    return None if fresh is None else enqueue(session, row.kind, row.payload)


def _insert(session: Session, table: type[ScheduleRow | ScheduleSlot]) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(table)
