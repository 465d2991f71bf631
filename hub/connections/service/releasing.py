"""Let out what was held. A work item does it, so that flipping a switch is quick however much waits behind it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.work.service import enqueue


def ask_for_release(session: Session, connection_id: int | None = None) -> None:
    """Have the held deliveries of a connection (None = of all) looked at again."""
    enqueue(session, "connections.release", {"connection_id": connection_id})
