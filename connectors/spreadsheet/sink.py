"""Writes into the columns that the configuration names, in XLSX files; everything else in the file stays as it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from connectors.sdk.errors import ConfigError
from connectors.sdk.protocol import Change, Key, Op, Outcome, Receipt, Sink, Stream
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.parsing.model import RefusedError
from connectors.spreadsheet.parsing.package import Package
from connectors.spreadsheet.parsing.xlsx import read_workbook
from connectors.spreadsheet.patching import PatchError, Place, patch_cells
from connectors.spreadsheet.places import signature
from connectors.spreadsheet.records import Item
from connectors.spreadsheet.source import File, SpreadsheetSource, known_table
from connectors.spreadsheet.zipsplice import SpliceError, replace_member

LOCKS = ("~${}", ".~lock.{}#")
"""What Excel and LibreOffice put beside a file that somebody has open."""
TRY_AGAIN = 300.0
SIGNATURES = "_xmlsignatures/origin.sigs"


class NotWrittenError(Exception):
    """A change was not written; `retry_after` where it may be tried again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Found:
    """The row that a change is about."""

    item: Item
    file: File


class Spreadsheet(SpreadsheetSource, Sink[SpreadsheetConfig]):
    """Reads spreadsheets, and fills in the columns it was given."""

    spec = SpreadsheetSource.spec.model_copy(
        update={
            "summary": "Reads CSV, TSV, XLSX, ODS files and Google Sheets links; fills in chosen columns of XLSX files."
        }
    )

    def write(self, stream: Stream, changes: Iterable[Change]) -> Iterator[Receipt]:
        """Write each change into its row; a file is replaced whole or not at all."""
        known_table(stream)
        for change in changes:
            try:
                version = self._write(stream, change)
            except NotWrittenError as error:
                yield Receipt(
                    change_id=change.id,
                    outcome=Outcome.NOT_APPLIED,
                    key=change.key,
                    reason=str(error),
                    retry_after=error.retry_after,
                )
            else:
                yield Receipt(change_id=change.id, outcome=Outcome.APPLIED, key=change.key, version=version)

    def _write(self, stream: Stream, change: Change) -> str:
        if change.op is not Op.UPDATE or change.key is None:
            raise NotWrittenError("Rows of a spreadsheet are neither added nor removed, only filled in.")
        found = self._find(stream, change.key)
        texts = self._cells(found, change.fields)
        before = found.item.content.hex()
        if all(_said(found.item, column) == text for (_, column), text in texts.items()):
            return before
        if change.base_version is not None and change.base_version != before:
            raise NotWrittenError(f"{_place(found)} has changed since it was read. Read it again first.")
        self._replace(found, texts)
        return self._find(stream, change.key).item.content.hex()

    def _find(self, stream: Stream, key: Key) -> Found:
        for file in self._files({}):
            for item in self._items(file, known_table(stream)):
                if item.key == key:
                    return Found(item, file)
        raise NotWrittenError("The row is not there any more.")

    def _cells(self, found: Found, fields: Mapping[str, object]) -> dict[Place, str]:
        """Find the cells that the fields stand for."""
        item = found.item
        if found.file.local is None:
            raise NotWrittenError("A file behind a link is only read. Put it into a folder, and give its `path`.")
        if not item.table.sheet or found.file.name.lower().endswith(".ods"):
            raise NotWrittenError(f"{found.file.name} is no XLSX file, and only those are written. Save it as .xlsx.")
        if item.table.layout == "wide" and item.stream != "metrics":
            raise NotWrittenError("A number of a wide table has no row of its own. Write to the stream `metrics`.")
        allowed = {" ".join(name.lower().split()) for name in self.config.write_back}
        columns = {" ".join(label.lower().split()): column for column, label in item.table.labels.items()}
        texts = {}
        for name, value in fields.items():
            if name not in allowed:
                raise NotWrittenError(f"The column {name!r} is not named in `write_back`.")
            if name not in columns:
                raise NotWrittenError(f"{item.table.place} has no column {name!r}. Add it beside the others.")
            texts[item.row.number, columns[name]] = _text(value)
        return texts

    def _replace(self, found: Found, texts: Mapping[Place, str]) -> None:
        path = found.file.local or Path()
        if any((path.parent / lock.format(path.name)).exists() for lock in LOCKS):
            raise NotWrittenError(f"{path.name} is open in a spreadsheet program.", TRY_AGAIN)
        before = signature(path)
        content = path.read_bytes()
        try:
            written = _patched(content, found.item.table.survey.name, texts)
            read_workbook(Package(written))  # before it takes the place of what was there
        except (PatchError, SpliceError, RefusedError) as error:
            raise NotWrittenError(f"{_place(found)} cannot be written: {error}") from None
        if signature(path) != before:
            raise NotWrittenError(f"{path.name} was changed meanwhile.", TRY_AGAIN)
        _put(path, written)


def _patched(content: bytes, sheet: str, texts: Mapping[Place, str]) -> bytes:
    package = Package(content)
    if SIGNATURES in package:
        raise PatchError("it is signed, and the signature would not hold any more. Remove the signature.")
    chosen = next(each for each in read_workbook(package).sheets if each.name == sheet)
    member = package.named(chosen.part)
    return replace_member(content, member, patch_cells(package.read(chosen.part), texts))


def _put(path: Path, content: bytes) -> None:
    """Replace a file at once, with its owner and rights."""
    state = path.stat()
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ConfigError(f"The folder of {path.name} cannot be written: {error.strerror}.", field="path") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(state.st_mode & 0o7777)
        with suppress(PermissionError, AttributeError):  # only root may give a file to others; none on Windows
            os.chown(name, state.st_uid, state.st_gid)
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise NotWrittenError(f"{path.name} cannot be written now: {error.strerror}.", TRY_AGAIN) from None


def _said(item: Item, column: int) -> str:
    cell = item.row.cells[column] if column < len(item.row.cells) else None
    return cell if isinstance(cell, str) else "" if cell is None else repr(cell)


def _text(value: object) -> str:
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _place(found: Found) -> str:
    return f"{found.item.table.place}, row {found.item.row.number}"
