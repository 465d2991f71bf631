"""Keep what was read: the newest version of every record, its history, and which are news."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from connectors.sdk import protocol
from hub.connections.models import Delivery, DeliveryKind
from hub.connections.service import is_echo
from hub.core.ids import new_public_id
from hub.syncing.events import RecordsChanged
from hub.syncing.models import Record, RecordVersion
from hub.work.service import publish

CHUNK = 500
"""Keys that one statement asks for: below every database's limit of parameters."""


@dataclass(frozen=True)
class Known:
    """A record as it is kept."""

    id: int
    public_id: str
    key: str
    data: Mapping[str, Any]
    place: str | None = None
    deleted: bool = False
    ours: bool = False
    before: Mapping[str, Any] | None = None
    """What it said before this reading, where it said something."""


@dataclass
class Stored:
    """What became of a page."""

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    kept: list[Known] = field(default_factory=list)
    """The records of the page as they are kept now."""


def store_records(
    session: Session,
    connection_id: int,
    stream: protocol.Stream,
    records: Iterable[protocol.Record],
    *,
    read_at: datetime,
) -> Stored:
    """Keep the records of one page and tell of what is news; the caller holds the stream's lock."""
    page = list(records)
    newest = {record.key: record for record in page}
    stored = Stored(read=len(page))
    known = _read_known(session, connection_id, stream.name, list(newest))
    ours = _made_by_us(session, connection_id, newest)
    fresh: list[dict[str, Any]] = []
    changed: list[tuple[Record, protocol.Record]] = []
    for key, record in newest.items():
        row = known.get(key)
        if row is None:
            if not record.deleted:
                fresh.append(_values(record, ours=key in ours, read_at=read_at) | {"connection_id": connection_id})
        elif row.digest == digest_of(record) or _is_outdated(row, record, read_at):
            stored.kept.append(as_known(row))
        else:
            changed.append((row, record))
    echoes = {row.key for row, record in changed if _is_echo(session, connection_id, stream, row, record)}
    news = _insert(session, fresh) + _replace(session, changed, ours, read_at)
    told = [one.key for one in news if one.key not in echoes]
    if told:
        publish(session, RecordsChanged(connection_id=connection_id, stream=stream.name, keys=tuple(told)))
    stored.kept += news
    stored.created = len(fresh)
    stored.deleted = sum(record.deleted for _, record in changed)
    stored.updated = len(changed) - stored.deleted
    return stored


def as_known(row: Record, before: Mapping[str, Any] | None = None) -> Known:
    """Give a record as it is kept."""
    return Known(row.id, row.public_id, row.key, row.data, row.place, row.deleted, row.ours, before)


def list_keys(session: Session, connection_id: int, stream: str) -> Iterator[str]:
    """Give the key of every record that is kept and not gone."""
    statement = select(Record.key).where(
        Record.connection_id == connection_id, Record.stream == stream, Record.deleted.is_(False)
    )
    yield from session.scalars(statement.execution_options(yield_per=5000))


def digest_of(record: protocol.Record) -> str:
    """Give a digest of what a record says."""
    text = json.dumps([record.deleted, record.data], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_known(session: Session, connection_id: int, stream: str, keys: Sequence[str]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for start in range(0, len(keys), CHUNK):
        rows = session.scalars(
            select(Record).where(
                Record.connection_id == connection_id,
                Record.stream == stream,
                Record.key.in_(keys[start : start + CHUNK]),
            )
        )
        found |= {row.key: row for row in rows}
    return found


def _made_by_us(session: Session, connection_id: int, records: Mapping[str, protocol.Record]) -> set[str]:
    """Find the tickets of ours among records: by their marker, or by what the outbox was answered."""
    ours = {key for key, record in records.items() if isinstance(record.data.get("marker"), str)}
    keys = list(records)
    for start in range(0, len(keys), CHUNK):
        made = session.scalars(
            select(Delivery.external_key).where(
                Delivery.connection_id == connection_id,
                Delivery.kind == DeliveryKind.CREATE_TICKET,
                Delivery.external_key.in_(keys[start : start + CHUNK]),
            )
        )
        ours.update(key for key in made if key is not None)
    return ours


def _is_outdated(row: Record, record: protocol.Record, read_at: datetime) -> bool:
    """Say whether what is kept is newer: by the tool's own time where it gives one, else by who read later."""
    if row.changed_at is not None and record.changed_at is not None and row.changed_at != record.changed_at:
        return row.changed_at > record.changed_at
    return row.read_at > read_at


def _is_echo(
    session: Session, connection_id: int, stream: protocol.Stream, row: Record, record: protocol.Record
) -> bool:
    if not stream.writable or record.deleted or row.deleted:
        return False
    before, after = dict(_leaves(row.data)), dict(_leaves(record.data))
    changed = {
        path: after.get(path)
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path) and path != stream.cursor_field
    }
    fields = {path.rpartition(".")[2]: value for path, value in changed.items()}
    return is_echo(session, connection_id, stream.name, row.key, fields)


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if isinstance(part, dict):
            yield from _leaves(part, f"{path}{name}.")
        else:
            yield f"{path}{name}", part


def _values(record: protocol.Record, *, ours: bool, read_at: datetime) -> dict[str, Any]:
    return {
        "public_id": new_public_id("rec"),
        "stream": record.stream,
        "key": record.key,
        "number": 1,
        "ours": ours,
        **_content(record, read_at),
    }


def _content(record: protocol.Record, read_at: datetime) -> dict[str, Any]:
    return {
        "data": record.data,
        "version": record.version,
        "place": record.place,
        "deleted": record.deleted,
        "changed_at": record.changed_at,
        "read_at": read_at,
        "digest": digest_of(record),
    }


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> list[Known]:
    if not rows:
        return []
    ids = {
        row.public_id: row.id for row in session.execute(insert(Record).returning(Record.id, Record.public_id), rows)
    }
    return [
        Known(ids[row["public_id"]], row["public_id"], row["key"], row["data"], row["place"], ours=row["ours"])
        for row in rows
    ]


def _replace(
    session: Session, changed: Sequence[tuple[Record, protocol.Record]], ours: set[str], read_at: datetime
) -> list[Known]:
    if not changed:
        return []
    history = [
        {
            "record_id": row.id,
            "number": row.number,
            "data": row.data,
            "deleted": row.deleted,
            "changed_at": row.changed_at,
            "read_at": row.read_at,
            "replaced_at": read_at,
        }
        for row, _ in changed
    ]
    session.execute(insert(RecordVersion), history)
    news = []
    for row, record in changed:
        before = None if row.deleted else row.data
        row.number += 1
        row.ours = row.ours or row.key in ours
        for name, value in _content(record, read_at).items():
            setattr(row, name, value)
        news.append(as_known(row, before))
    session.flush()
    return news
