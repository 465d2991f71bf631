"""What could not be used waits here, with the place, the reason and the remedy, until it is repaired."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.connections.models import Connection
from hub.core.errors import ConflictError, NotFoundError
from hub.core.ids import new_public_id
from hub.syncing.models import Quarantined, QuarantineKind, QuarantineState
from hub.syncing.service.requesting import request_sync

CHUNK = 500


def quarantine(
    session: Session,
    connection_id: int,
    stream: str,
    *,
    kind: QuarantineKind,
    record_key: str | None,
    place: str,
    reason: str,
    remedy: str,
    now: datetime,
    field: str | None = None,
    series_id: int | None = None,
    raw: Any = None,  # noqa: ANN401  # any JSON
) -> Quarantined:
    """Put something aside; what is there already for the same reason is only seen again."""
    known = session.scalar(
        select(Quarantined).where(
            Quarantined.connection_id == connection_id,
            Quarantined.stream == stream,
            Quarantined.state.in_((QuarantineState.WAITING, QuarantineState.REJECTED)),
            Quarantined.place == place,
            Quarantined.reason == reason,
        )
    )
    if known is not None:
        known.seen_at, known.raw = now, raw
        return known
    made = Quarantined(
        public_id=new_public_id("qua"),
        connection_id=connection_id,
        stream=stream,
        kind=kind,
        record_key=record_key,
        series_id=series_id,
        place=place,
        field=field,
        reason=reason,
        remedy=remedy,
        raw=raw,
        found_at=now,
        seen_at=now,
    )
    session.add(made)
    session.flush()
    return made


def supersede(session: Session, connection_id: int, stream: str, keys: Collection[str], *, now: datetime) -> None:
    """Close what waits about records that were read again and are good now."""
    listed = list(keys)
    for start in range(0, len(listed), CHUNK):
        _close(
            session, [*_waiting(connection_id, stream), Quarantined.record_key.in_(listed[start : start + CHUNK])], now
        )


def supersede_unseen(session: Session, connection_id: int, stream: str, *, since: datetime) -> None:
    """Close what waits and was not met again by a reading of everything that began then."""
    _close(session, [*_waiting(connection_id, stream), Quarantined.seen_at < since], since)


def waiting_keys(session: Session, connection_id: int, stream: str) -> set[str]:
    """Give the keys of records that wait here."""
    keys = session.scalars(select(Quarantined.record_key).where(*_waiting(connection_id, stream)))
    return {key for key in keys if key is not None}


def retry_quarantined(session: Session, item: Quarantined, *, by: Actor, now: datetime) -> None:
    """Have the source read again, after somebody has repaired it or the mapping."""
    _refuse_closed(item)
    record(session, action="quarantine.retried", subject=("quarantined", item.public_id), by=by, detail={}, now=now)
    request_sync(session, item.connection_id, reason=f"{item.public_id}:{now.isoformat()}", full=True)


def retry_all_quarantined(session: Session, connection: Connection, *, by: Actor, now: datetime) -> None:
    """Have everything that waits read again, after the mapping or the source was repaired."""
    subject = ("connection", connection.public_id)
    record(session, action="quarantine.retried", subject=subject, by=by, detail={}, now=now)
    request_sync(session, connection.id, reason=f"quarantine:{now.isoformat()}", full=True)


def reject_quarantined(session: Session, item: Quarantined, *, note: str, by: Actor, now: datetime) -> None:
    """Decide that something never counts."""
    _refuse_closed(item)
    item.state, item.closed_at, item.closed_by, item.note = QuarantineState.REJECTED, now, by.audit_name, note
    detail = {"note": note}
    record(
        session, action="quarantine.rejected", subject=("quarantined", item.public_id), by=by, detail=detail, now=now
    )


def find_quarantined(session: Session, connection_id: int, public_id: str) -> Quarantined:
    """Find something of a connection's quarantine by its public id."""
    found = session.scalar(
        select(Quarantined).where(Quarantined.public_id == public_id, Quarantined.connection_id == connection_id)
    )
    if found is None:
        raise NotFoundError("There is no such row in quarantine.")
    return found


def _refuse_closed(item: Quarantined) -> None:
    if item.state != QuarantineState.WAITING:
        raise ConflictError(f"This row is {item.state} already.")


def _waiting(connection_id: int, stream: str) -> list[ColumnElement[bool]]:
    return [
        Quarantined.connection_id == connection_id,
        Quarantined.stream == stream,
        Quarantined.state == QuarantineState.WAITING,
    ]


def _close(session: Session, where: list[ColumnElement[bool]], now: datetime) -> None:
    session.execute(update(Quarantined).where(*where).values(state=QuarantineState.SUPERSEDED, closed_at=now))
