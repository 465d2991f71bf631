"""A SELECT as a stream of records."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from pydantic import JsonValue

from connectors.sdk.errors import ConfigError, RecordError, TransientError
from connectors.sdk.protocol import Checkpoint, Cursor, Health, Key, Record, Rejected, Source, Spec, Stream
from plumbline_connector_sql.config import SqlConfig

ROWS = "rows"
PAGE = 1000
"""Rows between two checkpoints."""

Row = dict[str, Any]


class SqlSource(Source[SqlConfig]):
    """Reads the rows of one query; the database is opened read-only."""

    spec = Spec(
        kind="sql", title="SQL database", summary="Reads the rows of a query; writes nothing.", sdk_version="1.0"
    )
    config_model = SqlConfig

    def check(self) -> Health:
        """Run the query without rows."""
        return Health(product=f"SQLite {sqlite3.sqlite_version}", notes=(f"Columns: {', '.join(self._columns())}",))

    def discover(self) -> Sequence[Stream]:
        """List the one stream, with the columns of the query."""
        schema: dict[str, JsonValue] = {
            "type": "object",
            "required": [*self.config.key, self.config.cursor],
            "properties": {column: {"type": ["string", "number", "null"]} for column in self._columns()},
        }
        key, cursor = self.config.key, self.config.cursor
        return [Stream(name=ROWS, title="Rows", json_schema=schema, primary_key=key, cursor_field=cursor)]

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        """Yield rows from the cursor on, smallest first.

        Rows that share the last value are asked for again, because one of them may have come later; those that were
        seen with it are named in the cursor and left out.
        """
        _known(stream)
        known: Any = cursor or {}
        reached, seen = known.get("value"), set(known.get("keys", ()))
        where = f"WHERE {_name(self.config.cursor)} >= ?" if cursor else ""
        order = f"ORDER BY {', '.join(map(_name, (self.config.cursor, *self.config.key)))}"
        for number, row in enumerate(self._rows(f"{where} {order}", (reached,) if cursor else ()), start=1):
            item, value = self._item(row), row[self.config.cursor]
            if value is not None and value != reached:
                reached, seen = value, set()
            if item.key not in seen:
                seen.add(item.key)
                yield item
            if number % PAGE == 0:
                yield _checkpoint(reached, seen)
        yield _checkpoint(reached, seen)

    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        """Read these rows again."""
        _known(stream)
        where = " AND ".join(f"{_name(column)} = ?" for column in self.config.key)
        for key in keys:
            values = _values(key, len(self.config.key))
            found = [self._item(row) for row in self._rows(f"WHERE {where}", values)] if values else []
            if not found:
                yield Record(stream=ROWS, key=key, data={}, deleted=True)
            for item in found:
                if isinstance(item, Rejected):
                    raise RecordError(f"{item.reason}. {item.remedy}", stream=ROWS, key=key, place=item.place)
                yield item

    def keys(self, stream: Stream) -> Iterator[Key]:
        """Yield the key of every row."""
        _known(stream)
        yield from (self._key(row) for row in self._rows("", ()))

    def _columns(self) -> list[str]:
        with self._database() as database:
            columns = [entry[0] for entry in database.execute(f"{self._select} LIMIT 0").description]
        for field, names in (("key", self.config.key), ("cursor", (self.config.cursor,))):
            missing = [name for name in names if name not in columns]
            if missing:
                raise ConfigError(
                    f"The query has no column {', '.join(missing)}; it has {', '.join(columns)}.", field=field
                )
        return columns

    @property
    def _select(self) -> str:
        return f"SELECT * FROM ({self.config.query.strip().rstrip(';')})"  # noqa: S608 - the admin's own query, read-only

    def _rows(self, rest: str, values: Sequence[object]) -> Iterator[Row]:
        with self._database() as database:
            database.row_factory = sqlite3.Row
            yield from (dict(row) for row in database.execute(f"{self._select} {rest}", values))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        address = f"{self.config.path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=1)) as database:
                yield database
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
                raise TransientError(f"{self.config.path.name} is locked by another program.", retry_after=10) from None
            field = "path" if name in {"SQLITE_CANTOPEN", "SQLITE_NOTADB"} else "query"
            raise ConfigError(f"{self.config.path.name}: {error}.", field=field) from None

    def _key(self, row: Row) -> Key:
        return json.dumps([row[column] for column in self.config.key])

    def _item(self, row: Row) -> Record | Rejected:
        key, value = self._key(row), row[self.config.cursor]
        unreadable = [name for name, cell in row.items() if isinstance(cell, bytes)]
        reason = f"{self.config.cursor} is empty" if value is None else f"{', '.join(unreadable)}: not text or number"
        if value is None or unreadable:
            remedy = "Leave the row out in the query, or convert the column there."
            return Rejected(stream=ROWS, key=key, place=f"row {key}", reason=reason, remedy=remedy)
        return Record(stream=ROWS, key=key, data=row, version=str(value), place=f"row {key}")


def _known(stream: Stream) -> None:
    if stream.name != ROWS:
        raise ConfigError(f"There is no stream {stream.name}; there is {ROWS}.")


def _checkpoint(reached: JsonValue, seen: set[Key]) -> Checkpoint:
    return Checkpoint(stream=ROWS, cursor={"value": reached, "keys": [*sorted(seen)]})


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _values(key: Key, count: int) -> list[Any]:
    """Read a key back; a text that we did not make names no row."""
    try:
        values = json.loads(key)
    except ValueError:
        return []
    return values if isinstance(values, list) and len(values) == count else []
