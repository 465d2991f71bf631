"""Which connection a page is about, and whether the reader may see or change it."""

from __future__ import annotations

from hub.connections.models import Connection
from hub.core.access import Permission, find_visible, require_within
from hub.core.errors import NotFoundError
from hub.web.requests import principal, session


def seen(public_id: str) -> Connection:
    """Find a connection to look at."""
    found = find_visible(session(), principal(), Connection, public_id)
    if found.removed_at is not None:
        raise NotFoundError("This connection has been removed.")
    return found


def managed(public_id: str) -> Connection:
    """Find a connection to change: that it was shared with the reader's org unit is not enough."""
    found = seen(public_id)
    require_within(principal(), Permission.CONNECTIONS_MANAGE, found.org_unit_id)
    return found
