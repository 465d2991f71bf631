"""R32: each hostile file is read or refused as its manifest says, by a process that may die of it; ours never does."""

from __future__ import annotations

import json
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import python_calamine

from connectors.sdk.errors import ConfigError, ConnectorError, TransientError
from connectors.sdk.protocol import Checkpoint, Record, Rejected
from connectors.spreadsheet import opening
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import UnusableFileError, Wish, opened
from connectors.spreadsheet.parsing.model import column_name
from connectors.spreadsheet.sink import Spreadsheet
from connectors.spreadsheet.streams import ROWS
from connectors.spreadsheet.tables import UnansweredError

CORPUS = Path(__file__).parents[4] / "shared" / "data" / "hostile"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of hostile files is not beside the project")
ANSWERS: dict[str, dict[str, Any]] = {
    "ok_minimal.xlsx": {"period": "2026-01"},
    "dimension_lie.xlsx": {"period": "2026-01"},
    "date1904.xlsx": {"period": "2026-01"},
    "formula_injection.csv": {"period": "2026-01"},
    "ambiguous_dates.csv": {"metric": "m"},
    "cp1252_middle.csv": {"period": "2026-01"},
    "locale_numbers.csv": {"period": "2026-01"},
}
"""What an admin answers to what these files leave open."""


@pytest.fixture(autouse=True)
def parsed_here() -> None:
    """Parse in a process of its own, as in use."""


def read(path: Path, **config: Any) -> list[Record | Rejected]:  # noqa: ANN401 - any entry
    source = Spreadsheet(SpreadsheetConfig(path=path, **config))
    stream = next(each for each in source.discover() if each.name == ROWS)
    return [item for item in source.read(stream, None) if not isinstance(item, Checkpoint)]


def manifest() -> Iterator[tuple[str, str]]:
    listed = CORPUS / "generated" / "manifest.json"
    for entry in json.loads(listed.read_text()) if listed.is_file() else ():
        if entry["file"].startswith(("xlsx/", "csv/")):
            yield entry["file"], entry["expect"]


@needs_corpus
@pytest.mark.parametrize(("file", "expect"), list(manifest()))
def test_each_file_is_treated_as_its_manifest_says(file: str, expect: str) -> None:
    path = CORPUS / "generated" / file
    if expect == "reject":
        with pytest.raises(UnusableFileError) as refused:
            read(path)
        assert "root:" not in str(refused.value), "a file was read through an entity"
        return
    with pytest.raises(UnansweredError):
        read(path)  # none of them names everything: that is asked before anything is read
    items = read(path, **ANSWERS[path.name])
    if expect == "accept":
        assert items
        assert all(isinstance(item, Record) for item in items)
    else:
        flagged = [item for item in items if isinstance(item, Rejected)]
        two_ways = {item.data["value"] for item in items if isinstance(item, Record)} == {1234.56, 12.5}
        assert flagged or two_ways, "nothing was put aside, and not every cell had one reading"


@needs_corpus
@pytest.mark.full
def test_no_file_of_the_corpus_kills_or_hangs_us() -> None:
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file():
            said = ""
            try:
                read(path)
            except ConfigError as error:
                said = str(error)
            assert "not understood" not in said, path


@needs_corpus
def test_another_reader_reads_the_same_from_every_workbook() -> None:
    """python-calamine knows no formats: dates and percents are compared where it gives them."""
    compared = 0
    for path in sorted([*CORPUS.rglob("*.xlsx"), *CORPUS.rglob("*.ods"), *CORPUS.rglob("*.xlsm")]):
        if path.name in {"bomb_sharedstrings.xlsx", "xxe_file.xlsx"}:
            continue
        try:
            with opened(path, path.name, Wish()) as book:
                ours: dict[str, dict[Any, Any]] = {each.name: {} for each in book.sheets}
                for sheet, row in book.rows:
                    for column, cell in enumerate(row.cells):
                        ours[book.sheets[sheet].name][row.number, column] = cell
        except UnusableFileError:
            continue
        for name, cells in theirs(path).items():
            for place, value in cells.items():
                mine = ours.get(name, {}).get(place)
                if isinstance(mine, list) and mine[0] in {
                    "percent",
                    "money",
                    "date",
                    "error",
                    "uncalculated",
                    "merged",
                }:
                    continue
                where = f"{path.name} {name} {column_name(place[1])}{place[0]}"
                assert same(mine, value), f"{where}: {mine!r} here, {value!r} there"
                compared += 1
    assert compared > 500


def theirs(path: Path) -> dict[str, dict[tuple[int, int], Any]]:
    found: dict[str, dict[tuple[int, int], Any]] = {}
    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
    except python_calamine.CalamineError:  # it refuses what only claims to be large
        return found
    for name in book.sheet_names:
        try:
            sheet = book.get_sheet_by_name(name)
            rows = sheet.to_python(skip_empty_area=True)
        except (python_calamine.CalamineError, ValueError):  # it refuses cells that are far out
            continue
        top, left = sheet.start or (0, 0)
        found[name] = {
            (top + row + 1, left + column): value
            for row, values in enumerate(rows)
            for column, value in enumerate(values)
            if value not in {"", None}
        }
    return found


def same(mine: object, value: object) -> bool:
    if isinstance(mine, str) and isinstance(value, str):
        return re.sub(r"_x000D_|\s+", "", mine) == re.sub(r"_x000D_|\s+", "", value)
    if isinstance(mine, int | float) and isinstance(value, int | float):
        return abs(mine - value) <= 1e-9 * max(abs(mine), 1)
    return not isinstance(value, str | int | float)  # a date, time or duration


# bombs of our own


def workbook(path: Path, sheet: str, **parts: str) -> Path:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    link = f'<Relationship Id="r1" Type="{office}/{{}}" Target="{{}}"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("_rels/.rels", relations.format(link.format("officeDocument", "xl/workbook.xml")))
        package.writestr("xl/_rels/workbook.xml.rels", relations.format(link.format("worksheet", "s.xml")))
        package.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        package.writestr("xl/s.xml", f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>')
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UnusableFileError) as refused, opened(path, path.name, Wish()) as book:
        list(book.rows)
    return str(refused.value)


def test_a_cell_at_the_end_of_the_sheet_costs_nothing(tmp_path: Path) -> None:
    """Readers that reserve the whole rectangle ask for 512 GiB and abort."""
    path = workbook(tmp_path / "far.xlsx", '<row r="1048576"><c r="XFD1048576"><v>7</v></c></row>')
    with opened(path, path.name, Wish()) as book:
        ((_, row),) = book.rows
    assert (row.number, row.cells[-1], len(row.cells)) == (1_048_576, 7, 16_384)


def test_an_archive_that_unpacks_a_hundredfold_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    assert "too large" in refusal(workbook(tmp_path / "bomb.xlsx", " " * 8_000_000))


def test_a_part_twice_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "twice.xlsx", "")
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("XL/S.xml", "<other/>")
    assert "two parts of one name" in refusal(path)


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "crc.xlsx", "<row/>")
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + 16 : at + 20] = struct.pack("<I", 1)
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><sst>&c;</sst>',
        '<!DOCTYPE a SYSTEM "file:///etc/hostname"><sst/>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><sst/>',
    ],
)
def test_xml_with_a_document_type_is_refused(tmp_path: Path, document: str) -> None:
    path = workbook(tmp_path / "entities.xlsx", "")
    with zipfile.ZipFile(path) as package:
        kept = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(path, "w") as package:
        for name, content in (kept | {"xl/s.xml": document.encode()}).items():
            package.writestr(name, content)
    assert "document type" in refusal(path)


def test_too_many_cells_are_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "<row>" + "<c><v>1</v></c>" * 1000 + "</row>"
    path = workbook(tmp_path / "many.xlsx", "".join(rows.replace("1</v>", f"{n}</v>") for n in range(2100)))
    assert "save the table as CSV" in refusal(path)


def test_memory_is_limited_and_its_end_is_the_files_doing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MEMORY_BYTES", 96 << 20)
    path = workbook(
        tmp_path / "large.xlsx",
        "".join(f'<row><c t="inlineStr"><is><t>{"x" * 9000}{n}</t></is></c></row>' for n in range(9)),
    )
    lines = "".join(f"{n};" + "y" * 100_000 + "\n" for n in range(400))
    text = tmp_path / "large.csv"
    text.write_text(lines)
    with opened(path, path.name, Wish()) as book:
        assert len(list(book.rows)) == 9
    assert "memory" in refusal(text) or "too large" in refusal(text)


def test_processor_time_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CPU_SECONDS", 1)
    monkeypatch.setattr(opening, "TEXT_BYTES_A_SECOND", 1 << 40)
    path = tmp_path / "long.csv"
    path.write_text("metric,period_start,value\n" + "m,2026-01-01,1.5\n" * 1_500_000)
    assert "takes too long" in refusal(path)


def test_a_parser_that_is_killed_is_no_fault_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MODULE", "connectors.no_such_module")
    path = tmp_path / "a.csv"
    path.write_text("metric,period_start,value\nm,2026-01-01,1\n")
    with pytest.raises(TransientError, match="was interrupted"):
        read(path)


def test_no_process_is_left_behind_when_reading_stops_early(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("metric,period_start,value\n" + "m,2026-01-01,1\n" * 50_000)
    with opened(path, path.name, Wish()) as book:
        next(book.rows)
    source = Spreadsheet(SpreadsheetConfig(path=path))
    reading = source.read(source.discover()[0], None)
    next(reading)
    reading.close()  # type: ignore[attr-defined]  # a generator
    children = Path("/proc/self/task").glob("*/children")
    running = [pid for file in children for pid in file.read_text().split()]
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in running if Path(f"/proc/{pid}/cmdline").exists()]
    assert not [command for command in commands if b"spreadsheet.parsing" in command]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (b"<html>", "web page"),
        (b"%PDF-1.7", "no spreadsheet"),
        (b"PK\x03\x04broken", "damaged"),
    ],
)
def test_a_file_is_known_by_what_it_holds_and_not_by_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    assert said in refusal(path)


def test_every_refusal_is_an_answer_to_an_admin() -> None:
    assert issubclass(UnusableFileError, ConfigError)
    assert issubclass(UnusableFileError, ConnectorError)
