"""XLSX and XLSM, cell by cell: also what a calculated value alone would not tell (formula, format, hidden, merged)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from connectors.spreadsheet.parsing.formats import BUILT_IN, number_cell
from connectors.spreadsheet.parsing.model import (
    MOST_CELLS,
    MOST_COLUMNS,
    Book,
    Cell,
    Facts,
    RefusedError,
    Row,
    Sheet,
    too_large,
    trimmed,
)
from connectors.spreadsheet.parsing.package import DAMAGED, Package, feed, parse, parser

MOST_STRINGS = 64 * 1024 * 1024
"""Characters of all shared texts."""
ROOT = "_rels/.rels"


def local(name: str) -> str:
    """Cut the namespace: strict and transitional files differ in it, and prefixes are the writer's choice."""
    return name.rpartition("}")[2]


def related(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """Give the relationships of a part: id -> kind and part."""
    folder, name = posixpath.split(part)
    found: dict[str, tuple[str, str]] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "").replace("\\", "/")
            whole = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], whole)

    relations = ROOT if not part else f"{folder}/_rels/{name}.rels".lstrip("/")
    if relations in package:
        parse(package.read(relations), start)
    return found


@dataclass
class Workbook:
    """What the parts beside the sheets say."""

    package: Package
    part: str
    from_1904: bool = False
    recalculated: bool = False
    """The writer asks for calculation on opening: its results are placeholders."""
    strings: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    """Number format of each cell style."""
    sheets: list[XlsxSheet] = field(default_factory=list)


def workbook_part(package: Package) -> str:
    """Find the workbook in a package."""
    for kind, part in related(package, "").values():
        if kind == "officeDocument" and part in package:
            return part
    if "xl/workbook.xml" in package:
        return "xl/workbook.xml"
    raise RefusedError("it holds no workbook", "Save it as an Excel workbook (.xlsx).")


def open_xlsx(path: Path) -> Book:
    """Open a workbook."""
    package = Package(path)
    book = read_workbook(package)
    sheets: list[Sheet] = list(book.sheets)
    return Book("xlsx", sheets, ["its dates count from 1904"] if book.from_1904 else [])


def read_workbook(package: Package) -> Workbook:
    """Read the list of sheets, the shared texts and the number formats."""
    book = Workbook(package, workbook_part(package))
    relations = related(package, book.part)

    def start(tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "workbookPr":
            book.from_1904 = attributes.get("date1904") in {"1", "true"}
        elif name == "calcPr":
            book.recalculated = attributes.get("fullCalcOnLoad") in {"1", "true"}
        elif name == "sheet":
            link = next((value for key, value in attributes.items() if local(key) == "id"), "")
            kind, part = relations.get(link, ("", ""))
            if kind == "worksheet" and part in package:
                hidden = attributes.get("state", "visible") != "visible"
                book.sheets.append(XlsxSheet(attributes.get("name", ""), hidden, part, book))

    parse(package.read(book.part), start)
    if not book.sheets:
        raise RefusedError("it holds no sheet", DAMAGED)
    for kind, part in relations.values():
        if kind == "sharedStrings" and part in package:
            book.strings = _shared_strings(package, part)
        elif kind == "styles" and part in package:
            book.formats = _cell_formats(package.read(part))
    return book


def _shared_strings(package: Package, part: str) -> list[str]:
    strings: list[str] = []
    pieces: list[str] = []
    phonetic = size = 0

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal phonetic
        name = local(tag)
        if name == "si":
            pieces.clear()
        elif name == "rPh":  # how to pronounce it; not what stands in the cell
            phonetic += 1
        reader.CharacterDataHandler = pieces.append if name == "t" and not phonetic else None

    def end(tag: str) -> None:
        nonlocal phonetic, size
        name = local(tag)
        reader.CharacterDataHandler = None
        if name == "rPh":
            phonetic -= 1
        elif name == "si":
            strings.append("".join(pieces))
            size += len(strings[-1])
            if size > MOST_STRINGS:
                raise too_large("its texts")

    reader = parser(start, end)
    for _ in feed(reader, package.chunks(part)):
        pass
    return strings


def _cell_formats(content: bytes) -> list[str]:
    codes = dict(BUILT_IN)
    formats: list[int] = []
    inside = ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        name = local(tag)
        if name == "numFmt" and attributes.get("numFmtId", "").isdigit():
            codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif name in {"cellXfs", "cellStyleXfs"}:
            inside = name
        elif name == "xf" and inside == "cellXfs":
            number = attributes.get("numFmtId", "0")
            formats.append(int(number) if number.isdigit() else 0)

    parse(content, start)
    return [codes.get(number, "General") for number in formats]


@dataclass
class XlsxSheet:
    """A worksheet; parsed anew each time its rows are asked for."""

    name: str
    hidden: bool
    part: str
    book: Workbook
    facts: Facts = field(default_factory=Facts)

    def rows(self) -> Iterator[Row]:
        """Yield the rows that hold something, from the top."""
        listener = _Listener(self.book)
        for _ in feed(listener.reader, self.book.package.chunks(self.part)):
            yield from listener.finished
            listener.finished.clear()
        self.facts = listener.facts


class _Listener:
    """Takes the events of a worksheet's XML."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.finished: list[Row] = []
        self.facts = Facts()
        self.reader: expat.XMLParserType = parser(self._start, self._end)
        self.cells: dict[int, Cell] = {}
        self.count = self.number = 0
        self.column = -1
        self.row_hidden = False
        self.kind, self.style = "n", 0
        self.formula: str | None = None
        self.has_value = False
        self.text: list[str] = []
        self.phonetic = 0
        self._names: dict[str, str] = {}

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = self._names.get(tag) or self._names.setdefault(tag, local(tag))
        if name == "c":
            self._begin_cell(attributes)
        elif name in {"v", "f"} or (name == "t" and self.kind == "inlineStr" and not self.phonetic):
            self.text = self.text if name == "t" else []
            self.reader.CharacterDataHandler = self.text.append
        elif name == "row":
            self._begin_row(attributes)
        elif name == "rPh":
            self.phonetic += 1
        elif name == "col" and attributes.get("hidden") in {"1", "true"}:
            first, last = int(attributes.get("min", "1")), int(attributes.get("max", "1"))
            self.facts.hidden_columns += range(first - 1, min(last, MOST_COLUMNS))
        elif name == "mergeCell" and (area := _area(attributes.get("ref", ""))):
            self.facts.merged.append(area)

    def _end(self, tag: str) -> None:
        name = self._names[tag]
        if name == "v":
            self.reader.CharacterDataHandler = None
            self.has_value = True
        elif name == "f":
            self.reader.CharacterDataHandler = None
            self.formula, self.text = "".join(self.text), []
        elif name == "t":
            self.reader.CharacterDataHandler = None
        elif name == "c":
            self._end_cell()
        elif name == "rPh":
            self.phonetic -= 1
        elif name == "row":
            self._end_row()

    def _begin_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r", "")
        self.number = int(number) if number.isdigit() else self.number + 1
        self.row_hidden = attributes.get("hidden") in {"1", "true"}
        self.column, self.cells = -1, {}

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r", "")
        self.column = column_of(place) if place else self.column + 1
        self.kind = attributes.get("t", "n")
        style = attributes.get("s", "0")
        self.style = int(style) if style.isdigit() else 0
        self.formula, self.has_value, self.text = None, False, []

    def _end_cell(self) -> None:
        cell = self._cell("".join(self.text))
        if cell is None or cell == "":
            return
        if not 0 <= self.column < MOST_COLUMNS:
            raise RefusedError(f"it is damaged: a cell in column {self.column + 1}", DAMAGED)
        self.cells[self.column] = cell
        self.count += 1
        if self.count > MOST_CELLS:
            raise too_large(f"more than {MOST_CELLS} cells in one sheet")

    def _cell(self, text: str) -> Cell:
        kind = self.kind
        if self.formula is not None and (not text or (text == "0" and self.book.recalculated)):
            # A formula may result in an empty text; then the writer says that it is one.
            empty = kind == "str" and self.has_value and not self.book.recalculated
            return "" if empty else ["uncalculated", self.formula[:200]]
        if kind == "s":
            place = int(text) if text.isdigit() else -1
            return self.book.strings[place] if 0 <= place < len(self.book.strings) else None
        if kind in {"inlineStr", "str"}:
            return text
        return self._typed(kind, text) if text else None

    def _typed(self, kind: str, text: str) -> Cell:
        if kind == "b":
            return text in {"1", "true"}
        if kind == "e":
            return ["error", text]
        if kind == "d":
            return ["date", text.removesuffix("T00:00:00").removesuffix("T00:00:00.000"), "day"]
        code = self.book.formats[self.style] if self.style < len(self.book.formats) else "General"
        return number_cell(text.strip(), code, from_1904=self.book.from_1904)

    def _end_row(self) -> None:
        if not self.cells:
            return
        width = max(self.cells) + 1
        self.count += width // 64  # a row that is mostly gaps costs its width
        if self.count > MOST_CELLS:
            raise too_large(f"more than {MOST_CELLS} cells in one sheet")
        cells = [self.cells.get(column) for column in range(width)]
        self.finished.append(Row(self.number, trimmed(cells), self.row_hidden))


def column_of(place: str) -> int:
    """Read the column of a cell's place: B7 -> 1."""
    column = 0
    for letter in place:
        if not ("A" <= letter <= "Z" or "a" <= letter <= "z"):
            break
        column = column * 26 + ord(letter.upper()) - ord("A") + 1
    return column - 1


def _area(ref: str) -> tuple[int, int, int, int] | None:
    first, _, last = ref.replace("$", "").partition(":")
    last = last or first
    rows = ["".join(filter(str.isdigit, each)) for each in (first, last)]
    if not all(rows):
        return None
    return int(rows[0]), column_of(first), int(rows[1]), column_of(last)
