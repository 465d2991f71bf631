"""When a connection is read without being asked."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.connections.models import Connection
from hub.work.schedules import pause_schedule, remove_schedule, set_schedule

KIND = "syncing.sync"


def schedule_reading(session: Session, connection: Connection) -> None:
    """Bring the schedule of a connection up to date with what it says."""
    name = f"{KIND}:{connection.public_id}"
    if connection.removed_at is not None or connection.every_seconds == 0:
        remove_schedule(session, name)
        return
    set_schedule(session, name, KIND, every_seconds=connection.every_seconds, payload={"connection_id": connection.id})
    pause_schedule(session, name, paused=connection.paused_at is not None)
