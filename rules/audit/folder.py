"""Read an audit folder: one organisation's measurements as plain CSV files that any tool can write.

Files (only `metrics.csv` and one of `observations.csv`, `records.csv` are needed; an empty cell is unknown, a column
that is not listed is left alone, dates are ISO 8601, a plain date is that whole day and ends are included):

    metrics       metric, name, unit, kind, direction, cadence, thresholds (separated by ;), calendar, latency_days,
                  owner, steward, function, guardrail, self_reported, incentive, system_of_record, peers, definition,
                  indicator
    observations  metric, period_start, value, period_end, numerator, denominator, recorded_at, reported_by, source,
                  note
    records       metric, value, record_id, time, actor, count, recorded_at
    targets       metric, period_start, target, period_end, threshold, stretch, recorded_at, set_by, reason
    events        item, event, time, actor, metric, detail, recorded_at
    people        person, unit, function, active, left_at
    objectives    objective, parent, name, owner, function, level, period_start, period_end, status
    links         from, to, kind, owner, since

`as_of.txt` holds one date: *now* for every rule; without it now is when the newest row became known. Several rows for
one metric and period are versions, ordered by `recorded_at`. Where `people.csv` is there, an empty owner means that
there is none. One metric of a folder is one series.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rules.audit.intake import Line, Source, Unreadable, take_in
from rules.errors import HistoryError
from rules.history import History

_PERIOD = {"metric": "series", "period_start": "start", "period_end": "end", "recorded_at": "recorded_at"}
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "metrics": {"metric": "id", "name": "title"}
    | {
        name: name
        for name in (
            *("unit", "kind", "direction", "cadence", "thresholds", "calendar", "latency_days", "owner", "steward"),
            *("function", "guardrail", "self_reported", "incentive", "system_of_record", "peers", "definition"),
            "indicator",
        )
    },
    "observations": _PERIOD
    | {name: name for name in ("value", "numerator", "denominator", "reported_by", "source", "note")},
    "records": {"metric": "series", "record_id": "record"}
    | {name: name for name in ("time", "value", "count", "actor", "recorded_at")},
    "targets": _PERIOD | {name: name for name in ("target", "threshold", "stretch", "set_by", "reason")},
    "events": {"item": "item", "metric": "series"}
    | {name: name for name in ("item", "event", "time", "actor", "detail", "recorded_at")},
    "people": {"person": "id", "unit": "org_unit"} | {name: name for name in ("function", "active", "left_at")},
    "objectives": {"objective": "id", "name": "title", "period_start": "start", "period_end": "end"}
    | {name: name for name in ("parent", "owner", "function", "level", "status")},
    "links": {"from": "source", "to": "target"} | {name: name for name in ("kind", "owner", "since")},
}
"""Columns of each file, and what they are called in a history."""
_TABLES = {"metrics": "series"}
_LEFT_ALONE = frozenset({"labels.csv"})
"""Labels are for a scorer; no rule may see them."""


def read_folder(path: Path, as_of: str | None = None) -> History:
    """Return the history that a folder describes; a folder without a value is a `HistoryError`."""
    return take_in(read_files(path), as_of).history


def read_files(path: Path) -> Source:
    """Return what the files of a folder say; a file that is none of ours or no table is a `HistoryError`."""
    if not (path / "metrics.csv").exists():
        raise HistoryError(f"{path} is no audit folder: it needs metrics.csv, with one row a metric")
    if not any((path / name).exists() for name in ("observations.csv", "records.csv")):
        raise HistoryError(f"{path} holds no values: it needs observations.csv or records.csv")
    reading = _Reading()
    lines = {_TABLES.get(name, name): list(reading.file(path / f"{name}.csv", COLUMNS[name])) for name in COLUMNS}
    ignored = reading.ignored + [f"{name} is no table of an audit folder" for name in _others(path)]
    moment = path / "as_of.txt"
    as_of = moment.read_text("utf-8").strip() if moment.exists() else ""
    return Source(implied(lines), as_of, tuple(reading.understood), tuple(ignored), tuple(reading.unreadable))


def implied(lines: Mapping[str, list[Line]]) -> dict[str, list[Line]]:
    """Return the tables of a history from those of a folder: ownership and definitions stand beside metrics there."""
    metrics = lines.get("series", [])
    return dict(lines) | {
        "series": [Line(line.place, _series(line.cells)) for line in metrics],
        "definitions": [
            Line(line.place, {"metric": line.cells["id"], "wording": line.cells["definition"]})
            for line in metrics
            if {"id", "definition"} <= line.cells.keys()
        ],
        "ownership": [
            *_ownership(metrics, "owner"),
            *_ownership(metrics, "steward"),
            *_ownership(lines.get("objectives", []), "owner"),
        ],
    }


def _series(cells: Mapping[str, object]) -> dict[str, object]:
    known = {name: cell for name, cell in cells.items() if name not in {"latency_days", "definition"}}
    latency = {"latency": f"{cells['latency_days']}d"} if "latency_days" in cells else {}
    return known | ({"metric": cells["id"]} if "id" in cells else {}) | latency


def _ownership(lines: Iterable[Line], role: str) -> Iterator[Line]:
    for place, cells in lines:
        if role in cells and "id" in cells:
            yield Line(place, {"subject": cells["id"], "role": role, "person": cells[role]})


def _others(path: Path) -> Iterator[str]:
    known = {f"{name}.csv" for name in COLUMNS} | {"as_of.txt"} | _LEFT_ALONE
    yield from sorted(entry.name for entry in path.iterdir() if entry.is_file() and entry.name not in known)


class _Reading:
    """Reads CSV files, and keeps what was noticed."""

    def __init__(self) -> None:
        self.understood: list[str] = []
        self.ignored: list[str] = []
        self.unreadable: list[Unreadable] = []

    def file(self, path: Path, columns: Mapping[str, str]) -> Iterator[Line]:
        """Yield the rows of a file without empty cells, under the names of a history; none where there is no file."""
        if not path.exists():
            return
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            try:
                self._names(path.name, reader.fieldnames or (), columns)
                for cells in reader:
                    place = f"{path.name}, row {reader.line_num}"
                    if None in cells:
                        remedy = "Put a text that holds commas between quotes."
                        more = "it has more cells than there are columns"
                        self.unreadable.append(Unreadable(place, "", more, remedy, "row"))
                        continue
                    yield Line(place, {columns[name]: cell for name, cell in cells.items() if name in columns and cell})
            except UnicodeDecodeError as error:
                raise HistoryError(f"{path.name} is not UTF-8: save it as CSV UTF-8") from error
            except csv.Error as error:
                raise HistoryError(f"{path.name}, row {reader.line_num}: {error}: correct the quoting there") from error

    def _names(self, name: str, there: Iterable[str], columns: Mapping[str, str]) -> None:
        found = list(there)
        key = next(iter(columns))
        if key not in found:
            raise HistoryError(f"{name} has no column {key}; its first row names: {', '.join(found) or 'none'}")
        known = [column for column in found if column in columns]
        self.understood.append(f"{name}: {', '.join(known)}")
        if others := [column for column in found if column not in columns]:
            self.ignored.append(f"{name}: columns that no check knows: {', '.join(others)}")
