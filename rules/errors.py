"""What can be wrong with rules and the data they are given; each message names the remedy."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class RulesError(Exception):
    """Base of every error of this package."""


class DurationError(RulesError, ValueError):
    """A text is no duration; the message shows what one looks like."""


class CalendarError(RulesError, ValueError):
    """A calendar, a cadence or an instant makes no sense; the message names the entry to change."""


class HistoryError(RulesError, ValueError):
    """Rows or columns do not make a history; the message names table, column and row."""


class RuleFileError(RulesError, ValueError):
    """A rule file is wrong; each of its `lines` names file, line, rule and what to write instead."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class ConditionError(RulesError, ValueError):
    """A condition does not compile or cannot be evaluated; `line` and `column` count from 1."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class DetectorError(RulesError):
    """A detector is declared wrongly, twice or not at all, or returns what it must not."""


class LifecycleError(RulesError):
    """An alert was asked to do what its kind of rule does not allow."""


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word: the nearest right one, and all that are known."""
    words = sorted(known)
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    listed = f" Known: {', '.join(words)}" if words else " None is known"
    return (f"; did you mean {near[0]!r}?" if near else ".") + listed
