"""Periods and dates as people write them: "Q3 24", "Okt 2025", "2025-W07", "FY25 H1", "31.12.2025"."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from connectors.spreadsheet.amounts import TwoReadingsError, UnreadableError, shown

DateOrder = Literal["dmy", "mdy"]


class Grain(StrEnum):
    """How long a period is, from short to long."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    HALF = "half-year"
    YEAR = "year"


@dataclass(frozen=True)
class Period:
    """A period; `end` is its last day, None for a day, whose length the series knows."""

    start: str
    end: str | None
    grain: Grain


@dataclass(frozen=True)
class FiscalYear:
    """Which months "FY25" means."""

    first_month: int
    named_after: Literal["start", "end"]


@dataclass(frozen=True, eq=False)  # compared by identity: it is part of every look-up in the cache below
class Calendar:
    """What decides where a text has two readings; None = nobody has said."""

    order: DateOrder | None = None
    fiscal: FiscalYear | None = None
    languages: tuple[str, ...] = field(default=())
    """Of month names; none = all that are known."""


LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs", "hu", "ro", "tr")
WORDS = {
    **dict.fromkeys(
        ("q", "quarter", "qtr", "quartal", "trimestre", "trim", "kv", "kvartal", "kwartaal"), Grain.QUARTER
    ),
    **dict.fromkeys(("w", "wk", "week", "kw", "woche", "kalenderwoche", "semaine", "sem", "uge", "vecka"), Grain.WEEK),
    **dict.fromkeys(("h", "hj", "half", "halbjahr", "semestre"), Grain.HALF),
    **dict.fromkeys(("fy", "gj", "fiscal", "gesch\u00e4ftsjahr", "exercice"), Grain.YEAR),
}
TWO_MEANINGS = {"s": "a week (semaine) or a half-year (semestre)", "t": "a quarter (trimestre) or a third of a year"}
NOISE = frozenset({"of", "the", "year", "st", "nd", "rd", "th", "er", "de", "del", "jahr", "month", "monat", "ending"})
TOKENS = re.compile(r"[^\W\d_]+|[0-9]+")
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NUMERIC_DAY = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
YEAR_FIRST_DAY = re.compile(r"([0-9]{4})([./])([0-9]{1,2})\2([0-9]{1,2})")
COMPACT = re.compile(r"((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])?")
MONTH_OF_YEAR = re.compile(r"(?:((?:19|20)[0-9]{2})[./-]([0-9]{1,2})|([0-9]{1,2})[./-]((?:19|20)[0-9]{2}))")
SPLIT_YEAR = re.compile(r"(?:[A-Za-z]{2}\s*)?((?:20)?[0-9]{2})\s*[/-]\s*((?:20)?[0-9]{2})")
YEAR = re.compile(r"(?:19|20)[0-9]{2}")
MONTHS, QUARTER, HALF, WEEKS = 12, 3, 6, 53
CENTURY_TURNS = 70
"""Two digits below it are a year of this century."""
HOW = "Write it as 2026-03-31, 2026-03, 2026-Q1, 2026-W13 or 2026."


class NoYearError(UnreadableError):
    """A period is named without its year; what stands above or before the table may say it."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{shown(text)} does not say which year", "Write the year beside it, or set `year`.")


@lru_cache(maxsize=65_536)
def read_period(text: str, calendar: Calendar, year: int | None = None) -> Period:
    """Read a period or date; `year` is what a heading says. Raises UnreadableError or TwoReadingsError."""
    plain = text.strip()
    found = _numeric(plain, calendar) or _in_words(plain, calendar, year)
    if found is None:
        raise UnreadableError(f"{shown(text)} is not a date or period", HOW)
    return found


def order_of(text: str) -> DateOrder | Literal["either"] | None:
    """Say which order of day and month a text shows to be in use."""
    found = NUMERIC_DAY.match(text)
    if found is None or found[2] == ".":
        return None
    first, second = int(found[1]), int(found[3])
    if first == second:
        return None
    if first > MONTHS:
        return "dmy"
    return "mdy" if second > MONTHS else "either"


def month_period(year: int, first_month: int, months: int) -> Period:
    """Give so many months from a month of a year on."""
    last_month = first_month + months - 1
    end_year, end_month = year + (last_month - 1) // MONTHS, (last_month - 1) % MONTHS + 1
    start = date(year + (first_month - 1) // MONTHS, (first_month - 1) % MONTHS + 1, 1)
    end = date(end_year, end_month, monthrange(end_year, end_month)[1])
    grain = {1: Grain.MONTH, QUARTER: Grain.QUARTER, HALF: Grain.HALF, MONTHS: Grain.YEAR}[months]
    return Period(start.isoformat(), end.isoformat(), grain)


def _numeric(text: str, calendar: Calendar) -> Period | None:  # noqa: PLR0911 - one return a form
    if ISO_DAY.match(text):
        return _iso(text)
    if found := COMPACT.fullmatch(text):
        year, month, day = found.groups()
        return _day(text, int(year), int(month), int(day)) if day else month_period(int(year), int(month), 1)
    if found := YEAR_FIRST_DAY.fullmatch(text):
        return _day(text, int(found[1]), int(found[3]), int(found[4]))
    if found := NUMERIC_DAY.match(text):
        return _day_of(text, found, calendar)
    if found := MONTH_OF_YEAR.fullmatch(text):
        year, month = int(found[1] or found[4]), int(found[2] or found[3])
        if 1 <= month <= MONTHS and not (found[1] and "/" in text and month == year % 100 + 1):
            return month_period(year, month, 1)
    if YEAR.fullmatch(text):
        return month_period(int(text), 1, MONTHS)
    return None


def _iso(text: str) -> Period:
    try:
        if ISO_DAY.fullmatch(text):
            date.fromisoformat(text)
        else:
            datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableError(f"{shown(text)} is not a date", HOW) from None
    return Period(text, None, Grain.DAY)


def _day_of(text: str, found: re.Match[str], calendar: Calendar) -> Period | None:
    first, second, year = int(found[1]), int(found[3]), _whole_year(found[4])
    if text[found.end() :].strip(" 0:"):
        raise UnreadableError(f"{shown(text)} has a time", "Write date and time as 2026-03-31T08:00:00Z.")
    order = "dmy" if found[2] == "." else calendar.order
    shows = order_of(text)
    if order is None and shows == "either":
        remedy = "Set `dates: dmy` if the day comes first, or `dates: mdy` if the month does."
        one, other = date(year, second, first), date(year, first, second)
        raise TwoReadingsError(f"{shown(text)} can be {one} or {other}", remedy, setting="dates")
    if shows in {"dmy", "mdy"} and order is not None and shows != order and found[2] != ".":
        remedy = "Correct it, or write all dates of the column as 2026-03-31."
        raise UnreadableError(f"{shown(text)} is not in the order of the other dates", remedy)
    day, month = (second, first) if (order or shows) == "mdy" else (first, second)
    return _day(text, year, month, day)


def _day(text: str, year: int, month: int, day: int) -> Period:
    try:
        return Period(date(year, month, day).isoformat(), None, Grain.DAY)
    except ValueError:
        raise UnreadableError(f"{shown(text)} is a day that never was", HOW) from None


@dataclass
class _Said:
    """What the words of a text say."""

    grain: Grain | None = None
    ordinal: int | None = None
    month: int | None = None
    fiscal: bool = False
    numbers: list[str] = field(default_factory=list)


def _in_words(text: str, calendar: Calendar, year: int | None) -> Period | None:  # noqa: PLR0911 - one return a form
    if split := SPLIT_YEAR.fullmatch(text):
        return _split_year(text, split, calendar)
    said = _understand(text, TOKENS.findall(text), calendar)
    if said is None or (said.month is None and said.grain is None):
        return None
    if said.month is not None and said.grain is None and len(said.numbers) == 2:  # noqa: PLR2004 - a day and a year
        return _day_in_words(text, said)
    named = _year(said.numbers)
    if said.numbers and named is None:
        return None
    named = year if named is None else named
    if named is None:
        raise NoYearError(text)
    if said.fiscal:
        return _fiscal(text, calendar, named, said)
    if said.month is not None:
        return month_period(named, said.month, 1) if said.grain is None else None
    return _ordinal_period(text, named, said)


def _understand(text: str, tokens: list[str], calendar: Calendar) -> _Said | None:
    """Sort the words and numbers of a text; None if one of them says nothing about time."""
    said, rest = _Said(), [token.lower() for token in tokens]
    for place, token in enumerate(rest):
        if token in TWO_MEANINGS:
            remedy = "Write it as 2026-W13, 2026-H1 or 2026-Q1."
            raise UnreadableError(f"{shown(text)} can be {TWO_MEANINGS[token]}", remedy)
        if WORDS.get(token) is Grain.YEAR:
            said.fiscal = True
        elif token in WORDS and said.grain is None:
            said.grain = WORDS[token]
            taken = _ordinal(rest, place, said.grain)
            if taken is not None:
                said.ordinal, rest[taken] = int(rest[taken]), "the"
        elif month := month_names(calendar.languages).get(token):
            said.month = month if said.month is None else 0
        elif not token.isdigit() and token not in NOISE:
            return None
    said.numbers = [token for token in rest if token.isdigit()]
    if said.fiscal and said.grain is None:
        said.grain = Grain.YEAR
    unknown = (said.grain not in {None, Grain.YEAR} and said.ordinal is None) or said.month == 0
    return None if unknown else said


def _ordinal(tokens: list[str], place: int, grain: Grain) -> int | None:
    """Find the number that a word counts with: after it, else before it."""
    most = {Grain.QUARTER: 4, Grain.WEEK: WEEKS, Grain.HALF: 2}[grain]
    before = next((each for each in range(place - 1, -1, -1) if tokens[each] not in NOISE), -1)
    few = 2  # digits of a week
    for each in (place + 1, before):
        if (
            0 <= each < len(tokens)
            and tokens[each].isdigit()
            and len(tokens[each]) <= few
            and 1 <= int(tokens[each]) <= most
        ):
            return each
    return None


def _ordinal_period(text: str, year: int, said: _Said) -> Period | None:
    ordinal = said.ordinal or 0
    if said.grain is Grain.WEEK:
        try:
            monday = date.fromisocalendar(year, ordinal, 1)
        except ValueError:
            raise UnreadableError(f"{shown(text)}: {year} had no week {ordinal}", HOW) from None
        return Period(monday.isoformat(), (monday + timedelta(days=6)).isoformat(), Grain.WEEK)
    months = {Grain.QUARTER: QUARTER, Grain.HALF: HALF}.get(said.grain or Grain.DAY)
    return month_period(year, months * (ordinal - 1) + 1, months) if months else None


def _fiscal(text: str, calendar: Calendar, named: int, said: _Said) -> Period | None:
    if calendar.fiscal is None:
        remedy = "Set `fiscal_year: {first_month: 4, named_after: end}`, with your first month, and `start` or `end`."
        raise TwoReadingsError(f"{shown(text)}: nobody has said when the year begins", remedy, setting="fiscal_year")
    fiscal = calendar.fiscal
    begins = named - 1 if fiscal.named_after == "end" and fiscal.first_month > 1 else named
    if said.month is not None or said.grain is Grain.WEEK:
        return None
    months = {Grain.YEAR: MONTHS, Grain.HALF: HALF, Grain.QUARTER: QUARTER}[said.grain or Grain.YEAR]
    return month_period(begins, fiscal.first_month + months * ((said.ordinal or 1) - 1), months)


def _split_year(text: str, split: re.Match[str], calendar: Calendar) -> Period | None:
    """Read a year that lies in two, as 2024/25: named after both, only its first month has to be known."""
    first, second = _whole_year(split[1]), _whole_year(split[2])
    if second != first + 1 or (len(split[1]) == 2 and not text[0].isalpha()):  # noqa: PLR2004 - 03/04 is no year
        return None
    if calendar.fiscal is None:
        remedy = "Set `fiscal_year: {first_month: 4, named_after: end}`, with your first month."
        raise TwoReadingsError(f"{shown(text)}: nobody has said when the year begins", remedy, setting="fiscal_year")
    return month_period(first, calendar.fiscal.first_month, MONTHS)


def _day_in_words(text: str, said: _Said) -> Period | None:
    year = next((number for number in reversed(said.numbers) if len(number) == 4), None)  # noqa: PLR2004 - digits
    if year is None or said.month is None:
        return None
    said.numbers.remove(year)
    return _day(text, int(year), said.month, int(said.numbers[0]))


def _year(numbers: list[str]) -> int | None:
    if len(numbers) != 1 or not (YEAR.fullmatch(numbers[0]) or len(numbers[0]) == 2):  # noqa: PLR2004 - digits
        return None
    return _whole_year(numbers[0])


def _whole_year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) > 2 else year + (2000 if year < CENTURY_TURNS else 1900)  # noqa: PLR2004 - digits


@lru_cache
def month_names(languages: tuple[str, ...] = ()) -> dict[str, int]:
    """Give the names of months, whole and short, that stand for one month in all the languages."""
    found: dict[str, set[int]] = {}
    for name, month in _names(languages or LANGUAGES):
        found.setdefault(name, set()).add(month)
    return {name: months.pop() for name, months in found.items() if len(months) == 1}


def _names(languages: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - most files name no month

    for language in languages:
        try:
            months = Locale(language).months
        except UnknownLocaleError:
            continue
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for month, name in months[context][width].items():
                    yield from ((part, month) for part in (name.lower().rstrip("."),) if part.isalpha())
    yield from (("sept", 9), ("m\u00e4r", 3), ("maerz", 3))
