"""A small folder of files to try the connector on; see `connectors.sdk.testing`."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from connectors.sdk.protocol import Change, Op, Record, Stream
from connectors.sdk.testing import Sample
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.parsing.model import column_name
from connectors.spreadsheet.source import SpreadsheetSource

LONG = """metric,period_start,value,recorded_at,team
revenue,2026-01-01,1250.5,2026-02-03T08:00:00Z,north
revenue,2026-02-01,1300,2026-03-03T08:00:00Z,north
revenue,2026-02-01,1310,2026-03-05T08:00:00Z,north
churn,2026-01-01,,,
churn,2026-02-01,none,,
"""
Cells = Sequence[Sequence[str | float | None]]
SHEETS: dict[str, Cells] = {
    "Log": [
        ["Metric", "Month", "Value", "Status"],
        ["defects", "Jan 2026", 12, None],
        ["defects", "Feb 2026", 9, None],
    ],
    "KPIs": [["KPI", "Unit", "Target", "Jan 2026", "Feb 2026", "Status"], ["uptime", "%", 99, 99.5, 99.9, None]],
}
LONG_AGO = 1_767_225_600
"""A file that was just written may change again unseen, so these were written in January 2026."""
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


@contextmanager
def sample() -> Iterator[Sample]:
    """Write the files for as long as they are needed."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "numbers.csv").write_text(LONG, encoding="utf-8")
        write_workbook(Path(folder) / "progress.xlsx", SHEETS)
        for path in Path(folder).iterdir():
            os.utime(path, (LONG_AGO, LONG_AGO))
        yield Sample({"path": folder, "write_back": ["Status"]}, changes=lambda stream: _changes(Path(folder), stream))


def _changes(folder: Path, stream: Stream) -> list[Change]:
    read = SpreadsheetSource(SpreadsheetConfig(path=folder)).read(stream, None)
    there = [item for item in read if isinstance(item, Record) and item.data["_sheet"] in SHEETS]
    return [
        Change(id=f"c-{place}", op=Op.UPDATE, key=record.key, fields={"status": f"on track <{place}>"})
        for place, record in enumerate(there)
        if "status" in record.data
    ]


def write_workbook(path: Path, sheets: Mapping[str, Cells]) -> None:
    """Write a workbook with nothing but texts and numbers."""
    places = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="{SPREADSHEET}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/sheet{place}.xml" ContentType="{SPREADSHEET}.worksheet+xml"/>' for place in places
        )
        + "</Types>",
        "_rels/.rels": _relations({1: ("officeDocument", "xl/workbook.xml")}),
        "xl/_rels/workbook.xml.rels": _relations({place: ("worksheet", f"sheet{place}.xml") for place in places}),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(
            f'<sheet name={quoteattr(name)} sheetId="{place}" r:id="rId{place}"/>'
            for place, name in enumerate(sheets, start=1)
        )
        + "</sheets></workbook>",
    }
    parts |= {f"xl/sheet{place}.xml": _sheet(rows) for place, rows in enumerate(sheets.values(), start=1)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + content)


def _relations(targets: Mapping[int, tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="rId{place}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for place, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'


def _sheet(rows: Cells) -> str:
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = [_cell(f"{column_name(column)}{number}", value) for column, value in enumerate(row)]
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(place: str, value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'
