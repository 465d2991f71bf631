"""What files say to an audit: a folder of tables as it is, a CSV or workbook through the spreadsheet connector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rules.audit.folder import COLUMNS, implied, read_files
from rules.audit.intake import Line, Source, Unreadable

_TABLES = {"metrics": "series", "observations": "observations"}
_SHOWN_ONCE = ("owner", "steward", "function", "unit")
"""What long rows may say of their metric beside each value."""


def read_source(path: Path) -> Source:
    """Return what a path says; raises HistoryError or a ConnectorError that names the remedy."""
    if path.is_dir() and (path / "metrics.csv").exists():
        return read_files(path)
    return _read_spreadsheet(path)


def _read_spreadsheet(path: Path) -> Source:
    from connectors.sdk.protocol import Record, Rejected
    from connectors.spreadsheet.config import SpreadsheetConfig
    from connectors.spreadsheet.source import SpreadsheetSource
    from connectors.spreadsheet.streams import streams_of, table_of

    source = SpreadsheetSource(SpreadsheetConfig(path=path))
    notes = source.check().notes
    lines: dict[str, list[Line]] = {}
    unreadable: list[Unreadable] = []
    # An audit workbook is recognised by its sheets, so all of its tables are asked for.
    for stream in streams_of(SpreadsheetConfig(path=path, layout="audit")):
        name = table_of(stream) or ""
        for item in source.read(stream, None):
            if isinstance(item, Rejected):
                place, _, column = item.place.rpartition(", column ")
                unreadable.append(Unreadable(place or item.place, column, item.reason, item.remedy, "value"))
            elif isinstance(item, Record):
                lines.setdefault(name, []).append(Line(item.place or path.name, _cells(name, item.data)))
                if name == "observations":
                    lines.setdefault("stated", []).append(Line(item.place or path.name, dict(item.data)))
    stated = lines.pop("stated", [])
    lines["series"] = list(_series(lines.pop("metrics", []), stated, lines))
    left_out = [note for note in notes if "left out" in note or note.startswith("not read")]
    return Source(
        implied(lines),
        understood=tuple(note for note in notes if note not in left_out),
        ignored=tuple(left_out),
        unreadable=tuple(unreadable),
    )


def _cells(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record under the names of a history, with one series for each part of a metric."""
    columns = COLUMNS[name]
    cells = {columns[key]: value for key, value in data.items() if key in columns and value not in {None, ""}}
    if "series" in cells and name in {"observations", "targets"}:
        cells["series"] = _series_id(data)
    for key in ("latency_days", "thresholds"):
        if key in cells:
            cells[key] = f"{cells[key]:g}" if isinstance(cells[key], float) else str(cells[key])
    return cells


def _series_id(data: Mapping[str, Any]) -> str:
    parts = (data["metric"], data.get("segment"), data.get("org_unit"))
    return " / ".join(str(part) for part in parts if part)


def _series(metrics: list[Line], stated: list[Line], lines: Mapping[str, list[Line]]) -> Iterator[Line]:
    """Yield a series for each one with a value: what its metric's own row says, else what stands beside its values."""
    declared = {line.cells.get("id"): line for line in metrics}
    found: dict[str, Line] = {}
    for line in stated:
        name = _series_id(line.cells)
        own = declared.get(line.cells["metric"], Line(line.place, {}))
        if name not in found:
            found[name] = Line(own.place, {"title": name} | own.cells | {"id": name})
        beside = {key: str(line.cells[key]) for key in _SHOWN_ONCE if line.cells.get(key) and key not in own.cells}
        found[name].cells.update(beside)
    for line in lines.get("records", []):
        name = line.cells.get("series", "")
        if name and name not in found:
            found[name] = declared.get(name, Line(line.place, {"id": name}))
    yield from found.values()
    yield from (line for name, line in declared.items() if name not in found and not _is_split(str(name), found))


def _is_split(metric: str, found: Mapping[str, Line]) -> bool:
    return any(name.startswith(f"{metric} / ") for name in found)
