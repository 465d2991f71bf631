"""Files as tables: which files, which encoding, which cells. Nothing here knows what a cell means."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from connectors.sdk.errors import ConfigError, TransientError
from connectors.sdk.network import FILE_ROOTS

SUFFIXES = frozenset({".csv", ".tsv"})
DELIMITERS = (",", ";", "\t", "|")
CHUNK = 1 << 20
SETTLING = 5.0
"""Seconds to leave a file alone that is being written."""


@dataclass(frozen=True)
class Row:
    """One row; `broken` says why its cells cannot be told apart."""

    number: int
    cells: Sequence[str]
    broken: str | None = None


@dataclass(frozen=True)
class Table:
    """One table with its header; the rows are read when they are asked for."""

    path: Path
    name: str
    header: Sequence[str]
    encoding: str
    delimiter: str

    def rows(self) -> Iterator[Row]:
        """Yield the rows under the header, without the empty ones, by the line number that an editor shows."""
        with _accessible(self.path):
            before = signature(self.path)
            yield from islice(_rows(self.path, self.encoding, self.delimiter), 1, None)
            if signature(self.path) != before:
                raise TransientError(f"{self.name} was changed while it was read.", retry_after=SETTLING)


def files(path: Path, roots: Sequence[Path]) -> list[Path]:
    """List the files to read; raises ConfigError where there is none, as nothing to read looks like all deleted."""
    whole = path.resolve()
    if roots and not any(whole.is_relative_to(root.resolve()) for root in roots):
        raise ConfigError(f"{path} is outside the folders named in {FILE_ROOTS}.", field="path")
    with _accessible(path):
        if whole.is_file():
            return [whole]
        if not whole.is_dir():
            raise ConfigError(f"There is no {path} on the machine that Plumbline runs on.", field="path")
        found = [file for file in sorted(whole.iterdir()) if _is_table(file, whole)]
    if not found:
        raise ConfigError(f"The folder {path} holds no CSV file: is the share mounted?", field="path")
    return found


def open_table(path: Path, delimiter: str) -> Table:
    """Look at a file's encoding and header; raises ConfigError if it has none."""
    with _accessible(path):
        encoding = _encoding(path)
        used = _delimiter(path, encoding) if delimiter == "auto" else delimiter
        first = next(_rows(path, encoding, used), None)
    if first is None:
        raise ConfigError(f"{path.name} is empty: the first row has to name the columns.", field="path")
    if first.broken:
        raise ConfigError(f"{path.name}, row {first.number}: the column names are unreadable: {first.broken}.")
    return Table(path, path.name, _header(path.name, first.cells), encoding, used)


def signature(path: Path) -> list[int]:
    """Tell two states of a file apart without reading it."""
    state = path.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ino]


@contextmanager
def _accessible(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise ConfigError(f"The user that Plumbline runs as may not read {path}.", field="path") from None
    except OSError as error:  # a share that went away comes back
        raise TransientError(f"{path.name} cannot be read now: {error.strerror}.", retry_after=SETTLING) from None


def _is_table(file: Path, folder: Path) -> bool:
    hidden = file.name.startswith((".", "~"))
    return file.suffix.lower() in SUFFIXES and not hidden and file.is_file() and file.resolve().is_relative_to(folder)


def _header(name: str, cells: Sequence[str]) -> tuple[str, ...]:
    header = tuple(cell.strip().lower() or f"column {place}" for place, cell in enumerate(cells, start=1))
    double = sorted({column for column in header if header.count(column) > 1})
    if double:
        raise ConfigError(f"{name} has more than one column {', '.join(double)}: rename or remove one.")
    return header


def _rows(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    # Cells of over 131072 characters are refused by the csv module: they are quotes that were never closed.
    with path.open(encoding=encoding, newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            number = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(number, (), broken=str(error))
                continue
            if any(cell.strip() for cell in cells):
                yield Row(number, cells)


def _delimiter(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, newline="") as lines:
        first = next((line for line in lines if line.strip()), "")
    outside_quotes = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=outside_quotes.count)


def _encoding(path: Path) -> str:
    """Tell UTF-8 from Windows-1252 by trying: almost no text in the latter is valid in the former."""
    with path.open("rb") as file:
        marked = file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise ConfigError(f"{path.name} is neither UTF-8 nor Windows-1252: save it as CSV UTF-8.", field="path")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
