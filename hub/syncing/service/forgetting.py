"""Forget what was kept long enough: closed quarantine, and what was read from connections that were removed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.connections.models import Connection
from hub.syncing.models import ExternalRef, Quarantined, Record, RecordVersion, StreamState

KEPT_FOR = timedelta(days=365)
AT_ONCE = 500


def forget_old(session: Session, *, now: datetime) -> bool:
    """Forget some of what is older than a year; say whether there may be more."""
    long_ago = now - KEPT_FOR
    removed = select(Connection.id).where(Connection.removed_at < long_ago)
    session.execute(delete(Quarantined).where(Quarantined.closed_at < long_ago))
    for table in (Quarantined, ExternalRef, StreamState):
        session.execute(delete(table).where(table.connection_id.in_(removed)))
    old = session.scalars(select(Record.id).where(Record.connection_id.in_(removed)).limit(AT_ONCE)).all()
    session.execute(delete(RecordVersion).where(RecordVersion.record_id.in_(old)))
    session.execute(delete(Record).where(Record.id.in_(old)))
    return len(old) == AT_ONCE
