"""CSV and TSV: which encoding, which delimiter, which cells."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from connectors.spreadsheet.parsing.model import MOST_COLUMNS, MOST_TEXT, Book, Facts, RefusedError, Row, too_large
from connectors.spreadsheet.words import role_of

DELIMITERS = (",", ";", "\t", "|")
NAMED = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
CHUNK = 1 << 20
LOOKED_AT = 50
"""Rows that decide on the delimiter."""
LONGEST_LINE = 4 << 20
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def open_delimited(path: Path, *, name: str, delimiter: str = "auto", encoding: str = "auto") -> Book:
    """Find out a text file's encoding and delimiter."""
    used = _encoding(path) if encoding == "auto" else encoding
    _refuse_long_lines(path)
    first, between = _declared(path, used)
    if delimiter != "auto":
        between = delimiter
    sheet = TextSheet(name, path, used, between or _delimiter(path, used), first, encoding == "auto")
    notes = []
    if encoding == "auto" and used == "cp1252":
        notes.append("its letters are read as Windows-1252; set `encoding` if they look wrong")
    if not between and delimiter == "auto":
        notes.append(f"its cells are separated by {NAMED[sheet.delimiter]}")
    return Book("csv", [sheet], notes)


@dataclass
class TextSheet:
    """The one sheet of a text file."""

    name: str
    path: Path
    encoding: str
    delimiter: str
    first: int = 0
    """Lines before the table that only say how it is written."""
    guessed: bool = False
    hidden: bool = False
    facts: Facts = field(default_factory=Facts)

    def rows(self) -> Iterator[Row]:
        """Yield the rows that hold something, by the line number that an editor shows."""
        mixed = self.guessed and self.encoding == "cp1252"
        with self.path.open(encoding=self.encoding, newline="") as file:
            try:
                yield from _rows(islice(file, self.first, None), self.delimiter, self.first, mixed=mixed)
            except UnicodeError:
                raise RefusedError(
                    f"it is not written in {self.encoding}", "Correct `encoding`, or save it as CSV UTF-8."
                ) from None


def _rows(lines: Iterator[str], delimiter: str, before: int, *, mixed: bool) -> Iterator[Row]:
    csv.field_size_limit(MOST_TEXT)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    last = before
    while True:
        try:
            for cells in reader:
                number, last = last + 1, reader.line_num + before
                if len(cells) > MOST_COLUMNS:
                    raise too_large(f"{len(cells)} cells in row {number}")
                if mixed and (odd := _in_two_encodings(cells)) is not None:
                    broken = f"{odd!r} is UTF-8 in a file whose other letters are Windows-1252"
                    yield Row(number, cells, broken=broken)
                elif "".join(cells).strip():
                    yield Row(number, cells)
        except csv.Error as error:
            number, last = last + 1, reader.line_num + before
            yield Row(number, [], broken=str(error))
        else:
            return


def _refuse_long_lines(path: Path) -> None:
    """Refuse a line that would fill the memory; an end of line holds the same byte in every encoding."""
    length = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            length = len(chunk) - 1 - last if last >= 0 else length + len(chunk)
            if length > LONGEST_LINE:
                raise too_large("a line of several million characters")


def _in_two_encodings(cells: Sequence[str]) -> str | None:
    """Find a cell whose bytes are UTF-8, in a file that as a whole is not."""
    for cell in cells:
        if not cell.isascii():
            try:
                return cell.encode("cp1252").decode("utf-8")
            except UnicodeError:
                continue
    return None


def _declared(path: Path, encoding: str) -> tuple[int, str]:
    """Read the line `sep=;` that Excel understands."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            line = file.readline(16).strip()
    except UnicodeError:
        return 0, ""
    if line.lower().startswith("sep=") and len(line) == len("sep=") + 1:
        return 1, line[-1]
    return (1, "\t") if line.lower() == "sep=" else (0, "")


def _delimiter(path: Path, encoding: str) -> str:
    """Take the one that shows names of columns, else the one that cuts most rows into equally many cells."""
    best, score = DELIMITERS[0], (0, 0.0, 0)
    for delimiter in DELIMITERS:
        with path.open(encoding=encoding, newline="") as file:
            rows = list(islice(_rows(file, delimiter, 0, mixed=False), LOOKED_AT))
        widths = Counter(len(row.cells) for row in rows if len(row.cells) > 1)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        named = max(sum(role_of(cell) is not None for cell in row.cells) for row in rows)
        if (named, count / len(rows), width) > score:
            best, score = delimiter, (named, count / len(rows), width)
    return best


def _encoding(path: Path) -> str:
    """Tell UTF-8 from Windows-1252 by trying: almost no text in the latter is valid in the former."""
    with path.open("rb") as file:
        beginning = file.read(4)
    marked = [encoding for mark, encoding in MARKS if beginning.startswith(mark)]
    for encoding in marked or ["utf-8", "cp1252"]:
        if _decodes(path, encoding):
            return encoding
    raise RefusedError("its letters are neither UTF-8 nor Windows-1252", "Save it as CSV UTF-8, or set `encoding`.")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK):
                if b"\0" in chunk and encoding in {"utf-8", "cp1252"}:
                    raise RefusedError("it is no text", "Save the table as CSV UTF-8 or as an Excel workbook (.xlsx).")
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
