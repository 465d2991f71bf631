"""What syncing shows on the page of a connection: streams, runs, quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from hub.connections.models import Connection
from hub.core.access import Permission, Principal
from hub.syncing import service

MOST = 5


def connection(session: Session, principal: Principal, connection: Connection) -> tuple[str, Mapping[str, Any]] | None:
    """Show where the reading of each stream stands, how the last runs went, and what could not be used."""
    if not principal.may_in(Permission.CONNECTIONS_READ, connection.org_unit_id):
        return None
    waiting = session.scalars(service.select_quarantined(connection.id).limit(MOST)).all()
    return "syncing/connection_panel.html", {
        "connection": connection,
        "streams": service.list_streams(session, connection.id),
        "runs": service.list_runs(session, connection.id),
        "quarantined": waiting,
        "waiting": service.count_waiting(session, connection.id),
        "may_manage": principal.may_in(Permission.CONNECTIONS_MANAGE, connection.org_unit_id),
    }
