"""From rows as they stand in files to a history: what cannot be read is named and left out, and the rest goes on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from rules.calendars import UNKNOWN, Calendar, cadence
from rules.columns import Column, Entities, Grouped, Table
from rules.durations import DAY, Duration
from rules.errors import HistoryError, RulesError
from rules.history import History
from rules.ledger import SERIES, Ledger
from rules.tables import tables

Cells = dict[str, Any]
_NO_DATE_LIMIT = 2**62
_COUNTRY = len("DE")
_REMEDY: Mapping[str, str] = {
    "instant": "Write 2026-03-31 or 2026-03-31T08:00:00Z, or leave the cell empty if it is unknown.",
    "number": "Write the number alone, with a point before its fraction, or leave the cell empty if it is unknown.",
    "flag": "Write true or false, or leave the cell empty if it is unknown.",
    "duration": "Write a number of days, or leave the cell empty if nothing is promised.",
    "numbers": "Write numbers with ; between them, such as 90;95.",
}
_CADENCE = "Write hourly, daily, weekly, monthly, quarterly, yearly, irregular, or a length such as PT5M."
_RHYTHMS: Mapping[str, tuple[int, int]] = {
    "daily": (1, 1),
    "weekly": (7, 7),
    "monthly": (28, 31),
    "quarterly": (90, 92),
    "yearly": (365, 366),
}
"""Days from one period to the next that tell a cadence, least and most."""


class Line(NamedTuple):
    """One row of a file: where a person finds it, and its cells under the names of a history."""

    place: str
    cells: Cells


class Unreadable(NamedTuple):
    """A cell that could not be read, what to do about it, and what was left out meanwhile."""

    place: str
    field: str
    reason: str
    remedy: str
    left_out: str

    def __str__(self) -> str:
        """Say it in one line."""
        where = f"{self.place}, {self.field}" if self.field else self.place
        return f"{where}: {self.reason}. {self.remedy} Left out: the {self.left_out}."


@dataclass(frozen=True)
class Source:
    """What files say: lines by table, the instant they call now, and what was noticed while reading them."""

    lines: Mapping[str, Sequence[Line]]
    as_of: str = ""
    understood: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True)
class Intake:
    """A history, and what was understood, ignored and unreadable on the way to it."""

    history: History
    understood: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


def join(sources: Sequence[Source]) -> Source:
    """Return several sources as one organisation's; the latest of their instants is now."""
    lines: dict[str, list[Line]] = {}
    for source in sources:
        for name, rows in source.lines.items():
            lines.setdefault(name, []).extend(rows)
    return Source(
        lines,
        max((source.as_of for source in sources), default=""),
        tuple(note for source in sources for note in source.understood),
        tuple(note for source in sources for note in source.ignored),
        tuple(note for source in sources for note in source.unreadable),
    )


def take_in(source: Source, as_of: str | None = None) -> Intake:
    """Return the history of a source, as known on a day of choice, else on its own, else when its newest row was known.

    Without a single value, or with a day that is none, it is a `HistoryError`.
    """
    calendars, bad_calendars = _calendars(source.lines.get("series", ()))
    cleaning = _Cleaning({calendar.name: calendar for calendar in calendars})
    cleaning.unreadable += [*source.unreadable, *bad_calendars]
    rows = {name: cleaning.table(name, lines) for name, lines in source.lines.items()}
    if not (rows.get("observations") or rows.get("records")):
        raise HistoryError(
            "no values could be read: at least one row of observations or records has to be right. "
            + " ".join(map(str, cleaning.unreadable[:3]))
        )
    said = [*source.understood, *_fill_in_cadences(rows)]
    ignored = [*source.ignored, *_strangers(rows)]
    found = dict[str, Any](rows)
    ledger = Ledger.of(calendars=[*calendars, Calendar(name="default")], **found)
    history = _on_its_day(ledger, as_of or source.as_of)
    said.append(_extent(history))
    return Intake(history, tuple(said), tuple(ignored), tuple(cleaning.unreadable))


@dataclass
class _Cleaning:
    """Reads cells by the kind of their column; what cannot be read is collected."""

    calendars: Mapping[str, Calendar]
    unreadable: list[Unreadable] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    """Calendar of each series."""
    known: dict[tuple[str, str, str, str], Any] = field(default_factory=dict)

    def table(self, name: str, lines: Iterable[Line]) -> list[Cells]:
        kind = next(table for table in tables() if table.name == name)
        specs = kind.columns()
        needed = [name for name, spec in specs.items() if spec.required and spec.kind != "number"]
        needed += [SERIES] if issubclass(kind, Grouped) else []
        rows = [row for line in lines if (row := self.row(kind, specs, needed, line)) is not None]
        if name == "series":
            self.named = {row["id"]: row.get("calendar", "") for row in rows}
        return rows

    def row(self, kind: type[Table], specs: Mapping[str, Column], needed: list[str], line: Line) -> Cells | None:
        """Return a row of typed cells; None if it has to be left out."""
        cells: Cells = {}
        calendar = line.cells.get("calendar") or self.named.get(line.cells.get(SERIES, ""), "")
        for name, cell in line.cells.items():
            if name == SERIES and name not in specs:
                cells[name] = str(cell)
                continue
            spec = specs[name]
            try:
                cells[name] = self.cell(name, cell, spec, calendar)
            except (RulesError, ValueError, OverflowError) as error:
                rescued = issubclass(kind, Entities) and not spec.required
                reason = str(error) if isinstance(error, RulesError) else f"{cell!r} cannot be read"
                remedy = _CADENCE if name == "cadence" else _REMEDY.get(spec.kind, "Correct the cell.")
                self.unreadable.append(Unreadable(line.place, name, reason, remedy, "cell" if rescued else "row"))
                if not rescued:
                    return None
        missing = next((name for name in needed if cells.get(name, "") == ""), None)
        if missing:
            self.unreadable.append(Unreadable(line.place, missing, "it is empty", "Fill it in.", "row"))
        return None if missing else cells

    def cell(self, name: str, cell: object, spec: Column, calendar: str) -> Any:  # noqa: ANN401 - by the column's kind
        if name == "cadence":
            cadence(str(cell))
        if not isinstance(cell, str):
            return cell
        key = (spec.kind, spec.day, calendar, cell)
        if key not in self.known:
            self.known[key] = _READ[spec.kind](cell, spec, self.calendars.get(calendar) or Calendar())
        return self.known[key]


def _number(cell: str) -> float:
    number = float(cell)
    if not math.isfinite(number):
        raise HistoryError(f"{cell!r} is no number")
    return number


def _flag(cell: str) -> bool:
    found = {"true": True, "false": False}.get(cell.lower())
    if found is None:
        raise HistoryError(f"{cell!r} is neither true nor false")
    return found


_READ: Mapping[str, Callable[[str, Column, Calendar], Any]] = {
    "text": lambda cell, _spec, _calendar: cell,
    "instant": lambda cell, spec, calendar: calendar.read(cell, day=spec.day),
    "number": lambda cell, _spec, _calendar: _number(cell),
    "flag": lambda cell, _spec, _calendar: _flag(cell),
    "duration": lambda cell, _spec, _calendar: Duration.parse(cell),
    "numbers": lambda cell, _spec, _calendar: tuple(_number(part) for part in cell.split(";")),
}


def _calendars(lines: Iterable[Line]) -> tuple[list[Calendar], list[Unreadable]]:
    """Return a calendar for each one that is named; a name of two letters is a country whose holidays are days off."""
    places: dict[str, str] = {}
    for line in lines:
        if line.cells.get("calendar"):
            places.setdefault(str(line.cells["calendar"]), line.place)
    made, bad = [], []
    for name, place in sorted(places.items()):
        try:
            made.append(Calendar(name=name, country=name.upper() if len(name) == _COUNTRY else ""))
        except RulesError as error:
            remedy = "Name a country by its two letters, such as DE."
            bad.append(Unreadable(place, "calendar", str(error), remedy, "country's holidays"))
            made.append(Calendar(name=name))
    return made, bad


def _fill_in_cadences(rows: Mapping[str, list[Cells]]) -> Iterator[str]:
    """Give each series without a cadence the one that its periods show, and say so."""
    starts: dict[str, set[int]] = {}
    lengths: dict[str, list[float]] = {}
    silent = {row["id"]: row for row in rows.get("series", ()) if "cadence" not in row}
    for row in rows.get("observations", ()):
        if row[SERIES] in silent:
            starts.setdefault(row[SERIES], set()).add(row["start"])
            if "end" in row:
                lengths.setdefault(row[SERIES], []).append((row["end"] - row["start"]) / DAY)
    found: Counter[str] = Counter()
    for name, instants in starts.items():
        gaps = lengths.get(name) or [(after - before) / DAY for before, after in pairwise(sorted(instants))]
        for rhythm, (least, most) in _RHYTHMS.items():
            # A clock change makes a local day 23 or 25 hours long, and a report may be left out now and then.
            if gaps and least - 0.05 <= float(np.median(gaps)) <= most + 0.05:
                silent[name]["cadence"] = rhythm
                found[rhythm] += 1
    for rhythm, count in sorted(found.items()):
        metrics = "metric" if count == 1 else "metrics"
        yield f"cadence {rhythm} was read from the periods of {count} {metrics} without one"


def _strangers(rows: Mapping[str, list[Cells]]) -> Iterator[str]:
    listed = {row["id"] for row in rows.get("series", ())}
    for name in ("observations", "records", "targets"):
        strangers = Counter(row[SERIES] for row in rows.get(name, ()) if row[SERIES] not in listed)
        if strangers:
            first = ", ".join(sorted(strangers)[:3])
            more = f" and {len(strangers) - 3} more" if len(strangers) > 3 else ""  # noqa: PLR2004 - as many as were named
            yield f"{strangers.total()} rows of {name} speak of metrics that are not listed: {first}{more}"


def _on_its_day(ledger: Ledger, as_of: str) -> History:
    if as_of:
        return History.of(ledger, Calendar().read(as_of, day="last"))
    known = ledger.known(_NO_DATE_LIMIT)
    dated = (known[name].recorded_at for name in ("observations", "records", "targets", "events") if len(known[name]))
    newest = max((int(column.max()) for column in dated), default=UNKNOWN)
    # Records without a time: no rule that they can answer depends on now.
    return History(as_of=0 if newest == UNKNOWN else newest, **known)


def _extent(history: History) -> str:
    counts = {"metrics": len(history.series)} | {
        name: len(getattr(history, name))
        for name in ("observations", "records", "targets", "events", "people", "objectives", "links")
    }
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
