"""From plain rows to columns: everything that was ever recorded, and what of it was known on one day.

Rows are mappings with the columns of `tables` (grouped tables name their `series`). Values may be typed or text:
instants as int microseconds, datetime, date or ISO 8601; a date without a time is that whole day in the calendar of its
series.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.calendars import UNKNOWN, Calendar, cadence
from rules.columns import Column, Entities, Grouped, Instants, Rows, Table, Texts, Versioned, text
from rules.durations import Duration
from rules.errors import HistoryError, RulesError, suggest
from rules.tables import Series, tables

Row = Mapping[str, Any]
Frame = dict[str, NDArray[Any]]
SERIES = "series"
"""The column by which rows of grouped tables name their series."""


@dataclass(frozen=True)
class Ledger:
    """Everything that was ever recorded, version by version; `known` is the only way out, so nothing can look ahead."""

    calendars: Mapping[str, Calendar]
    frames: Mapping[str, Frame]
    more: Mapping[str, tuple[Row, ...]]

    @classmethod
    def of(
        cls,
        *,
        calendars: Iterable[Calendar | Row] = (),
        more: Mapping[str, Iterable[Row]] | None = None,
        **rows: Iterable[Row],
    ) -> Ledger:
        """Read rows by table name; a wrong column or value is a `HistoryError` that names table, row and column."""
        made = (entry if isinstance(entry, Calendar) else _calendar(entry) for entry in calendars)
        named = {calendar.name: calendar for calendar in made}
        kinds = {table.name: table for table in tables()}
        for name in rows:
            if name not in kinds:
                raise HistoryError(f"there is no table {name!r}{suggest(name, kinds)}")
        listed = {name: list(rows.get(name, ())) for name in kinds}
        # Where versions of a series name several calendars, its plain dates are read in that of the first.
        versions = sorted(
            listed["series"], key=lambda row: (str(row.get("recorded_at") or ""), row.get("calendar") or "")
        )
        zones = {row.get("id"): row.get("calendar") for row in reversed(versions)}

        def calendar_of(row: Row) -> Calendar:
            name = row["calendar"] if row.get("calendar") else zones.get(row.get(SERIES, row.get("id")))
            return named.get(name or "default") or named.get("default", Calendar())

        frames = {name: _read(kind, listed[name], calendar_of) for name, kind in kinds.items()}
        return cls(named, frames, {name: tuple(entries) for name, entries in (more or {}).items()})

    def known(self, as_of: int) -> dict[str, Any]:
        """Return the tables as they were known at an instant, by name, ready for `History`."""
        kinds = {table.name: table for table in tables()}
        series = _entities(Series, self.frames["series"], as_of)
        found: dict[str, Any] = {"series": series}
        for name, kind in kinds.items():
            if issubclass(kind, Grouped):
                found[name] = _grouped(kind, self._complete(kind, self.frames[name], series), series, as_of)
            elif issubclass(kind, Entities):
                found[name] = _entities(kind, self.frames[name], as_of)
            else:
                found[name] = _sorted(kind, self.frames[name], as_of)
        found["calendars"] = self.calendars
        found["more"] = {
            name: tuple(row for row in rows if row.get("recorded_at", UNKNOWN) <= as_of)
            for name, rows in self.more.items()
        }
        return found

    def _complete(self, kind: type[Grouped], frame: Frame, series: Series) -> Frame:
        """Fill in what a period's start, the cadence and the promise imply."""
        if not issubclass(kind, Versioned) or not len(frame[SERIES]):
            return frame
        owner = series.rows_of(frame[SERIES])
        frame = dict(frame)
        frame["end"] = self._each(owner, frame["start"], frame["end"], series, _period_end)
        if "recorded_imputed" in frame:
            frame["recorded_imputed"] = frame["recorded_imputed"] | (frame["recorded_at"] == UNKNOWN)
            frame["recorded_at"] = self._each(owner, frame["end"], frame["recorded_at"], series, _promised)
        return frame

    def _each(
        self, owner: Rows, base: Instants, filled: Instants, series: Series, rule: Callable[..., int]
    ) -> Instants:
        """Fill unknown instants by a rule of the series, once for each distinct case."""
        filled = filled.copy()
        todo = np.flatnonzero((filled == UNKNOWN) & (owner >= 0))
        cache: dict[tuple[Any, ...], int] = {}
        for row in todo:
            index = owner[row]
            case = (series.cadence[index], series.latency[index], series.calendar[index], int(base[row]))
            if case not in cache:
                cache[case] = rule(*case[:2], self._calendar(case[2]), case[3])
            filled[row] = cache[case]
        return filled

    def _calendar(self, name: str) -> Calendar:
        return self.calendars.get(name or "default", Calendar())


def _period_end(rhythm: str, _latency: Duration | None, calendar: Calendar, start: int) -> int:
    length = cadence(rhythm)
    if length is not None:
        return calendar.add(start, length)
    whole_day = calendar.at(calendar.day_of(start)) == start
    return calendar.add(start, Duration(days=1)) if whole_day else start


def _promised(_rhythm: str, latency: Duration | None, calendar: Calendar, end: int) -> int:
    return calendar.add(end, latency) if latency else end


def _grouped(kind: type[Grouped], frame: Frame, series: Series, as_of: int) -> Grouped:
    owner = series.rows_of(frame[SERIES])
    keep = np.flatnonzero((owner >= 0) & (frame["recorded_at"] <= as_of))
    owner, columns = owner[keep], {name: frame[name][keep] for name in kind.columns()}
    order = _order(kind, columns, owner)
    counts = np.bincount(owner, minlength=len(series))
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return kind(**{name: array[order] for name, array in columns.items()}, offsets=offsets)


def _entities(kind: type[Entities], frame: Frame, as_of: int) -> Any:  # noqa: ANN401 - one function for every kind of table
    recorded = np.where(frame["recorded_at"] == UNKNOWN, frame.get("last_attempt", UNKNOWN), frame["recorded_at"])
    keep = np.flatnonzero(recorded <= as_of)
    ids = frame[next(iter(kind.columns()))][keep]
    order = _order(kind, {name: frame[name][keep] for name in kind.columns()}, _codes(ids), recorded[keep])
    ids = ids[order]
    last = np.append(ids[1:] != ids[:-1], True) if len(ids) else np.zeros(0, dtype=np.bool_)
    return kind(**{name: frame[name][keep][order][last] for name in kind.columns()})


def _sorted(kind: type[Table], frame: Frame, as_of: int) -> Table:
    keep = np.flatnonzero(frame["recorded_at"] <= as_of)
    columns = {name: frame[name][keep] for name in kind.columns()}
    order = _order(kind, columns)
    return kind(**{name: array[order] for name, array in columns.items()})


def _order(kind: type[Table], columns: Frame, *first: NDArray[Any]) -> Rows:
    """Return the order of a table's rows: its own key, then all that sorts, so that the input's order never shows."""
    named = [*kind.order, *(name for name in columns if name not in kind.order)]
    keys = [*first, *(columns[name] for name in named)]
    varied = [key for key in keys if not all(value is key[0] for value in key)] if len(keys[0]) else []
    sortable = [_codes(key) if key.dtype == object else key for key in varied]
    return np.lexsort(sortable[::-1]) if sortable else np.arange(len(keys[0]))


def _codes(words: Texts) -> Rows:
    return np.unique(np.array([str(word) for word in words]), return_inverse=True)[1].reshape(-1)


def _read(kind: type[Table], rows: list[Row], calendar_of: Callable[[Row], Calendar]) -> Frame:
    specs = dict(kind.columns())
    allowed = {*specs, SERIES} if issubclass(kind, Grouped) else set(specs)
    for index, row in enumerate(rows, start=1):
        for name in row:
            if name not in allowed:
                raise HistoryError(f"{kind.name} row {index}: there is no column {name!r}{suggest(str(name), allowed)}")
    frame = {name: _column(kind, name, spec, rows, calendar_of) for name, spec in specs.items()}
    if issubclass(kind, Grouped):
        spec = text("the series it belongs to", required=True)
        frame[SERIES] = _column(kind, SERIES, spec, rows, calendar_of)
    return frame


def _column(
    kind: type[Table], name: str, spec: Column, rows: list[Row], calendar_of: Callable[[Row], Calendar]
) -> NDArray[Any]:
    array: NDArray[Any] = np.empty(len(rows), dtype=spec.dtype)
    for index, row in enumerate(rows):
        value = row.get(name)
        if value is None or (isinstance(value, str) and not value):
            if spec.required and spec.kind != "number":
                raise HistoryError(f"{kind.name} row {index + 1}: {name} is missing ({spec.meaning})")
            array[index] = spec.default
            continue
        try:
            array[index] = _READ[spec.kind](value, spec, calendar_of(row))
        except (RulesError, ValueError, TypeError, OverflowError) as error:
            raise HistoryError(f"{kind.name} row {index + 1}, {name}: {error}") from error
    return array


def _instant(value: object, spec: Column, calendar: Calendar) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str | date):
        return calendar.read(value, day=spec.day)
    raise HistoryError(f"{value!r} is no instant: write microseconds, a date or 2026-03-31T08:00:00Z")


def _number(value: Any, _spec: Column, _calendar: Calendar) -> float:  # noqa: ANN401 - whatever a source gives
    if isinstance(value, bool):
        raise HistoryError(f"{value!r} is no number: leave it empty where it is unknown")
    number = float(value)
    if math.isinf(number) or (isinstance(value, str) and math.isnan(number)):
        raise HistoryError(f"{value!r} is no number: leave it empty where it is unknown")
    return number


def _flag(value: object, _spec: Column, _calendar: Calendar) -> bool:
    found = {"true": True, "false": False}.get(str(value).lower())
    if found is None:
        raise HistoryError(f"{value!r} is neither true nor false")
    return found


def _duration(value: Any, _spec: Column, _calendar: Calendar) -> Duration:  # noqa: ANN401 - whatever a source gives
    return value if isinstance(value, Duration) else Duration.parse(str(value))


def _numbers(value: Any, _spec: Column, _calendar: Calendar) -> tuple[float, ...]:  # noqa: ANN401 - whatever a source gives
    parts = value.split(";") if isinstance(value, str) else value if isinstance(value, Iterable) else (value,)
    return tuple(float(part) for part in parts)


def _labels(value: Any, _spec: Column, _calendar: Calendar) -> dict[str, str]:  # noqa: ANN401 - whatever a source gives
    return {str(name): str(word) for name, word in sorted(dict(value).items())}


_READ: Mapping[str, Callable[[Any, Column, Calendar], Any]] = {
    "text": lambda value, _spec, _calendar: str(value),
    "instant": _instant,
    "number": _number,
    "flag": _flag,
    "duration": _duration,
    "numbers": _numbers,
    "labels": _labels,
}


def _calendar(row: Row) -> Calendar:
    try:
        given = dict(row)
        if "workdays" in given:
            given["workdays"] = frozenset(given["workdays"])
        if "days_off" in given:
            given["days_off"] = frozenset(
                day if isinstance(day, date) else date.fromisoformat(day) for day in given["days_off"]
            )
        return Calendar(**given)
    except (TypeError, ValueError) as error:
        raise HistoryError(f"calendar {row.get('name')!r}: {error}") from error
