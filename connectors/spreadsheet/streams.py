"""The streams: the tables of an audit folder, wherever in a spreadsheet they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from connectors.sdk.protocol import Stream
from connectors.spreadsheet.config import SpreadsheetConfig

Kind = Literal["text", "number", "date", "flag"]
OBSERVATIONS = "observations"
TYPES: dict[Kind, JsonValue] = {
    "text": ["string", "null"],
    "number": ["number", "null"],
    "date": ["string", "null"],
    "flag": ["boolean", "null"],
}


@dataclass(frozen=True)
class AuditTable:
    """One table of the audit folder's format."""

    stream: str
    title: str
    required: tuple[str, ...]
    subject: tuple[str, ...]
    """What a row is about: it keeps its key while these stay the same."""
    columns: Mapping[str, Kind]


def _columns(text: str = "", number: str = "", date: str = "", flag: str = "") -> dict[str, Kind]:
    kinds: dict[Kind, str] = {"text": text, "number": number, "date": date, "flag": flag}
    return {name: kind for kind, names in kinds.items() for name in names.split()}


AUDIT = {
    OBSERVATIONS: AuditTable(
        "rows",
        "Rows",
        ("metric", "period_start", "value"),
        ("metric", "period_start", "segment", "org_unit"),
        _columns(
            "metric segment org_unit unit reported_by source note",
            "value numerator denominator",
            "period_start period_end recorded_at",
        ),
    ),
    "metrics": AuditTable(
        "metrics",
        "Metrics",
        ("metric",),
        ("metric",),
        _columns(
            "metric name unit kind direction cadence thresholds calendar owner steward function guardrail "
            "system_of_record peers definition indicator",
            "latency_days",
            "",
            "self_reported incentive",
        ),
    ),
    "targets": AuditTable(
        "targets",
        "Targets",
        ("metric", "period_start", "target"),
        ("metric", "period_start", "segment", "org_unit"),
        _columns(
            "metric segment org_unit unit set_by reason",
            "target threshold stretch",
            "period_start period_end recorded_at",
        ),
    ),
    "records": AuditTable(
        "records",
        "Records",
        ("metric", "value"),
        ("metric", "record_id"),
        _columns("metric record_id actor", "value count", "time recorded_at"),
    ),
    "events": AuditTable(
        "events",
        "Events",
        ("item", "event", "time"),
        ("item", "event", "time"),
        _columns("item event actor metric detail", "", "time recorded_at"),
    ),
    "people": AuditTable(
        "people", "People", ("person",), ("person",), _columns("person unit function", "", "left_at", "active")
    ),
    "objectives": AuditTable(
        "objectives",
        "Objectives",
        ("objective",),
        ("objective",),
        _columns("objective parent name owner function level status", "", "period_start period_end"),
    ),
    "links": AuditTable(
        "links", "Links", ("from", "to", "kind"), ("from", "to", "kind"), _columns("from to kind owner", "", "since")
    ),
}
"""By the name of the sheet or file that holds them."""
ALWAYS = (OBSERVATIONS, "metrics", "targets")
"""What any layout can give; the others only stand in audit workbooks."""
ROWS = "rows"


def streams_of(config: SpreadsheetConfig) -> list[Stream]:
    """List the streams of a configuration; no file is opened for it."""
    tables = list(AUDIT) if config.layout == "audit" else ALWAYS
    rows = AUDIT.keys() if config.layout == "audit" else {OBSERVATIONS, "metrics"}
    return [_stream(name, config.write_back if name in rows else ()) for name in tables]


def table_of(stream: Stream) -> str | None:
    """Name the table that a stream is of."""
    return next((name for name, table in AUDIT.items() if table.stream == stream.name), None)


def _stream(name: str, write_back: tuple[str, ...]) -> Stream:
    table = AUDIT[name]
    properties: dict[str, JsonValue] = {column: {"type": TYPES[kind]} for column, kind in table.columns.items()}
    for column in table.subject:
        properties[column] = {"type": "string"}
    properties |= {
        "_file": {"type": "string"},
        "_sheet": {"type": "string", "description": "empty for a text file"},
        "_occurrence": {"type": "integer", "minimum": 1, "description": "of the rows about the same thing"},
    }
    required: list[JsonValue] = [*table.subject, "_file", "_sheet", "_occurrence"]
    return Stream(
        name=table.stream,
        title=table.title,
        json_schema={
            "type": "object",
            "required": required,
            "properties": properties,
            "additionalProperties": {"type": ["string", "null"], "description": "columns of your own, as text"},
        },
        primary_key=("_file", "_sheet", *table.subject, "_occurrence"),
        writable=tuple(" ".join(column.lower().split()) for column in write_back),
    )
