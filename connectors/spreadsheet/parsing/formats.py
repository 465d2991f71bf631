"""Number formats and serial dates of workbooks."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from connectors.spreadsheet.parsing.model import Cell

BUILT_IN = {
    9: "0%", 10: "0.00%", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm", 19: "h:mm:ss",
    20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss",
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
}  # fmt: skip
"""ECMA-376 part 1, 18.8.30; the ones that depend on the country are dates of some kind."""
ASIDE = re.compile(r'"[^"]*"|\\.|_.|\*.')
CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[0-9A-Fa-f]+)?\]")
SIGNS = re.compile(r"[\N{EURO SIGN}$\N{POUND SIGN}\N{YEN SIGN}]|(?:EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK)")
ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]")
BRACKETS = re.compile(r"\[[^\]]*\]")
EPOCH_1900, EPOCH_1904 = datetime(1899, 12, 31), datetime(1904, 1, 1)  # noqa: DTZ001 - a sheet names no zone
FALSE_LEAP_DAY = 60
"""29 February 1900, which Excel has and the world had not."""
LAST_SERIAL = 2_958_465
"""31 December 9999."""


@lru_cache(maxsize=4096)
def kind_of(code: str) -> tuple[str, str | None]:
    """Say what a number format makes of a number: date, time, percent, money or number, and the detail of it."""
    first = code.split(";", 1)[0]
    currency = CURRENCY.search(first)
    if ELAPSED.search(first):
        return "time", None
    sign = SIGNS.search(first)
    plain = BRACKETS.sub("", ASIDE.sub("", first)).lower()
    if currency and currency[1]:
        return "money", currency[1].strip()
    if "general" not in plain and (re.search(r"[yd]", plain) or re.search(r"m(?![a-z]*[:.]?s)", plain)):
        return (
            ("date", _shortest(plain)) if re.search(r"[yd]|mmm|m", plain) and not _only_time(plain) else ("time", None)
        )
    if _only_time(plain):
        return "time", None
    if "%" in plain:
        return "percent", None
    return ("money", sign[0]) if sign else ("number", None)


def _only_time(plain: str) -> bool:
    return bool(re.search(r"[hs]", plain)) and not re.search(r"[yd]", plain)


def _shortest(plain: str) -> str:
    """Name the shortest part of a date that its format shows."""
    if "d" in plain or "h" in plain:
        return "day"
    return "month" if "m" in plain else "year"


def number_cell(text: str, code: str, *, from_1904: bool) -> Cell:
    """Give a stored number as what its format shows."""
    try:
        value = float(text)
    except ValueError:
        return ["error", f"the file stores {text[:20]!r} as a number"]
    if not math.isfinite(value):
        return ["error", f"the file stores {text[:20]!r} as a number"]
    kind, detail = kind_of(code)
    if kind == "date":
        return date_cell(value, detail or "day", from_1904=from_1904)
    if kind == "percent":
        return ["percent", percent_points(text)]
    plain = int(value) if value.is_integer() and abs(value) < 2**53 else value
    if kind == "money":
        return ["money", plain, detail]
    return plain


def percent_points(text: str) -> float:
    """Write 0.07 as 7, without the noise of binary fractions."""
    try:
        return float(round(Decimal(text).scaleb(2), 12))
    except InvalidOperation:
        return float(text) * 100


def date_cell(serial: float, shortest: str, *, from_1904: bool) -> Cell:
    """Read a serial date; one that names no day is an error and not another day."""
    if not from_1904 and FALSE_LEAP_DAY <= serial < FALSE_LEAP_DAY + 1:
        return ["error", "29 February 1900, which never was"]
    if serial < 0 or serial > LAST_SERIAL:
        return ["error", f"the number {serial:g} as a date"]
    if from_1904:
        moment = EPOCH_1904 + timedelta(days=serial)
    else:
        moment = EPOCH_1900 + timedelta(days=serial - (serial > FALSE_LEAP_DAY))
    moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)  # serials hold seconds only roughly
    whole_day = moment.hour == moment.minute == moment.second == 0
    return ["date", moment.date().isoformat() if whole_day else moment.isoformat(), shortest]
