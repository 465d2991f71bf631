"""Mappings of connections: immutable versions, the newest counts."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.connections.models import Connection
from hub.core.ids import new_public_id
from hub.syncing.mapping import Mapping, read_mapping
from hub.syncing.models import MappingVersion, RecordMapping, StreamState
from hub.syncing.service.requesting import request_sync


def set_mapping(
    session: Session, connection: Connection, body: Dict[str, Any], *, by: Actor | str, now: datetime
) -> bool:
    """Say what a connection's records mean; False where that is said already. What is stored is mapped anew."""
    if read_mapping(body) == find_mapping(session, connection.id):
        return False
    mapping = session.scalar(select(RecordMapping).where(RecordMapping.connection_id == connection.id))
    if mapping is None:
        mapping = RecordMapping(public_id=new_public_id("map"), connection_id=connection.id)
        session.add(mapping)
        session.flush()
    number = (session.scalar(select(func.count()).where(MappingVersion.mapping_id == mapping.id)) or 0) + 1
    session.add(
        MappingVersion(
            mapping_id=mapping.id,
            number=number,
            body=dict(body),
            created_at=now,
            created_by=by if isinstance(by, str) else by.audit_name,
        )
    )
    record(
        session,
        action="mapping.changed",
        subject=("connection", connection.public_id),
        by=by,
        detail={"version": number},
        now=now,
    )
    if number > 1 or session.scalar(select(StreamState.id).where(StreamState.connection_id == connection.id).limit(1)):
        request_sync(session, connection.id, reason=f"mapping:{mapping.id}:{number}", full=True)
    return True


def find_mapping(session: Session, connection_id: int) -> Mapping:
    """Give the mapping that counts; without one, streams speak for themselves."""
    mapping_id = session.scalar(select(RecordMapping.id).where(RecordMapping.connection_id == connection_id))
    newest = None if mapping_id is None else _newest(session, mapping_id)
    return Mapping() if newest is None else read_mapping(newest.body)


def _newest(session: Session, mapping_id: int) -> MappingVersion | None:
    return session.scalar(
        select(MappingVersion)
        .where(MappingVersion.mapping_id == mapping_id)
        .order_by(MappingVersion.number.desc())
        .limit(1)
    )
