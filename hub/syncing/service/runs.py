"""Runs: what one reading of a connection did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from connectors.sdk.errors import ConnectorError
from hub.connections.service import Spent
from hub.core.ids import new_public_id
from hub.syncing.models import SyncMode, SyncRun

KEPT_FOR = timedelta(days=90)


@dataclass
class Counts:
    """What a run did with one stream."""

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    quarantined: int = 0


@dataclass
class Report:
    """What a run did."""

    connection: str
    streams: dict[str, Counts] = field(default_factory=dict)
    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    cursor: dict[str, Any] = field(default_factory=dict)
    """Stream -> where its next read starts."""

    def as_json(self) -> dict[str, Any]:
        """Give the report as the command line prints it."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def begin_run(session: Session, connection_id: int, mode: SyncMode, *, now: datetime) -> str:
    """Write down that a run has begun; give its public id."""
    run = SyncRun(public_id=new_public_id("run"), connection_id=connection_id, mode=mode, started_at=now, counts={})
    session.add(run)
    session.flush()
    return run.public_id


def end_run(
    session: Session,
    public_id: str,
    counts: Mapping[str, Counts],
    spent: Spent,
    *,
    now: datetime,
    error: Exception | None = None,
) -> None:
    """Write down how a run ended; the connector's process has masked its secrets in the message already."""
    run = session.scalars(select(SyncRun).where(SyncRun.public_id == public_id)).one()
    run.ended_at = now
    run.counts = {stream: asdict(of_stream) for stream, of_stream in counts.items()}
    run.requests, run.bytes = spent.requests, spent.bytes
    if error is not None:
        run.error_class = type(error).__name__
        run.message = str(error) if isinstance(error, ConnectorError) else None  # others may quote data


def list_runs(session: Session, connection_id: int, *, limit: int = 10) -> list[SyncRun]:
    """List the last runs of a connection, newest first."""
    return list(
        session.scalars(
            select(SyncRun).where(SyncRun.connection_id == connection_id).order_by(SyncRun.id.desc()).limit(limit)
        )
    )


def prune_runs(session: Session, *, now: datetime) -> None:
    """Forget runs that are long over."""
    session.execute(delete(SyncRun).where(SyncRun.started_at < now - KEPT_FOR))
