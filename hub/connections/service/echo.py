"""Our own writing when it comes back: the last written values, and how two values count as the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.connections.bodies import Write
from hub.connections.models import WrittenValue


def note_written(session: Session, connection_id: int, write: Write, *, now: datetime) -> None:
    """Remember what is about to be written to the fields of a record."""
    if write.change.key is None:
        return
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    for name, value in write.change.fields.items():
        values = {"value": value, "written_at": now}
        session.execute(
            dialect.insert(WrittenValue)
            .values(connection_id=connection_id, stream=write.stream, record_key=write.change.key, field=name, **values)
            .on_conflict_do_update(index_elements=["connection_id", "stream", "record_key", "field"], set_=values)
        )


def is_echo(session: Session, connection_id: int, stream: str, key: str, changed: Mapping[str, JsonValue]) -> bool:
    """Say whether a record changed in nothing but what we wrote there ourselves."""
    rows = session.execute(
        select(WrittenValue.field, WrittenValue.value).where(
            WrittenValue.connection_id == connection_id, WrittenValue.stream == stream, WrittenValue.record_key == key
        )
    )
    written = {row.field: row.value for row in rows}
    return bool(changed) and all(name in written and same(written[name], value) for name, value in changed.items())


def same(one: JsonValue, other: JsonValue) -> bool:
    """Compare two values as tools keep them: they trim texts, change line ends and accents, and write 1 as 1.0."""
    return _plain(one) == _plain(other)


def _plain(value: JsonValue) -> object:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n").strip())
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value
