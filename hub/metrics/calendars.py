"""From the rows of the ledger to the calendars of the rules, which alone know when a month ends."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub.core.errors import InvalidInputError
from hub.metrics.models import Calendar
from rules import calendars
from rules.durations import DAY, Duration
from rules.errors import RulesError

STRETCH_PERIODS = 4096
"""Periods in one stretch of a series' columns: 32 kB a column, so that an append rewrites little."""
_MONTH_DAYS = 30


def rules_calendar(row: Calendar) -> calendars.Calendar:
    """Give the calendar that a row describes; one that could never answer is an error with the remedy."""
    try:
        return calendars.Calendar(
            name=row.key,
            zone=row.zone,
            workdays=frozenset(row.working_days),
            country=row.country,
            subdivision=row.subdivision,
            days_off=frozenset(date.fromisoformat(day) for day in row.days_off),
            week_start=row.week_start,
            year_start=row.year_start,
        )
    except (RulesError, ValueError) as error:
        raise InvalidInputError(f"calendar {row.key!r}: {error}") from error


class Rhythm:
    """When the periods of some series end and their values are promised; remembers what it has computed."""

    def __init__(self, calendar: calendars.Calendar, cadence: str, latency: str) -> None:
        self._calendar = calendar
        self._length = calendars.cadence(cadence)
        self._latency = Duration.parse(latency) if latency else None
        self._ends: dict[int, int] = {}
        self._promises: dict[int, int] = {}
        self.stretch_width = stretch_width(cadence)

    def end_of(self, start: int) -> int:
        """Give the end of the period that begins at an instant; irregular series have to say it themselves."""
        if start not in self._ends:
            if self._length is None:
                raise InvalidInputError("an irregular series has no period length: give period_end with every value")
            self._ends[start] = self._calendar.add(start, self._length)
        return self._ends[start]

    def promised(self, end: int) -> int:
        """Give the instant by which the value of a period that ends then was promised to be there."""
        if end not in self._promises:
            self._promises[end] = self._calendar.add(end, self._latency) if self._latency else end
        return self._promises[end]


@lru_cache(maxsize=1000)
def stretch_width(cadence: str) -> int:
    """Give the microseconds that one stretch of a series' columns covers."""
    length = calendars.cadence(cadence)
    if length is None:
        return STRETCH_PERIODS * DAY
    return STRETCH_PERIODS * (length.microseconds + (length.days + length.months * _MONTH_DAYS) * DAY)


def period_name(zone: str, cadence: str, start: datetime) -> date | datetime:
    """Give what people call a period: its first day in the calendar's zone, or its instant where it is no whole day."""
    length = calendars.cadence(cadence)
    if length is not None and length.microseconds:
        return start
    return start.astimezone(ZoneInfo(zone)).date()


def read_cadence(text: str) -> str:
    """Give a cadence back unchanged if it is one."""
    try:
        calendars.cadence(text)
    except RulesError as error:
        raise InvalidInputError(str(error)) from error
    return text


def read_latency(text: str) -> str:
    """Give a freshness promise back unchanged if it is a duration, or empty."""
    try:
        return str(Duration.parse(text)) if text else ""
    except RulesError as error:
        raise InvalidInputError(str(error)) from error
