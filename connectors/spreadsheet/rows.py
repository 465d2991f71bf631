"""What a row means: one observation, in the layout of an audit folder's `observations`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from connectors.sdk.protocol import Key, Record, Rejected, Stream
from connectors.spreadsheet.cells import UnreadableError, instant, number, utc
from connectors.spreadsheet.tables import Row, Table

REQUIRED = ("metric", "period_start", "value")
NUMBERS = ("value", "numerator", "denominator")
INSTANTS = ("period_start", "period_end", "recorded_at")
TEXTS = ("metric", "reported_by", "source", "note")

ROWS = Stream(
    name="rows",
    title="Rows",
    json_schema={
        "type": "object",
        "required": [*REQUIRED, "_file", "_occurrence"],
        "properties": {
            "metric": {"type": "string", "minLength": 1},
            "period_start": {"type": "string", "description": "ISO 8601 date, or date and time, as written"},
            **{name: {"type": ["number", "null"]} for name in NUMBERS},
            **{name: {"type": ["string", "null"]} for name in (*INSTANTS[1:], *TEXTS[1:])},
            "_file": {"type": "string"},
            "_occurrence": {"type": "integer", "minimum": 1, "description": "of this metric and period in the file"},
        },
        "additionalProperties": {"type": ["string", "null"], "description": "columns of your own, as text"},
    },
    primary_key=("_file", "metric", "period_start", "_occurrence"),
)

DIGEST = 8
"""Bytes kept of each row: among a million rows a change is overlooked with a chance of 1 in 10 million million."""
WHOLE_ROW = "(whole row)"


@dataclass(frozen=True)
class Line:
    """A row and what it is about."""

    table: Table
    row: Row
    cells: Mapping[str, str]
    occurrence: int
    """Which of the rows about this metric and period it is."""
    key: Key
    """Names the row by what it is about and not by its number: rows move."""
    content: bytes
    """Tells two contents of the row apart."""

    @property
    def digest(self) -> bytes:
        """Tell key and content apart from any other."""
        return hashlib.blake2b(self.key.encode() + self.content, digest_size=DIGEST).digest()

    def read(self, decimal: str) -> Record | Rejected:
        """Read the cells; what cannot be read says where, why and what to do."""
        place = f"{self.table.name}, row {self.row.number}"
        try:
            data = self._data(decimal)
        except UnreadableError as error:
            known = self.cells.get("metric") and error.column not in {WHOLE_ROW, "period_start"}
            return Rejected(
                stream=ROWS.name,
                key=self.key if known else None,
                place=f"{place}, column {error.column}",
                reason=error.reason,
                remedy=error.remedy,
                raw=list(self.row.cells),
            )
        changed = utc(instant("recorded_at", self.cells.get("recorded_at", "")))
        return Record(
            stream=ROWS.name, key=self.key, data=data, version=self.content.hex(), changed_at=changed, place=place
        )

    def _data(self, decimal: str) -> dict[str, JsonValue]:
        self._whole()
        for name in ("metric", "period_start"):
            if not self.cells.get(name):
                raise UnreadableError(name, "it is empty", "Fill it in, or remove the row if it is a title or a total.")
        for name in INSTANTS:
            instant(name, self.cells.get(name, ""))
        data: dict[str, JsonValue] = {name: self.cells.get(name) or None for name in self.table.header}
        for name in NUMBERS:
            if name in self.cells:
                data[name] = number(name, self.cells[name], decimal=decimal)
        return data | {"_file": self.table.name, "_occurrence": self.occurrence}

    def _whole(self) -> None:
        if self.row.broken:
            remedy = 'Put cells that hold quotes or line breaks into "...", and double the quotes in them.'
            raise UnreadableError(WHOLE_ROW, self.row.broken, remedy)
        if len(self.row.cells) > len(self.table.header):
            surplus = f"{len(self.row.cells)} cells under {len(self.table.header)} column names"
            raise UnreadableError(WHOLE_ROW, surplus, 'Put cells that hold the delimiter into "...".')


def lines(table: Table) -> Iterator[Line]:
    """Yield each row of a table with its place among those about the same metric and period."""
    occurrences: Counter[tuple[str, str]] = Counter()
    heading = hashlib.blake2b(_joined(table.header), digest_size=DIGEST)
    for row in table.rows():
        cells = {name: cell.strip() for name, cell in zip(table.header, row.cells, strict=False)}
        subject = (cells.get("metric", ""), cells.get("period_start", ""))
        occurrences[subject] += 1
        occurrence = occurrences[subject]
        key = hashlib.blake2b(_joined([table.name, *subject, str(occurrence)]), digest_size=16)
        content = heading.copy()
        content.update(_joined(row.cells if row.broken is None else [row.broken]))
        yield Line(table, row, cells, occurrence, key.hexdigest(), content.digest())


def _joined(parts: Iterable[str]) -> bytes:
    """Join texts so that no two lists of texts give the same bytes."""
    return "".join([f"{len(part)}:{part}" for part in parts]).encode()
