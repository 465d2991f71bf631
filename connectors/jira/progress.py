"""How far the reading of issues has come: the cursor, and the ledger of what was seen in its overlap."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.sdk.protocol import Cursor, Key

OVERLAP = timedelta(minutes=65)
"""What the index shows of this last while is not sure yet: a lag of an hour, and clocks and answers that are late."""
ASKED_BY = timedelta(minutes=1)
"""What a lower bound is rounded to on Data Center: so much longer an issue may turn up again."""
MOST_REMEMBERED = 5000
"""Entries of the ledger; what it has no room for is read twice, which does no harm."""


@dataclass
class Progress:
    """Where a read stands.

    A page that is answered at an instant N may lack issues that were updated after N - OVERLAP: the index has not seen
    them. So the next read starts there, however far this one came meanwhile, and the ledger says what it may skip.
    """

    start: datetime | None = None
    """Everything that was updated before it has been read."""
    reached: datetime | None = None
    """The newest update that this read has seen."""
    _unsure: datetime | None = None
    _ledger: dict[Key, int] = field(default_factory=dict)

    @classmethod
    def from_cursor(cls, cursor: Cursor | None) -> Progress:
        """Go on where a checkpoint stood; an older cursor has no ledger."""
        held = cursor or {}
        newest, seen = _instant(held.get("updated")), held.get("seen")
        start = _instant(held.get("from")) or (newest - OVERLAP if newest else None)
        ledger = {key: at for key, at in seen.items() if isinstance(at, int)} if isinstance(seen, dict) else {}
        return cls(start, _ledger=ledger)

    def is_news(self, key: Key, updated: datetime | None) -> bool:
        """Say whether this state of an issue was not seen before, and remember it."""
        if updated is None:
            return True
        at = _millis(updated)
        if self._ledger.get(key) == at:
            return False
        self._ledger[key] = at
        return True

    def reach(self, newest: datetime | None, as_of: datetime | None) -> None:
        """Note that a page was read up to its newest update; `as_of` is when the site answered."""
        self.reached = max((at for at in (self.reached, newest) if at), default=None)
        if self.reached is None:
            return
        horizon = (as_of or self.reached) - OVERLAP
        if as_of and self._unsure is None and self.reached > horizon:
            self._unsure = horizon
        sure = self._unsure or (self.reached if as_of else horizon)
        self.start = max((at for at in (self.start, min(sure, self.reached)) if at), default=None)
        self._forget()

    def cursor(self) -> Cursor:
        """Write it down."""
        start: Cursor = {"from": _millis(self.start)} if self.start else {}
        return {**start, "seen": dict(self._ledger)}

    def _forget(self) -> None:
        """Leave out of the ledger what no read will ask for again."""
        oldest = _millis(self.start - ASKED_BY) if self.start else 0
        kept = {key: at for key, at in self._ledger.items() if at >= oldest}
        newest = sorted(kept, key=kept.__getitem__)[-MOST_REMEMBERED:]
        self._ledger = {key: kept[key] for key in newest}


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _instant(millis: object) -> datetime | None:
    return datetime.fromtimestamp(millis / 1000, UTC) if isinstance(millis, int) else None
