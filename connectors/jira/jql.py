"""JQL is put together here only, and every value goes through `quote` (R34)."""

from __future__ import annotations

from collections.abc import Iterable

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
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


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character < SHORTEST_PRINTABLE or character in "\x7f\x85\u2028\u2029":
        return f"\\u{ord(character):04x}"
    return character
