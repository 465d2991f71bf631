"""What pages and the API show of reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub.connections.models import ConnectionHealth
from hub.metrics.models import Series
from hub.syncing.models import Quarantined, QuarantineState, Record, StreamState


@dataclass(frozen=True)
class Feed:
    """How the connection that feeds a series is doing."""

    series_id: int
    last_attempt: datetime | None
    last_success: datetime | None
    error: str | None
    quarantined_since: datetime | None


def feeds(session: Session) -> list[Feed]:
    """List the feeds of all series that a connection feeds; series that people enter by hand have none."""
    waiting = (
        select(Quarantined.series_id, func.min(Quarantined.found_at).label("since"))
        .where(Quarantined.state == QuarantineState.WAITING, Quarantined.series_id.is_not(None))
        .group_by(Quarantined.series_id)
        .subquery()
    )
    rows = session.execute(
        select(Series.id, ConnectionHealth, waiting.c.since)
        .join(ConnectionHealth, ConnectionHealth.connection_id == Series.connection_id)
        .outerjoin(waiting, waiting.c.series_id == Series.id)
        .order_by(Series.id)
    )
    return [
        Feed(series_id, health.last_attempt_at, health.last_success_at, health.error_class, since)
        for series_id, health, since in rows
    ]


def list_streams(session: Session, connection_id: int) -> list[tuple[StreamState, int]]:
    """List the streams of a connection that were read, each with how many records it has."""
    counted = session.execute(
        select(Record.stream, func.count().label("records"))
        .where(Record.connection_id == connection_id, Record.deleted.is_(False))
        .group_by(Record.stream)
    )
    counts = {row.stream: row.records for row in counted}
    states = session.scalars(
        select(StreamState).where(StreamState.connection_id == connection_id).order_by(StreamState.stream)
    )
    return [(state, counts.get(state.stream, 0)) for state in states]


def select_quarantined(connection_id: int, state: QuarantineState = QuarantineState.WAITING) -> Select[Quarantined]:
    """Choose what is in quarantine, newest first."""
    return (
        select(Quarantined)
        .where(Quarantined.connection_id == connection_id, Quarantined.state == state)
        .order_by(Quarantined.id.desc())
    )


def count_waiting(session: Session, connection_id: int) -> int:
    """Count what waits in quarantine."""
    statement = select(func.count()).where(
        Quarantined.connection_id == connection_id, Quarantined.state == QuarantineState.WAITING
    )
    return session.scalar(statement) or 0
