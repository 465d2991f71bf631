"""Rows of spreadsheets as records: which are new, which have changed, which are there."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from connectors.sdk.errors import ConfigError, RecordError
from connectors.sdk.protocol import Checkpoint, Cursor, Health, Key, Record, Rejected, Source, Spec, Stream
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.rows import DIGEST, REQUIRED, ROWS, lines
from connectors.spreadsheet.tables import Table, files, open_table, signature

SAME_INSTANT = 2.0
"""Seconds; a file that was changed this recently can change again without its time of change showing it."""


class SpreadsheetSource(Source[SpreadsheetConfig]):
    """Reads CSV files. Workbooks will come as another kind of table; what a row means stays here."""

    spec = Spec(
        kind="spreadsheet",
        title="Spreadsheet",
        summary="Reads CSV files, one observation a row; writes nothing.",
    )
    config_model = SpreadsheetConfig

    def check(self) -> Health:
        """Look at each file's encoding, delimiter and columns."""
        tables = [self._table(path) for path in self._files()]
        notes = [f"{table.name} is read as Windows-1252" for table in tables if table.encoding == "cp1252"]
        return Health(product=f"{len(tables)} CSV file{'s' if len(tables) > 1 else ''}", notes=tuple(notes))

    def discover(self) -> Sequence[Stream]:
        """List the one stream."""
        return (ROWS,)

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        """Yield the rows that are new or changed; a checkpoint after each file.

        The cursor holds, by file, its signature and the digests of its rows: an unchanged file is not even opened.
        """
        _known(stream)
        paths, known_before = self._files(), self._of_same_reading(cursor)
        states: dict[str, JsonValue] = {path.name: known_before.get(path.name, {}) for path in paths}
        for path in paths:
            known: Any = states[path.name]
            state, now = signature(path), self.network.timing.wall()
            if known.get("signature") != state:
                old, digests = _split(known.get("rows", "")), bytearray()
                for line in lines(self._table(path)):
                    if line.digest not in old:
                        yield line.read(self.config.decimal)
                    digests += line.digest
                settled = now - path.stat().st_mtime > SAME_INSTANT
                known = {"signature": state if settled else None, "rows": base64.b64encode(digests).decode()}
            states[path.name] = known
            yield Checkpoint(stream=ROWS.name, cursor={"as": self._reading, "files": dict(states)})

    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        """Read the files again for these rows."""
        _known(stream)
        missing = dict.fromkeys(keys)
        for item in self._all():
            if item.key not in missing:
                continue
            if isinstance(item, Rejected):
                raise RecordError(f"{item.reason}. {item.remedy}", stream=ROWS.name, key=item.key, place=item.place)
            del missing[item.key]
            yield item
        yield from (Record(stream=ROWS.name, key=key, data={}, deleted=True) for key in missing)

    def keys(self, stream: Stream) -> Iterator[Key]:
        """Yield the keys of all rows; a row whose value cannot be read is still there."""
        _known(stream)
        yield from (item.key for item in self._all() if item.key is not None)

    @property
    def _reading(self) -> list[JsonValue]:
        """What changes the meaning of a file that stays the same."""
        return [self.config.delimiter, self.config.decimal]

    def _of_same_reading(self, cursor: Cursor | None) -> dict[str, Any]:
        known: Any = cursor or {}
        return dict(known.get("files", {})) if known.get("as") == self._reading else {}

    def _files(self) -> list[Path]:
        return files(self.config.path, self.network.file_roots)

    def _table(self, path: Path) -> Table:
        table = open_table(path, self.config.delimiter)
        missing = [name for name in REQUIRED if name not in table.header]
        if missing:
            named = ", ".join(table.header)
            raise ConfigError(f"{table.name} has no column {', '.join(missing)}; its first row names: {named}.")
        return table

    def _all(self) -> Iterator[Record | Rejected]:
        for path in self._files():
            yield from (line.read(self.config.decimal) for line in lines(self._table(path)))


def _known(stream: Stream) -> None:
    if stream.name != ROWS.name:
        raise ConfigError(f"A spreadsheet has no stream {stream.name}; it has {ROWS.name}.")


def _split(digests: str) -> set[bytes]:
    whole = base64.b64decode(digests)
    return {whole[start : start + DIGEST] for start in range(0, len(whole), DIGEST)}
