"""Read the cells of a record; what cannot be used says which column is wrong and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.core.instants import from_micros
from hub.metrics.service import ObservationDraft
from hub.syncing.mapping import LongLayout, Role
from hub.syncing.service.storing import Known
from rules import calendars
from rules.errors import RulesError


class UnusableError(Exception):
    """A record cannot become an observation; says which column is wrong and what to do."""

    def __init__(self, column: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.column = column
        self.remedy = remedy


def read_cells(
    layout: LongLayout, record: Known, series_id: int, cadence: str, calendar: calendars.Calendar
) -> ObservationDraft:
    """Read what a record says about a period of its series; raises UnusableError."""
    data = record.data
    start = _instant(layout, data, "period_start", calendar, "start")
    if start is None:
        raise UnusableError(layout.column("period_start"), "no period is named", "Fill it in.")
    end = _instant(layout, data, "period_end", calendar, "end")
    if end is not None and end <= start:
        reason = "the period ends before it begins"
        raise UnusableError(layout.column("period_end"), reason, "Swap or correct the two dates.")
    if end is None and calendars.cadence(cadence) is None:
        remedy = "Give period_end in every row, or give the series a cadence."
        raise UnusableError(layout.column("period_end"), "an irregular series has no period length", remedy)
    return ObservationDraft(
        series_id=series_id,
        period_start=start,
        period_end=end,
        value=_number(layout, data, "value"),
        numerator=_number(layout, data, "numerator"),
        denominator=_number(layout, data, "denominator"),
        recorded_at=_instant(layout, data, "recorded_at", calendar, "last"),
        reported_by=read_text(layout, data, "reported_by"),
        note=read_text(layout, data, "note"),
        source=record.public_id,
    )


def read_text(layout: LongLayout, data: Mapping[str, Any], role: Role) -> str | None:
    """Give what a cell says, without the blanks around it; None where it says nothing."""
    cell = layout.read(data, role)
    return None if cell is None or not str(cell).strip() else str(cell).strip()


def _instant(
    layout: LongLayout, data: Mapping[str, Any], role: Role, calendar: calendars.Calendar, day: calendars.DayEdge
) -> datetime | None:
    text = read_text(layout, data, role)
    if text is None:
        return None
    try:
        return from_micros(calendar.read(text, day=day))
    except (RulesError, OverflowError) as error:
        remedy = "Write a date as 2026-03-31, or an instant as 2026-03-31T08:00:00Z."
        raise UnusableError(layout.column(role), str(error), remedy) from error


def _number(layout: LongLayout, data: Mapping[str, Any], role: Role) -> float | None:
    cell = layout.read(data, role)
    if cell is None or cell == "":
        return None
    try:
        number = float(cell)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        remedy = "Write a number, or leave the cell empty where it is unknown."
        raise UnusableError(layout.column(role), f"{cell!r} is no number", remedy)
    return number
