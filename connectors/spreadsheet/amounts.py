"""Numbers as people write them: one reading is read; of two, the column decides, or the question is asked."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Literal, NamedTuple

Mark = Literal["point", "comma"]
"""What stands before the fraction."""

PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
SCIENTIFIC = re.compile(r"[+-]?([0-9]+(?:[.,][0-9]*)?)[eE][+-]?[0-9]+")
WHOLE = re.compile(r"[+-]?[0-9]+")
NOTHING = frozenset(
    {"", "-", "\N{EN DASH}", "\N{EM DASH}", "n/a", "n.a.", "na", "#n/a", "#nv", "k.a.", "k. a.", "null"}
)
"""How people write that a number is not known; never zero."""
BLANKS = " '\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}\N{RIGHT SINGLE QUOTATION MARK}"
"""What stands between thousands beside point and comma."""
SPACES = dict.fromkeys(map(ord, BLANKS))
MINUS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})
CURRENCY = re.compile(
    r"[\N{EURO SIGN}$\N{POUND SIGN}\N{YEN SIGN}\N{INDIAN RUPEE SIGN}]|[A-Z]{3}(?![A-Za-z])|kr|Fr\.?|z\u0142|K\u010d"
)
GROUPS = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
DIGITS = re.compile(r"[0-9]+|[0-9]*[.,][0-9]*|[0-9]{1,3}(?:[.,][0-9]{3})+(?:[.,][0-9]*)?")
GROUPED_BY_SPACE = re.compile(rf"[0-9]{{1,3}}(?:[{BLANKS}][0-9]{{3}})+")
GROUP = 3
EXCERPT = 60


class UnreadableError(Exception):
    """Why a cell was not read, and what to do about it; it never leaves this connector."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason, self.remedy = reason, remedy


class TwoReadingsError(UnreadableError):
    """A cell can be read in two ways; `setting` is the entry of the configuration that decides."""

    def __init__(self, reason: str, remedy: str, *, setting: str) -> None:
        super().__init__(reason, remedy)
        self.setting = setting


class Amount(NamedTuple):
    """A number and the unit that stood beside it in the cell: `%` or a currency."""

    value: float | int
    unit: str | None = None


def read_amount(text: str, mark: Mark | None) -> Amount | None:
    """Read a number; None where it is written that there is none.

    `mark` is what the column or the configuration says; without it only what has one reading is read.
    """
    if text.lower() in NOTHING:
        return None
    core, unit, negative = _bare(text)
    plain = _plain(core, text, mark)
    if not PLAIN.fullmatch(plain):
        raise _no_number(text)
    value = float(plain)
    if math.isinf(value):
        raise UnreadableError(f"{shown(text)} is too large", "Use a larger unit.")
    number = int(plain) if WHOLE.fullmatch(plain) and len(plain) < 16 else value  # noqa: PLR2004 - digits of a double
    return Amount(-number if negative else number, unit)


def mark_of(text: str) -> Mark | Literal["either"] | None:
    """Say which mark a text shows to be in use; `either` if it has two readings, None if it shows nothing."""
    if "." not in text and "," not in text:
        return None
    core, _, _ = _bare(text)
    grouped = _by_space(core)
    core = core.translate(SPACES) if grouped else core
    if not DIGITS.fullmatch(core.lstrip("+-")):
        return None
    core = core.lstrip("+-")
    last = max(core.rfind("."), core.rfind(","))
    mark: Mark = "comma" if core[last] == "," else "point"
    if core.count(core[last]) > 1:  # 1.234.567
        return "point" if mark == "comma" else "comma"
    if "." in core and "," in core:
        return mark
    before, after = core[:last], core[last + 1 :]
    if not grouped and len(after) == GROUP and 1 <= len(before) <= GROUP and before[0] != "0":
        return "either"
    return mark


def _plain(core: str, text: str, mark: Mark | None) -> str:
    """Write a number the way Python does."""
    if scientific := SCIENTIFIC.fullmatch(core):  # where nobody writes thousands
        shown_mark: Mark = "comma" if "," in scientific[1] else "point"
        if mark is None or mark == shown_mark or scientific[1].isdigit():
            return core.replace(",", ".")
    if "," not in core and "." not in core:
        return core.translate(SPACES) if _by_space(core) else core
    shows = mark_of(core)
    if shows is None:
        raise _no_number(text)
    if shows == "either":
        if mark is None:
            raise _two_readings(text, core)
        shows = mark
    elif mark is not None and shows != mark:
        raise TwoReadingsError(
            f"{shown(text)} does not fit the others, which are written with a {mark}",
            f"Write it as the others are, or set `decimal: {shows}` if all of them are written so.",
            setting="decimal",
        )
    decimal, grouping = (".", ",") if shows == "point" else (",", ".")
    whole, _, fraction = core.translate(SPACES).partition(decimal)
    if grouping in fraction or (grouping in whole and not GROUPS.fullmatch(whole.lstrip("+-"))):
        raise _no_number(text)
    return whole.replace(grouping, "") + ("." + fraction if fraction else "")


def _bare(text: str) -> tuple[str, str | None, bool]:
    """Take sign, percent and currency off."""
    core, negative, unit = text.strip().translate(MINUS), False, None
    if core.startswith("(") and core.endswith(")"):
        core, negative = core[1:-1].strip(), True
    if core.endswith("%"):
        core, unit = core[:-1].rstrip(), "%"
    elif found := CURRENCY.search(core):
        before, after = core[: found.start()].strip(), core[found.end() :].strip()
        if not after or before in {"", "-", "+"}:
            core, unit = before + after, found.group()
    return core, unit, negative


def _by_space(core: str) -> bool:
    whole = re.split(r"[.,]", core.lstrip("+-"), maxsplit=1)[0]
    return GROUPED_BY_SPACE.fullmatch(whole) is not None


def _two_readings(text: str, core: str) -> TwoReadingsError:
    one, other = core.replace(",", "").replace(".", ""), core.replace(",", ".")
    return TwoReadingsError(
        f"{shown(text)} can be {one} or {other}",
        "Set `decimal: point` if fractions are written 1.5, or `decimal: comma` if they are written 1,5.",
        setting="decimal",
    )


def _no_number(text: str) -> UnreadableError:
    return UnreadableError(
        f"{shown(text)} is not plainly a number",
        "Write the number alone, at most with a percent sign or a currency, or leave the cell empty if it is unknown.",
    )


def points(fraction: str) -> float:
    """Write 0.07 as 7 percent, without the noise of binary fractions."""
    return float(Decimal(fraction).scaleb(2))


def shown(text: str) -> str:
    """Quote a cell, cut where it is long."""
    return repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "...")


def is_number_like(text: str) -> bool:
    """Say whether a text is a number, whichever way it is to be read; a year is a number too, but also a heading."""
    try:
        return read_amount(text, None) is not None and not (text.isdigit() and len(text) in {4, 6})
    except TwoReadingsError:
        return True
    except UnreadableError:
        return False
