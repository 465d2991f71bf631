"""Status columns are filled in, and nothing else in the file changes."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import xlsxwriter

from connectors.sdk.protocol import Change, Checkpoint, Op, Outcome, Receipt, Record, Stream
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.sample import write_workbook
from connectors.spreadsheet.sink import Spreadsheet
from connectors.spreadsheet.zipsplice import SpliceError, replace_member

SHEET = "xl/worksheets/sheet1.xml"


def one_pixel() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0\0\0")) + chunk(b"IEND", b"")
    )


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A workbook with a chart, an image, a macro, a comment, formats, a formula, and the parts of a pivot table."""
    macro, image = tmp_path / "vba.bin", tmp_path / "dot.png"
    macro.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(range(256)) * 20)
    image.write_bytes(one_pixel())
    path = tmp_path / "rich.xlsm"
    with xlsxwriter.Workbook(path) as book:
        sheet: Any = book.add_worksheet("KPIs")
        percent = book.add_format({"num_format": "0.0%", "bold": True})
        sheet.write_row(0, 0, ["Quarterly <review>"])
        sheet.write_row(2, 0, ["KPI", "Owner", "Jan 2026", "Feb 2026", "Status", "Sum"])
        sheet.write_row(3, 0, ["NPS", "Ada", 40, 41])
        sheet.write_row(4, 0, ["Share", "Ben"])
        sheet.write_row(4, 2, [0.5, 0.6], percent)
        sheet.write(4, 4, "open", book.add_format({"bg_color": "#FFEE00"}))
        sheet.write_formula(3, 5, "=C4+D4", None, 81)
        sheet.write_comment("A4", "asked monthly")
        chart: Any = book.add_chart({"type": "line"})
        chart.add_series({"values": "=KPIs!$C$4:$D$4"})
        sheet.insert_chart("H2", chart)
        sheet.insert_image("H20", str(image))
        book.add_vba_project(str(macro))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/pivotCache/pivotCacheDefinition1.xml", "<pivotCacheDefinition/>")
        package.writestr("xl/pivotTables/pivotTable1.xml", "<pivotTableDefinition/>" * 50)
        package.comment = b"kept too"
    return path


def metrics(path: Path, *columns: str) -> tuple[Spreadsheet, Stream, dict[str, Record]]:
    source = Spreadsheet(SpreadsheetConfig(path=path, write_back=columns or ("Status",)))
    stream = next(each for each in source.discover() if each.name == "metrics")
    found = [item for item in source.read(stream, None) if isinstance(item, Record)]
    return source, stream, {str(record.data["metric"]): record for record in found}


def change(record: Record, fields: dict[str, Any], **more: Any) -> Change:  # noqa: ANN401 - any entry
    return Change(id="1", op=more.pop("op", Op.UPDATE), key=record.key, fields=fields, **more)


def write(path: Path, metric: str, text: str, column: str = "Status") -> Receipt:
    source, stream, found = metrics(path, column)
    (receipt,) = source.write(stream, [change(found[metric], {column.lower(): text})])
    return receipt


def members(content: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(content) as package:
        assert package.testzip() is None
        return {info.filename: package.read(info) for info in package.infolist()}


def test_every_other_part_of_the_file_keeps_its_bytes(rich: Path) -> None:
    before, packed = members(rich), rich.read_bytes()
    receipt = write(rich, "NPS", "on track & <rising>")
    assert receipt.outcome is Outcome.APPLIED
    after = members(rich)
    assert {name for name in before if before[name] != after[name]} == {SHEET}
    assert list(after) == list(before)
    assert any("chart" in name for name in after)
    assert any("media" in name for name in after)
    assert {"xl/vbaProject.bin", "xl/pivotTables/pivotTable1.xml"} <= after.keys()
    with zipfile.ZipFile(rich) as package:
        infos = {info.filename: (info.date_time, info.external_attr, info.compress_size) for info in package.infolist()}
        assert package.comment == b"kept too"
    rich.write_bytes(packed)
    with zipfile.ZipFile(rich) as package:
        for info in package.infolist():
            if info.filename != SHEET:
                assert infos[info.filename] == (info.date_time, info.external_attr, info.compress_size)


def test_in_the_sheet_only_the_cell_changes(rich: Path) -> None:
    before = members(rich)[SHEET]
    write(rich, "NPS", "on track")
    after = members(rich)[SHEET]
    cell = b'<c r="E4" t="inlineStr"><is><t xml:space="preserve">on track</t></is></c>'
    assert after.count(cell) == 1
    assert after.replace(cell, b"") == before
    write(rich, "Share", "late")
    styled = members(rich)[SHEET]
    assert b'<c r="E5" s="' in styled
    assert b">late</t>" in styled


def test_another_reader_sees_what_was_written(rich: Path) -> None:
    write(rich, "NPS", "=1+1 is no formula\nhere")
    rows = python_calamine.CalamineWorkbook.from_path(rich).get_sheet_by_name("KPIs").to_python()
    assert rows[3][:5] == ["NPS", "Ada", 40, 41, "=1+1 is no formula\nhere"]
    assert rows[4][4] == "open"
    _, _, found = metrics(rich)
    assert found["NPS"].data["status"] == "=1+1 is no formula\nhere"


def test_writing_the_same_again_leaves_the_file_alone(rich: Path) -> None:
    first = write(rich, "NPS", "on track")
    content, state = rich.read_bytes(), rich.stat()
    second = write(rich, "NPS", "on track")
    assert (second.outcome, second.version) == (Outcome.APPLIED, first.version)
    assert (rich.read_bytes(), rich.stat().st_ino) == (content, state.st_ino)


def test_a_cell_can_be_emptied_and_keeps_its_format(rich: Path) -> None:
    assert write(rich, "Share", "").outcome is Outcome.APPLIED
    assert b'<c r="E5" s="' in members(rich)[SHEET]
    _, _, found = metrics(rich)
    assert found["Share"].data["status"] is None


def test_a_formula_is_not_overwritten(rich: Path) -> None:
    before = rich.read_bytes()
    receipt = write(rich, "NPS", "x", "Sum")
    assert receipt.outcome is Outcome.NOT_APPLIED
    assert "F4 holds a formula" in str(receipt.reason)
    assert rich.read_bytes() == before


@pytest.mark.parametrize("lock", ["~$rich.xlsm", ".~lock.rich.xlsm#"])
def test_a_file_that_somebody_has_open_is_left_alone_and_tried_again(rich: Path, lock: str) -> None:
    (rich.parent / lock).write_text("somebody")
    receipt = write(rich, "NPS", "x")
    assert receipt.outcome is Outcome.NOT_APPLIED
    assert receipt.retry_after


def test_a_row_that_changed_meanwhile_is_not_overwritten(rich: Path) -> None:
    source, stream, found = metrics(rich)
    write(rich, "NPS", "by somebody else")
    stale = change(found["NPS"], {"status": "x"}, base_version=found["NPS"].version)
    (receipt,) = source.write(stream, [stale])
    assert receipt.outcome is Outcome.NOT_APPLIED
    assert "changed since it was read" in str(receipt.reason)


def test_what_may_not_be_written_is_refused_with_the_remedy(rich: Path) -> None:
    source, stream, found = metrics(rich, "Status", "Comment")
    refusals: list[tuple[Change, str]] = [
        (change(found["NPS"], {"owner": "me"}), "not named in `write_back`"),
        (change(found["NPS"], {"comment": "x"}), "Add it beside the others"),
        (change(found["NPS"], {"status": "x"}, op=Op.DELETE), "neither added nor removed"),
    ]
    for asked, said in refusals:
        (receipt,) = source.write(stream, [asked])
        assert receipt.outcome is Outcome.NOT_APPLIED
        assert said in str(receipt.reason)
    rows = next(each for each in source.discover() if each.name == "rows")
    item = next(item for item in source.read(rows, None) if isinstance(item, Record))
    (receipt,) = source.write(rows, [change(item, {"status": "x"})])
    assert "stream `metrics`" in str(receipt.reason)


def test_other_formats_are_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("metric,period_start,value,status\nm,2026-01-01,1,\n")
    source = Spreadsheet(SpreadsheetConfig(path=path, write_back=("Status",)))
    rows = source.discover()[0]
    item = next(item for item in source.read(rows, None) if isinstance(item, Record))
    (receipt,) = source.write(rows, [change(item, {"status": "x"})])
    assert receipt.outcome is Outcome.NOT_APPLIED
    assert "Save it as .xlsx" in str(receipt.reason)


def test_a_signed_file_is_refused(rich: Path) -> None:
    with zipfile.ZipFile(rich, "a") as package:
        package.writestr("_xmlsignatures/origin.sigs", "")
    assert "signature" in str(write(rich, "NPS", "x").reason)


def test_the_status_of_a_long_table_is_written_in_its_row(tmp_path: Path) -> None:
    path = tmp_path / "long.xlsx"
    cells: list[list[str | float | None]] = [
        ["Metric", "Month", "Value", "Status"],
        ["a", "Jan 2026", 1, None],
        ["b", "Jan 2026", 2, None],
    ]
    write_workbook(path, {"S": cells})
    source = Spreadsheet(SpreadsheetConfig(path=path, write_back=("Status",)))
    rows = source.discover()[0]
    _, second = [item for item in source.read(rows, None) if isinstance(item, Record)]
    (receipt,) = source.write(rows, [change(second, {"status": "seen"})])
    assert receipt.outcome is Outcome.APPLIED
    items = [item for item in source.read(rows, None) if not isinstance(item, Checkpoint)]
    assert [item.data["status"] for item in items if isinstance(item, Record)] == [None, "seen"]
    assert items[1].key == second.key


def test_a_file_keeps_its_rights(rich: Path) -> None:
    rich.chmod(0o640)
    write(rich, "NPS", "x")
    assert rich.stat().st_mode & 0o777 == 0o640
    assert not list(rich.parent.glob(".rich*"))


def test_a_package_with_descriptors_and_other_order_is_spliced(tmp_path: Path) -> None:
    class Unseekable:
        def __init__(self, path: Path) -> None:
            self.file = path.open("wb")
            self.write: Callable[[bytes], int] = self.file.write
            self.flush: Callable[[], None] = self.file.flush

    path = tmp_path / "a.zip"
    target = Unseekable(path)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:  # type: ignore[call-overload]  # writes only
        for name in ("first", "second", "third"):
            package.writestr(name, name * 1000)
    target.file.close()
    for name in ("first", "second", "third"):
        written = tmp_path / f"{name}.zip"
        written.write_bytes(replace_member(path.read_bytes(), name, b"new" * 5000))
        expected = {other: (other * 1000).encode() for other in ("first", "second", "third")} | {name: b"new" * 5000}
        assert members(written) == expected
    with pytest.raises(SpliceError):
        replace_member(path.read_bytes(), "fourth", b"")
    with pytest.raises(SpliceError):
        replace_member(b"no zip", "first", b"")
