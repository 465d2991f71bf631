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

from rules.calendars import UNKNOWN, Calendar
from rules.errors import HistoryError
from rules.history import History
from rules.ledger import Ledger

Cells = dict[str, str]
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
    "events": {"metric": "series"}
    | {name: name for name in ("item", "event", "time", "actor", "detail", "recorded_at")},
    "people": {"person": "id", "unit": "org_unit"} | {name: name for name in ("function", "active", "left_at")},
    "objectives": {"objective": "id", "name": "title", "period_start": "start", "period_end": "end"}
    | {name: name for name in ("parent", "owner", "function", "level", "status")},
    "links": {"from": "source", "to": "target"} | {name: name for name in ("kind", "owner", "since")},
}
"""Columns of each file, and what they are called in a history."""
_NO_DATE_LIMIT = 2**62


def read_folder(path: Path) -> History:
    """Return the history that a folder describes; what cannot be read is a `HistoryError` that names file and row."""
    if not (path / "metrics.csv").exists():
        raise HistoryError(f"{path} is no audit folder: it needs metrics.csv, with one row a metric")
    files = {name: list(_read(path / f"{name}.csv", columns)) for name, columns in COLUMNS.items()}
    if not (files["observations"] or files["records"]):
        raise HistoryError(f"{path} holds no values: it needs observations.csv or records.csv")
    metrics = files.pop("metrics")
    tables: dict[str, list[Cells]] = files | {
        "definitions": [{"metric": row["id"], "wording": row["definition"]} for row in metrics if "definition" in row],
        "ownership": [
            *_ownership(metrics, "owner"),
            *_ownership(metrics, "steward"),
            *_ownership(files["objectives"], "owner"),
        ],
        "series": [_series(row) for row in metrics],
    }
    ledger = Ledger.of(calendars=_calendars(metrics), **tables)  # type: ignore[arg-type] # tables by name
    return _on_its_day(path, ledger)


def _read(path: Path, columns: Mapping[str, str]) -> Iterator[Cells]:
    """Yield the rows of a file without empty cells, under the names of a history; none where there is no file."""
    if not path.exists():
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield {columns[name]: cell for name, cell in row.items() if name in columns and cell}


def _series(row: Cells) -> Cells:
    known = {name: cell for name, cell in row.items() if name not in {"latency_days", "definition"}}
    latency = {"latency": f"{row['latency_days']}d"} if "latency_days" in row else {}
    return known | {"metric": row.get("id", "")} | latency


def _ownership(rows: Iterable[Cells], role: str) -> Iterator[Cells]:
    for row in rows:
        if role in row:
            yield {"subject": row["id"], "role": role, "person": row[role]}


def _calendars(metrics: Iterable[Cells]) -> list[Calendar]:
    """Return a calendar for each one that is named; a name of two letters is a country whose holidays are days off."""
    names = sorted({row["calendar"] for row in metrics if "calendar" in row})
    return [Calendar(name=name, country=name.upper() if len(name) == len("DE") else "") for name in names]


def _on_its_day(path: Path, ledger: Ledger) -> History:
    file = path / "as_of.txt"
    if file.exists():
        return History.of(ledger, Calendar().read(file.read_text("utf-8").strip(), day="last"))
    known = ledger.known(_NO_DATE_LIMIT)
    dated = (known[name].recorded_at for name in ("observations", "records", "targets", "events") if len(known[name]))
    newest = max((int(column.max()) for column in dated), default=UNKNOWN)
    if newest == UNKNOWN:
        newest = 0  # records without a time: no rule that they can answer depends on now
    return History(as_of=newest, **known)
