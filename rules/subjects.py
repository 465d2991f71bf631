"""The fields of `schema.Subject` as columns: what conditions ask, taken from a history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rules.columns import Entities, Rows
from rules.history import History

_SERIES: Mapping[str, str] = {
    "metric": "metric",
    "metric_kind": "kind",
    "unit": "unit",
    "direction": "direction",
    "cadence": "cadence",
    "calendar": "calendar",
    "indicator": "indicator",
    "thresholds": "thresholds",
    "self_reported": "self_reported",
    "incentive": "incentive",
}
"""Fields that a series has under the name on the right."""
_OWN = frozenset({"id", "title", "function", "org_unit", "level", "status", "parent", "retired"})
"""Fields that the subject's own table has under the same name, as far as it has them."""


def columns(history: History, kind: str, rows: Rows, fields: Sequence[str]) -> dict[str, list[Any]]:
    """Return the asked fields of some subjects, one list a field."""
    return {name: _column(history, kind, rows, name) for name in fields}


def _column(history: History, kind: str, rows: Rows, name: str) -> list[Any]:
    table = history.subjects(kind)
    if name == "kind":
        return [kind] * len(rows)
    if name in _OWN:
        return _take(table, name, rows)
    if name == "labels":
        return [found or {} for found in _take(table, name, rows)]
    if name == "org_path":
        return [org_path(history, unit) for unit in _take(table, "org_unit", rows)]
    if name == "has_owner":
        return _truth(_take(table, "owner", rows))
    return _of_series(history, kind, rows, name)


def _take(table: Entities, name: str, rows: Rows) -> list[Any]:
    found = getattr(table, name, None)
    return [""] * len(rows) if found is None else list(found[rows].tolist())


def _truth(values: Sequence[Any]) -> list[bool]:
    return [bool(value) for value in values]


def _of_series(history: History, kind: str, rows: Rows, name: str) -> list[Any]:
    """Look a field up at the first series that measures each subject; without one it is unknown."""
    measures = history.measures(kind)
    first = np.full(len(history.subjects(kind)), -1)
    first[measures.subject[::-1]] = measures.series[::-1]
    series = history.series
    derived: Mapping[str, Callable[[int], object]] = {
        "has_steward": lambda row: bool(series.steward[row]),
        "has_promise": lambda row: series.latency[row] is not None,
        "has_guardrail": lambda row: bool(series.guardrail[row]),
        "has_feed": lambda row: series.id[row] in history.feeds.row_of,
    }
    if name in derived:
        return [row >= 0 and derived[name](row) for row in first[rows]]
    values = getattr(series, _SERIES[name])
    unknown = series.columns()[_SERIES[name]].default
    return [
        values[row].item() if row >= 0 and values.dtype != object else values[row] if row >= 0 else unknown
        for row in first[rows]
    ]


def org_path(history: History, unit: str) -> tuple[str, ...]:
    """Return an org unit and all above it; a loop in the tree ends where it begins again."""
    path: list[str] = []
    while unit and unit not in path:
        path.append(unit)
        row = history.org_units.row_of.get(unit)
        unit = history.org_units.parent[row] if row is not None else ""
    return tuple(path)
