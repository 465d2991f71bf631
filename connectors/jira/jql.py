"""JQL is put together here only, and every value goes through `quote` (R34)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
PARTS = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<quote>["']) | (?P<paren>[()]) | (?P<order>\border\s+by\b)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
SHORTEST_PRINTABLE = " "


def quote(value: str) -> str:
    """Write any text as one JQL string; control characters as JQL's own escapes."""
    return '"' + "".join(_escaped(character) for character in value) + '"'


def phrase(value: str) -> str:
    """Write a text as a phrase to search for: the words in this order, none of them read as an operator."""
    inner = value.replace("\\", "\\\\").replace('"', '\\"')  # the text search's own escapes, inside JQL's
    return quote(f'"{inner}"')


def any_of(values: Iterable[str]) -> str:
    """Write a list for IN."""
    return "(" + ", ".join(quote(value) for value in values) + ")"


def minutes(moment: datetime, zone: ZoneInfo) -> str:
    """Write an instant as minutes on the clock of a zone; where an hour happens twice, one from before it."""
    local = moment.astimezone(zone)
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        local -= timedelta(hours=1)
    return quote(local.strftime("%Y/%m/%d %H:%M"))


def condition(text: str) -> str:
    """Return a condition that somebody wrote, if it stays whole inside parentheses; else ValueError says why not."""
    depth = 0
    for part in PARTS.finditer(text):
        if part["quote"]:
            raise ValueError("a quotation mark is not closed")
        if part["order"]:
            raise ValueError("leave out ORDER BY")
        depth += {"(": 1, ")": -1}.get(part["paren"] or "", 0)
        if depth < 0:
            break
    if depth or not text.strip():
        raise ValueError("the parentheses do not match" if depth else "write a condition")
    return text


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character < SHORTEST_PRINTABLE or character in "\x7f\x85\u2028\u2029":
        return f"\\u{ord(character):04x}"
    return character
