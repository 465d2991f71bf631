"""How instants, days, weeks and numbers are written for people: by babel, in the reader's own zone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent
from flask import g
from markupsafe import Markup

from hub.web.requests import state

LOCALE = "en"
UNKNOWN = "\u2013"
"""What stands where there is no value."""


def zone_names() -> list[str]:
    """List the zones that somebody may choose."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


def zone() -> ZoneInfo:
    """Give the reader's zone, else the deployment's."""
    reader = g.get("principal")
    name = reader.zone if reader is not None else state().settings.time_zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def instant(value: datetime | None) -> str:
    """Write an instant as an HTML time element: readable here, exact for machines."""
    if value is None:
        return UNKNOWN
    local = value.astimezone(zone())
    text = format_datetime(local, "d MMM yyyy, HH:mm", locale=LOCALE)
    name = f"{value.isoformat(timespec='seconds')} ({local.tzname()})"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(value.isoformat(), name, text)


def day(value: date | None) -> str:
    """Write a day; an instant is written as the day it falls on here."""
    if value is None:
        return UNKNOWN
    local = value.astimezone(zone()).date() if isinstance(value, datetime) else value
    text = format_date(local, "d MMM yyyy", locale=LOCALE)
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(), text)


def week(value: date) -> str:
    """Write the ISO week of a day or instant, such as 2026-W10."""
    local = value.astimezone(zone()).date() if isinstance(value, datetime) else value
    year, number, _ = local.isocalendar()
    return f"{year}-W{number:02}"


def number(value: float | None, digits: int | None = None) -> str:
    """Write a number with the separators of the language, rounded to `digits` where given, else as exact as it is."""
    if value is None:
        return UNKNOWN
    pattern = "#,##0.######" if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(value, format=pattern, locale=LOCALE)


def percent(value: float | None, digits: int = 0) -> str:
    """Write a share of 1 as per cent."""
    return UNKNOWN if value is None else format_percent(value, format="0" + "." * bool(digits) + "0" * digits + "%")


FILTERS = {"instant": instant, "day": day, "week": week, "number": number, "percent": percent}
