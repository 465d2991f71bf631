"""Writes texts into cells of a worksheet's XML, and touches nothing else in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from connectors.spreadsheet.parsing.model import column_name
from connectors.spreadsheet.parsing.package import feed, parser
from connectors.spreadsheet.parsing.xlsx import column_of, local

Place = tuple[int, int]
"""Row, from 1, and column, from 0."""
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
SPANS = re.compile(rb'\sspans="(\d+):(\d+)"')
OTHER_ENCODING = re.compile(rb"<\?xml[^>]*encoding=[\"'](?!utf-8)", re.IGNORECASE)
MOST_TEXT = 32_767
"""Characters of a cell, by Excel's own limit."""


class PatchError(Exception):
    """A cell cannot be written without changing what others rely on; says why and what to do."""


@dataclass
class _Cell:
    """Where a cell lies in the XML."""

    column: int
    start: int
    end: int = 0
    style: str = ""
    formula: bool = False


@dataclass
class _Row:
    """Where a row lies in the XML."""

    start: int
    tag: str
    end: int = 0
    cells: list[_Cell] = field(default_factory=list)


def patch_cells(xml: bytes, texts: Mapping[Place, str]) -> bytes:
    """Give the XML with texts in the cells named; raises PatchError."""
    rows = _locate(xml, {row for row, _ in texts})
    pieces: list[tuple[int, int, bytes]] = []
    by_row: dict[int, dict[int, str]] = {}
    for (row, column), text in texts.items():
        by_row.setdefault(row, {})[column] = text
    for number, wanted in by_row.items():
        if number not in rows:
            raise PatchError(f"row {number} is not stored in the file. Open the workbook and save it.")
        pieces += _row_pieces(xml, number, rows[number], wanted)
    for start, end, piece in sorted(pieces, reverse=True):
        xml = xml[:start] + piece + xml[end:]
    return xml


def _row_pieces(xml: bytes, number: int, row: _Row, wanted: Mapping[int, str]) -> list[tuple[int, int, bytes]]:
    prefix = row.tag.rpartition(":")[0]
    there = {cell.column: cell for cell in row.cells}
    pieces = []
    new: dict[int, bytes] = {}
    for column, text in sorted(wanted.items()):
        place, cell = f"{column_name(column)}{number}", there.get(column)
        if cell is not None and cell.formula:
            raise PatchError(f"{place} holds a formula. Choose a column without formulas in `write_back`.")
        written = _cell_xml(prefix, place, text, cell.style if cell else "")
        if cell is not None:
            pieces.append((cell.start, cell.end, written))
        else:
            follower = next((each.start for each in row.cells if each.column > column), row.end)
            new[follower] = new.get(follower, b"") + written
    pieces += [(at, at, written) for at, written in new.items()]
    head_end = xml.index(b">", row.start) + 1
    if new and xml[head_end - 2 : head_end] == b"/>":
        raise PatchError(f"row {number} holds no cell. Open the workbook and save it.")
    if spans := SPANS.search(xml, row.start, head_end):
        first, last = min(int(spans[1]), min(wanted) + 1), max(int(spans[2]), max(wanted) + 1)
        pieces.append((spans.start(), spans.end(), f' spans="{first}:{last}"'.encode()))
    return pieces


def _cell_xml(prefix: str, place: str, text: str, style: str) -> bytes:
    """Write a text as a text: never as a formula, whatever it begins with."""
    name = f"{prefix}:" if prefix else ""
    styled = f" s={quoteattr(style)}" if style else ""
    if not text:
        return f'<{name}c r="{place}"{styled}/>'.encode()
    plain = NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text[:MOST_TEXT])
    return (
        f'<{name}c r="{place}"{styled} t="inlineStr"><{name}is><{name}t xml:space="preserve">{escape(plain)}'
        f"</{name}t></{name}is></{name}c>"
    ).encode()


def _locate(xml: bytes, wanted: set[int]) -> dict[int, _Row]:
    """Find rows and their cells by their bytes."""
    if xml.startswith((b"\xff\xfe", b"\xfe\xff")) or OTHER_ENCODING.match(xml):
        raise PatchError("the sheet is not written in UTF-8. Open the workbook and save it.")
    locator = _Locator(xml, wanted)
    for _ in feed(locator.reader, iter([xml])):
        pass
    return locator.found


class _Locator:
    """Takes the events of a worksheet's XML, with the bytes they lie at."""

    def __init__(self, xml: bytes, wanted: set[int]) -> None:
        self.xml, self.wanted = xml, wanted
        self.found: dict[int, _Row] = {}
        self.reader = parser(self._start, self._end)
        self._number = 0
        self._row: _Row | None = None
        self._cell: _Cell | None = None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name, at = local(tag), self.reader.CurrentByteIndex
        if name == "row":
            self._number = int(attributes["r"]) if attributes.get("r", "").isdigit() else self._number + 1
            self._row = None
            if self._number in self.wanted:
                self._row = self.found[self._number] = _Row(at, _tag_at(self.xml, at))
        elif name == "c" and self._row is not None:
            place, cells = attributes.get("r", ""), self._row.cells
            column = column_of(place) if place else (cells[-1].column + 1 if cells else 0)
            self._cell = _Cell(column, at, style=attributes.get("s", ""))
            cells.append(self._cell)
        elif name == "f" and self._cell is not None:
            self._cell.formula = True

    def _end(self, tag: str) -> None:
        name, at = local(tag), self.reader.CurrentByteIndex
        if name == "c" and self._cell is not None:
            self._cell.end, self._cell = _after(self.xml, at), None
        elif name == "row" and self._row is not None:
            self._row.end, self._row = at, None


def _tag_at(xml: bytes, at: int) -> str:
    found = re.compile(rb"<([^\s/>]+)").match(xml, at)
    return found[1].decode() if found else "row"


def _after(xml: bytes, at: int) -> int:
    """Give where a tag ends; the end of `<c/>` is reported where it begins."""
    return xml.index(b">", at) + 1
