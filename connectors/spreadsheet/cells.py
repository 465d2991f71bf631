"""Cells as values. What can be read in two ways is not read at all: a wrong number is worse than none."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EXCERPT = 60


class UnreadableError(Exception):
    """Why a cell was not read, and what to do about it; it never leaves this connector."""

    def __init__(self, column: str, reason: str, remedy: str) -> None:
        super().__init__(f"{column}: {reason}. {remedy}")
        self.column, self.reason, self.remedy = column, reason, remedy


def number(column: str, text: str, *, decimal: str) -> float | int | None:
    """Read a number; an empty cell is unknown, not zero."""
    if not text:
        return None
    mark, other = (",", ".") if decimal == "comma" else (".", ",")
    plain = text.replace(mark, ".") if other not in text else ""
    if not NUMBER.fullmatch(plain):
        raise UnreadableError(column, f"{_shown(text)} is not plainly a number", _how_to_write(text, mark))
    value = float(plain)
    if math.isinf(value):
        raise UnreadableError(column, f"{_shown(text)} is too large", "Use a larger unit.")
    return int(plain) if WHOLE.fullmatch(plain) else value


def instant(column: str, text: str) -> date | datetime | None:
    """Read an ISO 8601 date, or date and time."""
    if not text:
        return None
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
        if DAY.match(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise UnreadableError(
        column, f"{_shown(text)} is not a date", "Write it as 2026-03-31, or as 2026-03-31T08:00:00Z."
    )


def utc(moment: date | datetime | None) -> datetime | None:
    """Return an instant only where the cell names one: a date or a time without zone is left to the calendar."""
    aware = isinstance(moment, datetime) and moment.tzinfo is not None
    return moment.astimezone(UTC) if aware and isinstance(moment, datetime) else None


def _how_to_write(text: str, mark: str) -> str:
    if "," in text or "." in text:
        other = "comma" if mark == "." else "point"
        return (
            f"Write it without thousands separators and with {mark!r} before the fraction, "
            f"or set `decimal: {other}` if the whole file is written so."
        )
    return "Write the number alone, without unit, currency, percent sign or spaces."


def _shown(text: str) -> str:
    return repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "...")
