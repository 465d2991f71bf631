"""Ask for a connection to be read."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.work.service import enqueue


def request_sync(session: Session, connection_id: int, *, reason: str, full: bool = False) -> None:
    """Have a connection read soon; the same reason asks once."""
    enqueue(
        session,
        "syncing.sync",
        {"connection_id": connection_id, "full": full},
        dedupe_key=f"sync:{connection_id}:{reason}",
    )
