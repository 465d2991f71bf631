"""Rows as records: what each is about, whether it has changed, what it says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from connectors.sdk.protocol import Key, Record, Rejected
from connectors.spreadsheet.audit_rows import AuditRows
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.long_rows import LongRows
from connectors.spreadsheet.opening import Cells
from connectors.spreadsheet.rows import CellError, Data, Reader
from connectors.spreadsheet.streams import AUDIT, OBSERVATIONS
from connectors.spreadsheet.tables import Table
from connectors.spreadsheet.values import text_of, utc
from connectors.spreadsheet.wide_rows import WideRows

DIGEST = 8
"""Bytes kept of each row: among a million rows a change is overlooked with a chance of 1 in 10 million million."""


class Item(NamedTuple):
    """A row, or one period's part of it, and what it is about; read only if it has changed."""

    about: tuple[str, ...]
    occurrence: int
    """Which of the rows about this it is."""
    key: Key
    """Names the row by what it is about and not by its number: rows move."""
    content: bytes
    """Tells key and content apart from any other."""
    row: Cells
    table: Table
    stream: str
    reading: Callable[[], Data]

    def read(self) -> Record | Rejected:
        """Read the cells; what cannot be read says where, why and what to do."""
        place = f"{self.table.place}, row {self.row.number}"
        try:
            data = self.reading()
        except CellError as error:
            return Rejected(
                stream=self.stream,
                key=self.key if all(self.about[:2]) else None,
                place=f"{place}, column {error.column}",
                reason=error.error.reason,
                remedy=error.error.remedy,
                raw=[text_of(cell) if isinstance(cell, list) else cell for cell in self.row.cells],
            )
        data["_file"], data["_sheet"], data["_occurrence"] = self.table.file, self.table.sheet, self.occurrence
        recorded: Any = data.get("recorded_at")
        # Not validated here: it is made of values that were, it is checked again where it arrives, and validating a
        # million rows takes as long as reading them.
        return Record.model_construct(
            stream=self.stream,
            key=self.key,
            data=data,
            deleted=False,
            version=self.content.hex(),
            changed_at=utc(recorded),
            place=place,
        )


def items(table: Table, name: str, rows: Iterable[Cells], config: SpreadsheetConfig) -> Iterator[Item]:
    """Yield what the rows of a table give to the stream of table `name`, each with its key and digest."""
    reader = _reader(table, name, config)
    if reader is None:
        return
    stream = AUDIT[name].stream
    seen: set[int] = set()
    again: Counter[int] = Counter()
    heading = hashlib.blake2b(
        repr((table.labels, table.roles, table.mark, table.calendar)).encode(), digest_size=DIGEST
    )
    salt = heading.digest().hex()
    named = "".join(f"{len(part)}:{part}" for part in (table.file, table.sheet, stream))
    for row in rows:
        if row.number <= table.last_header or (row.hidden and config.hidden == "skip"):
            continue
        for about, content, read in reader(row):
            subject = f"{named}{about!r}"
            key = hashlib.blake2b(subject.encode(errors="replace"), digest_size=16)
            digest = hash(key.digest())
            occurrence = 1
            if digest in seen:
                again[digest] += 1
                occurrence += again[digest]
                key.update(str(occurrence).encode())
            seen.add(digest)
            whole = hashlib.blake2b(
                f"{salt}{subject}{occurrence}{content}".encode(errors="replace"), digest_size=DIGEST
            )
            yield Item(about, occurrence, key.hexdigest(), whole.digest(), row, table, stream, read)


def gives(table: Table, name: str, config: SpreadsheetConfig) -> bool:
    """Say whether a table gives anything to the stream of table `name`."""
    return _reader(table, name, config) is not None


def subjects(table: Table, config: SpreadsheetConfig) -> Iterator[tuple[str, ...]]:
    """Yield what the observations at the top of a table are about."""
    reader = _reader(table, OBSERVATIONS, config)
    for row in table.below() if reader is not None else ():
        yield from (about for about, _, _ in reader(row) if all(about[:2]))  # type: ignore[misc]  # not None here


def skipped(table: Table, config: SpreadsheetConfig) -> list[int]:
    """Give the rows under the names that hold no observation: titles, sums, remarks."""
    reader = _reader(table, OBSERVATIONS, config) or _reader(table, table.layout, config)
    return [row.number for row in table.below() if reader is not None and not list(reader(row))]


def _reader(table: Table, name: str, config: SpreadsheetConfig) -> Reader | None:
    """Choose how a table's rows give what a stream wants; None if they give nothing to it."""
    if table.layout == "wide":
        return WideRows(table, config).reader(name)
    if table.layout == "long" or (table.layout == OBSERVATIONS and name == OBSERVATIONS):
        long = LongRows(table, config)
        return {OBSERVATIONS: long.observation, "targets": long.target if "target" in table.roles else None}.get(name)
    return AuditRows(table, AUDIT[name]).row if table.layout == name else None
