"""Which connection takes the ticket about something in an org unit."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.connections.models import Connection, ConnectionVersion, Stage
from hub.people.service import closest


def find_ticketing(session: Session, org_unit_id: int) -> Connection | None:
    """Give the nearest connection, in this org unit or above it, whose configuration says where tickets go.

    The configuration decides, not the connector's class: the hub's own processes import no third-party code.
    """
    taking = {
        connection.org_unit_id: connection
        for connection in session.scalars(
            select(Connection)
            .where(Connection.removed_at.is_(None), Connection.stage == Stage.WRITING)
            .order_by(Connection.id.desc())
        )
        if _takes_tickets(session, connection)
    }
    nearest = closest(session, org_unit_id, taking)
    return None if nearest is None else taking[nearest]


def _takes_tickets(session: Session, connection: Connection) -> bool:
    current = session.scalar(
        select(ConnectionVersion)
        .where(ConnectionVersion.connection_id == connection.id)
        .order_by(ConnectionVersion.number.desc())
        .limit(1)
    )
    return current is not None and bool(current.config.get("tickets"))
