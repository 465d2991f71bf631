"""The process that reads one file: limited, without secrets, and expendable.

    python -m connectors.spreadsheet.parsing.running < question.json

It answers with one JSON line about the file, then, where asked, lines of rows, sheet by sheet; or with one `refused`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

# All of it before the limits: afterwards nothing is written, not even compiled modules.
from connectors.spreadsheet.parsing.delimited import open_delimited
from connectors.spreadsheet.parsing.evidence import Evidence
from connectors.spreadsheet.parsing.model import Book, Cell, RefusedError, Row, Sheet, column_name, too_large
from connectors.spreadsheet.parsing.ods import open_ods
from connectors.spreadsheet.parsing.xlsx import open_xlsx

HEAD = 200
"""Rows that are shown of each sheet, to find the table in it."""
BATCH = 500
MOST_SHEETS = 500
PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TYPE_OF_ODS = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
AS_XLSX = "Open it and save it as an Excel workbook (.xlsx)."

Answer = Callable[[dict[str, Any]], None]


def main() -> None:
    """Answer one question."""
    question = json.loads(sys.stdin.buffer.readline())
    _confine(question)

    def answer(said: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n")

    # Halves of characters, which a file may hold and JSON may not, become question marks.
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # a text stream
    try:
        serve(question, answer)
    except RefusedError as error:
        answer({"refused": [error.reason, error.remedy]})
    except (MemoryError, RecursionError):
        refused = too_large("it needs more memory than is allowed")
        answer({"refused": [refused.reason, refused.remedy]})
    except Exception as error:  # noqa: BLE001 - the border: a file that no one foresaw must become an answer
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        answer({"refused": [f"it is built in a way that is not understood ({place})", AS_XLSX]})
    sys.stdout.flush()


def serve(question: dict[str, Any], answer: Answer) -> None:
    """Say what the file holds, then its rows."""
    book = open_book(question)
    if len(book.sheets) > MOST_SHEETS:
        raise too_large(f"{len(book.sheets)} sheets")
    whole = question["whole"] or book.format != "csv"
    answer(
        {"format": book.format, "notes": book.notes, "sheets": [_survey(sheet, whole=whole) for sheet in book.sheets]}
    )
    if not question["rows"]:
        return
    for place, sheet in enumerate(book.sheets):
        if question["sheets"] is None or place in question["sheets"]:
            for rows in _batches(_filled(sheet)):
                answer({"sheet": place, "rows": rows})
    answer({"end": True})


def open_book(question: dict[str, Any]) -> Book:
    """Open a file by what it holds; its name is not trusted."""
    path = Path(question["path"])
    with path.open("rb") as file:
        beginning = file.read(256)
    if beginning.startswith(ZIP):
        return open_ods(path) if TYPE_OF_ODS in beginning else open_xlsx(path)
    _refuse_others(beginning, question["name"])
    return open_delimited(path, name=question["name"], delimiter=question["delimiter"], encoding=question["encoding"])


def _refuse_others(beginning: bytes, name: str) -> None:
    if beginning.startswith(OLE):
        raise RefusedError(
            "it is an old Excel workbook (.xls), or protected by a password", f"{AS_XLSX} Without password."
        )
    if beginning.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<html", b"<!doctype html", b"<table")):
        raise RefusedError("it is a web page and no spreadsheet: is it a sign-in page?", AS_XLSX)
    if beginning.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<?xml", b"%PDF", b"{\\rtf")):
        raise RefusedError("it is no spreadsheet", AS_XLSX)
    if name.lower().endswith((".xlsx", ".xlsm", ".ods", ".xlsb", ".xls")):
        raise RefusedError("it is damaged, or no workbook", AS_XLSX)


def _survey(sheet: Sheet, *, whole: bool) -> dict[str, Any]:
    """Look through a sheet: its first rows, and what its columns show."""
    rows, evidence = sheet.rows(), Evidence()
    head = list(islice(rows, HEAD))
    count, hidden, some = 0, 0, head
    while some:
        evidence.add([row.cells for row in some])
        count += len(some)
        hidden += sum(row.hidden for row in some)
        some = list(islice(rows, BATCH)) if whole else []
    merged = _Merged(sheet)
    for row in head:
        merged.fill(row)
    return {
        "name": sheet.name,
        "hidden": sheet.hidden,
        "head": [_wire(row) for row in head],
        "rows": count,
        "hidden_rows": hidden,
        "hidden_columns": sheet.facts.hidden_columns,
        "whole": whole,
        "columns": [asdict(column) for column in evidence.columns],
    }


def _filled(sheet: Sheet) -> Iterator[Row]:
    """Yield rows with merged cells filled; the survey has found out which those are."""
    if not sheet.facts.merged:
        yield from sheet.rows()
        return
    merged = _Merged(sheet)
    for row in sheet.rows():
        merged.fill(row)
        yield row


class _Merged:
    """Gives each covered cell what stands in the first cell of its area, marked as such."""

    def __init__(self, sheet: Sheet) -> None:
        self._waiting = sorted(sheet.facts.merged, reverse=True)
        self._open: list[tuple[tuple[int, int, int, int], Cell]] = []

    def fill(self, row: Row) -> None:
        self._open = [(area, cell) for area, cell in self._open if area[2] >= row.number]
        while self._waiting and self._waiting[-1][0] <= row.number:
            area = self._waiting.pop()
            top, left, _, _ = area
            first = row.cells[left] if top == row.number and left < len(row.cells) else None
            if first is not None and first != "":
                self._open.append((area, first))
        for area, cell in self._open:
            self._cover(row, area, cell)

    def _cover(self, row: Row, area: tuple[int, int, int, int], cell: Cell) -> None:
        top, left, _, right = area
        right = min(right, left + 1000)
        row.cells += [None] * (right + 1 - len(row.cells))
        for column in range(left, right + 1):
            if (row.number, column) != (top, left):
                row.cells[column] = ["merged", f"{column_name(left)}{top}", cell]


def _batches(rows: Iterator[Row]) -> Iterator[list[list[Any]]]:
    while batch := [_wire(row) for row in islice(rows, BATCH)]:
        yield batch


def _wire(row: Row) -> list[Any]:
    if row.broken is None and not row.hidden:
        return [row.number, row.cells]
    return [row.number, row.cells, row.hidden, row.broken]


def _confine(question: dict[str, Any]) -> None:
    """Die with whoever asked, and before the machine suffers."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    for limit, most, last in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_AS, question["memory_bytes"], question["memory_bytes"]),
        (resource.RLIMIT_CPU, question["cpu_seconds"], question["cpu_seconds"] + 1),  # one more: the first says why
    ):
        _, hard = resource.getrlimit(limit)
        allowed = last if hard == resource.RLIM_INFINITY else min(last, hard)
        resource.setrlimit(limit, (min(most, allowed), allowed))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != question["parent"]:
            os._exit(0)


if __name__ == "__main__":
    main()
