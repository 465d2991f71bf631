"""ODS, cell by cell. Rows and cells that a file only repeats are counted, not multiplied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from connectors.spreadsheet.parsing.formats import percent_points
from connectors.spreadsheet.parsing.model import (
    MOST_CELLS,
    MOST_COLUMNS,
    Book,
    Cell,
    Facts,
    RefusedError,
    Row,
    too_large,
    trimmed,
)
from connectors.spreadsheet.parsing.package import Package, feed, parse, parser
from connectors.spreadsheet.parsing.xlsx import local

CONTENT, MANIFEST = "content.xml", "META-INF/manifest.xml"
HIDDEN = frozenset({"collapse", "filter"})


def open_ods(path: Path) -> Book:
    """Open a spreadsheet of LibreOffice and others."""
    package = Package(path)
    if MANIFEST in package:
        parse(package.read(MANIFEST), _refuse_encrypted)
    listener = _Listener(None)
    for _ in feed(listener.reader, package.chunks(CONTENT)):
        listener.finished.clear()
    if not listener.sheets:
        raise RefusedError("it holds no sheet", "Save it as an ODF spreadsheet (.ods).")
    return Book("ods", [OdsSheet(name, hidden, package, place) for place, (name, hidden) in enumerate(listener.sheets)])


def _refuse_encrypted(tag: str, _: dict[str, str]) -> None:
    if local(tag) == "encryption-data":
        raise RefusedError("it is protected by a password", "Save a copy without a password.")


@dataclass
class OdsSheet:
    """A sheet; the file is parsed anew each time its rows are asked for."""

    name: str
    hidden: bool
    package: Package
    place: int
    facts: Facts = field(default_factory=Facts)

    def rows(self) -> Iterator[Row]:
        """Yield the rows that hold something, from the top."""
        listener = _Listener(self.place)
        for _ in feed(listener.reader, self.package.chunks(CONTENT)):
            yield from listener.finished
            listener.finished.clear()
        self.facts = listener.facts


class _Listener:
    """Takes the events of a document's XML; keeps the rows of one sheet, or of none."""

    def __init__(self, wanted: int | None) -> None:
        self.wanted = wanted
        self.sheets: list[tuple[str, bool]] = []
        self.facts = Facts()
        self.finished: list[Row] = []
        self.reader: expat.XMLParserType = parser(self._start, self._end)
        self.undisplayed: set[str] = set()
        self.style = self.date_style = ""
        self.shown_parts: dict[str, set[str]] = {}
        self.data_styles: dict[str, str] = {}
        self.cells: list[Cell] = []
        self.row_repeated = self.number = self.column = self.count = 0
        self.row_hidden = False
        self.cell: dict[str, str] = {}
        self.paragraphs: list[str] = []
        self.annotations = self.depth = 0

    @property
    def _listening(self) -> bool:
        return self.wanted is not None and len(self.sheets) - 1 == self.wanted and self.depth == 1

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        own = {local(key): value for key, value in attributes.items()}
        if name == "table":
            self.depth += 1
            if self.depth == 1:
                self.sheets.append((own.get("name", ""), own.get("style-name", "") in self.undisplayed))
                self.number = self.column = 0
        elif not self.depth:
            self._start_style(name, own)
        elif self._listening:
            self._start_content(name, own)

    def _start_style(self, name: str, own: dict[str, str]) -> None:
        if name == "date-style":
            self.date_style = own.get("name", "")
            self.shown_parts[self.date_style] = set()
        elif name in {"day", "month", "year", "hours"} and self.date_style:
            self.shown_parts[self.date_style].add(name)
        elif name == "style":
            self.style = own.get("name", "")
            self.data_styles[self.style] = own.get("data-style-name", "")
        elif name == "table-properties" and own.get("display") == "false":
            self.undisplayed.add(self.style)

    def _start_content(self, name: str, own: dict[str, str]) -> None:
        if name == "table-column":
            repeated = _count(own, "number-columns-repeated")
            if own.get("visibility") in HIDDEN:
                self.facts.hidden_columns += range(self.column, min(self.column + repeated, MOST_COLUMNS))
            self.column += repeated
        elif name == "table-row":
            self.cells, self.column = [], 0
            self.row_repeated = _count(own, "number-rows-repeated")
            self.row_hidden = own.get("visibility") in HIDDEN
        elif name in {"table-cell", "covered-table-cell"}:
            self.cell, self.paragraphs = own, []
        elif name == "annotation":
            self.annotations += 1
        elif name == "p" and not self.annotations:
            self.paragraphs.append("")
            self.reader.CharacterDataHandler = self._add
        elif name == "s" and self.paragraphs:
            self._add(" " * min(_count(own, "c"), 1000))

    def _add(self, text: str) -> None:
        self.paragraphs[-1] += text

    def _end(self, tag: str) -> None:
        name = local(tag)
        if name == "date-style":
            self.date_style = ""
        if self._listening:
            self._end_content(name)
        if name == "table":
            self.depth -= 1

    def _end_content(self, name: str) -> None:
        if name == "p":
            self.reader.CharacterDataHandler = None
        elif name == "annotation":
            self.annotations -= 1
        elif name in {"table-cell", "covered-table-cell"}:
            self._end_cell()
        elif name == "table-row":
            self._end_row()

    def _end_cell(self) -> None:
        repeated = _count(self.cell, "number-columns-repeated")
        rows, columns = _count(self.cell, "number-rows-spanned"), _count(self.cell, "number-columns-spanned")
        if rows * columns > 1:
            first = self.number + 1
            self.facts.merged.append((first, self.column, first + rows - 1, self.column + columns - 1))
        value = self._value("\n".join(self.paragraphs))
        self.column += repeated
        if value is None or value == "":
            return
        if self.column > MOST_COLUMNS:
            raise too_large(f"{self.column} columns")
        self.cells += [None] * (self.column - repeated - len(self.cells)) + [value] * repeated

    def _end_row(self) -> None:
        first, self.number = self.number + 1, self.number + self.row_repeated
        cells = trimmed(self.cells)
        if not cells:
            return
        self.count += (len(cells) // 8 + 1) * self.row_repeated
        if self.count > MOST_CELLS:
            raise too_large(f"more than {MOST_CELLS} cells in one sheet")
        self.finished += [Row(first + more, list(cells), self.row_hidden) for more in range(self.row_repeated)]

    def _value(self, text: str) -> Cell:
        own = self.cell
        kind = own.get("value-type", "")
        if "formula" in own and (not kind or (kind == "string" and not text and "string-value" not in own)):
            return ["uncalculated", own["formula"][:200]]
        if text.startswith(("#", "Err:")) and "formula" in own:
            return ["error", text]
        if kind in {"float", "percentage", "currency"}:
            return self._number(kind, own)
        if kind == "date":
            return [
                "date",
                own.get("date-value", "").removesuffix("T00:00:00"),
                self._shortest(own.get("style-name", "")),
            ]
        if kind == "boolean":
            return own.get("boolean-value") == "true"
        return own.get("string-value", text) if kind == "string" else text or None

    def _number(self, kind: str, own: dict[str, str]) -> Cell:
        text = own.get("value", "")
        try:
            value = float(text)
        except ValueError:
            return ["error", f"the file stores {text[:20]!r} as a number"]
        if value != value or abs(value) == float("inf"):  # noqa: PLR0124 - what tells NaN
            return ["error", f"the file stores {text[:20]!r} as a number"]
        if kind == "percentage":
            return ["percent", percent_points(text)]
        plain = int(value) if value.is_integer() and abs(value) < 2**53 else value
        return ["money", plain, own.get("currency")] if kind == "currency" else plain

    def _shortest(self, style: str) -> str:
        parts = self.shown_parts.get(self.data_styles.get(style, ""), {"day"})
        if not parts or parts & {"day", "hours"}:
            return "day"
        return "month" if "month" in parts else "year"


def _count(own: dict[str, str], name: str) -> int:
    text = own.get(name, "1")
    return max(int(text), 1) if text.isdigit() and len(text) < 9 else 1  # noqa: PLR2004 - digits of a sheet's limit
