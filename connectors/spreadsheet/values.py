"""Cells as values: what a workbook stores and what a text says come out alike."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connectors.spreadsheet.amounts import Amount, Mark, UnreadableError, read_amount, shown
from connectors.spreadsheet.periods import Calendar, Grain, Period, month_period, read_period

HUNDRED = 100
SIMPLE = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
"""What most cells look like; read at once."""
MONTHS_OF = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.HALF: 6, Grain.YEAR: 12}


def text_of(cell: Any) -> str:  # noqa: ANN401, PLR0911 - a cell; one return a kind
    """Write a cell as text; nothing as nothing."""
    if isinstance(cell, str):
        return cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, list):
        kind = cell[0]
        if kind == "merged":
            return text_of(cell[2])
        if kind == "percent":
            return f"{cell[1]:g}%"
        return "" if kind == "uncalculated" else str(cell[1])
    return str(cell)


def amount_of(cell: Any, mark: Mark | None, *, fraction: bool = False) -> Amount | None:  # noqa: ANN401 - a cell
    """Read a number; raises UnreadableError."""
    if isinstance(cell, str):
        if mark == "point" and SIMPLE.fullmatch(cell):
            return Amount(float(cell) if "." in cell else int(cell))
        read = read_amount(cell.strip(), mark)
        return Amount(read.value / HUNDRED) if read is not None and read.unit == "%" and fraction else read
    if isinstance(cell, list):
        return _amount_of_kind(cell, fraction=fraction)
    if isinstance(cell, bool):
        raise UnreadableError(f"{str(cell).upper()} is no number", "Write the number, or leave the cell empty.")
    return None if cell is None else Amount(cell)


def _amount_of_kind(cell: list[Any], *, fraction: bool) -> Amount | None:
    kind, *said = cell
    if kind == "percent":
        return Amount(said[0] / HUNDRED) if fraction else Amount(said[0], "%")
    if kind == "money":
        return Amount(said[0], said[1])
    if kind == "merged":
        place = said[0]
        raise UnreadableError(f"one number stands for several cells, beginning with {place}", "Give each its own cell.")
    _refuse_trouble(cell)
    raise UnreadableError(f"{text_of(cell)} is a date and no number", "Write the number, and format the cell as one.")


def _refuse_trouble(cell: list[Any]) -> None:
    if cell[0] == "uncalculated":
        remedy = "Open the file in a spreadsheet program and save it: that stores the results."
        raise UnreadableError(f"the formula ={cell[1].lstrip('=')} was not calculated", remedy)
    if cell[0] == "error":
        raise UnreadableError(f"the cell shows {cell[1]}", "Correct the formula, or leave the cell empty.")


def period_of(cell: Any, calendar: Calendar, *, year: int | None = None) -> Period | None:  # noqa: ANN401 - a cell
    """Read a period or date; None where there is none. Raises UnreadableError."""
    if isinstance(cell, str):
        return read_period(cell, calendar, year) if cell.strip() else None
    if isinstance(cell, list):
        if cell[0] == "merged":
            return period_of(cell[2], calendar, year=year)
        if cell[0] == "date":
            return _period_of_date(cell[1], cell[2])
        _refuse_trouble(cell)
    if cell is None:
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return read_period(text_of(cell), calendar, year)


def _period_of_date(iso: str, shortest: str) -> Period:
    """Read a date that is shown as `Oct 2026` as that month, whatever day the cell stores."""
    if shortest == "day":
        return Period(iso, None, Grain.DAY)
    day = date.fromisoformat(iso[:10])
    return month_period(day.year, day.month if shortest == "month" else 1, 1 if shortest == "month" else 12)


def ends_month(period: Period) -> bool:
    """Say whether a day is the last one of its month."""
    if period.grain is not Grain.DAY or len(period.start) != len("2026-03-31"):
        return False
    return (date.fromisoformat(period.start) + timedelta(days=1)).day == 1


def ending(period: Period, grain: Grain) -> Period:
    """Give the period that ends on a day."""
    last = date.fromisoformat(period.start[:10])
    if grain is Grain.DAY:
        return period
    if grain is Grain.WEEK:
        return Period((last - timedelta(days=6)).isoformat(), last.isoformat(), grain)
    first = last.year * 12 + last.month - MONTHS_OF[grain]
    found = month_period(first // 12, first % 12 + 1, MONTHS_OF[grain])
    if found.end != last.isoformat():
        raise UnreadableError(f"{last} is not the last day of a {grain}", "Correct the date, or change `grain`.")
    return found


def instant_of(cell: Any) -> str | None:  # noqa: ANN401 - a cell
    """Read a date, or date and time, as ISO text."""
    period = period_of(cell, Calendar())
    if period is None:
        return None
    if period.grain is not Grain.DAY:
        raise UnreadableError(f"{shown(text_of(cell))} is no day", "Write it as 2026-03-31, or 2026-03-31T08:00:00Z.")
    return period.start


def utc(iso: str | None) -> datetime | None:
    """Return an instant only where the text names one: a time without zone is left to the calendar."""
    if iso is None or len(iso) <= len("2026-03-31"):
        return None
    moment = datetime.fromisoformat(iso)
    return moment.astimezone(UTC) if moment.tzinfo else None
