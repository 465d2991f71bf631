"""When a statement is a new version: what observations, targets and assignments have in common."""

from __future__ import annotations

from bisect import bisect_right, insort_right
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from hub.core.instants import to_micros

Content = tuple[object, ...]
_recorded = attrgetter("recorded")


class Version(NamedTuple):
    """What was said about one period and, in microseconds, when it could be known."""

    recorded: int
    imputed: bool
    content: Content


class Versions:
    """All versions about one period, in the order in which they could be known."""

    def __init__(self, known: Iterable[Version] = ()) -> None:
        self._known = list(known)

    def add(self, content: Content, *, recorded_at: int | None, imputed_at: int | None, now: int) -> Version | None:
        """Add a version and give it; None where the ledger says the same already.

        `recorded_at` is the source's own timestamp. Without one, a first version counts as known at `imputed_at` (None:
        nothing may be imputed), a correction as known now. A source whose clock is ahead cannot make us know tomorrow's
        news: nothing is recorded later than now.
        """
        at = None if recorded_at is None else min(recorded_at, now)
        if self._says(content, at):
            return None
        imputed = at is None and not self._known and imputed_at is not None and imputed_at < now
        if at is None:
            at = imputed_at if imputed and imputed_at is not None else now
        version = Version(at, imputed, content)
        insort_right(self._known, version, key=_recorded)
        return version

    def _says(self, content: Content, at: int | None) -> bool:
        """Tell whether this was in force at that time: so a file of old versions may be read again and adds nothing."""
        place = len(self._known) if at is None else bisect_right(self._known, at, key=_recorded)
        if place == 0:
            return all(part is None for part in content[1:])  # where nothing was said, saying nothing is no news
        return self._known[place - 1].content == content


def micros_or_none(instant: datetime | None) -> int | None:
    """Give microseconds of an instant that may be missing."""
    return None if instant is None else to_micros(instant)
