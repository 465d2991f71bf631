"""What may hold a delivery back: the switch, the connection's stage, a pause."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.connections.models import Connection, Stage
from hub.connections.service.switch import writes_on

PAUSED = "paused"
OBSERVE_ONLY = "observe_only"
WRITES_OFF = "writes_off"


def closed_gate(session: Session, connection: Connection, *, keep: bool = False) -> str | None:
    """Name what keeps this connection from writing; with `keep` the switch stays so until this transaction ends."""
    if connection.paused_at is not None:
        return PAUSED
    if connection.stage != Stage.WRITING:
        return OBSERVE_ONLY
    return None if writes_on(session, keep=keep) else WRITES_OFF
