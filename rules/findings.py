"""What a detector hands back: for every case it tested a row in columns, and for what it could not test what it needs.

The statistics are columns, because there are many cases; the words and the evidence are asked for one case at a time
(`explain`), because only few become findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rules.calendars import UNKNOWN
from rules.columns import Flags, Instants, Numbers, Rows, Texts
from rules.errors import DetectorError

Evidence = Mapping[str, Any]
"""One row that proves a statement, as JSON values: `table` says of what; made by `History.describe`."""


@dataclass(frozen=True)
class Explanation:
    """A statement about one case: a neutral sentence, the facts in it by name, and the rows it rests on.

    `known_at` is when the newest of these rows could be known: evidence after it makes a past event fire again.
    """

    summary: str
    facts: Mapping[str, Any]
    evidence: tuple[Evidence, ...]
    known_at: int = UNKNOWN


@dataclass(frozen=True, eq=False)
class Tested:
    """Cases that were tested, one row each.

    `rows` are the subjects (rows of `history.subjects(kind)`). `score` rises with how unusual a case is. `effect` is
    its size, in the unit that the detector declares. `p` is calibrated: uniform where nothing is wrong; None where
    logic decides. `holds` says that the condition is there (deterministic) or that the effect is large enough to matter
    (statistical: the engine then decides on significance). `slot` tells cases of one subject apart.
    """

    rows: Rows
    score: Numbers
    effect: Numbers
    holds: Flags
    start: Instants
    end: Instants
    explain: Callable[[int], Explanation]
    p: Numbers | None = None
    slot: str | Texts = ""

    def __post_init__(self) -> None:
        """Refuse columns that do not fit together."""
        for name in ("score", "effect", "holds", "start", "end", "p", "slot"):
            column = getattr(self, name)
            if isinstance(column, np.ndarray) and len(column) != len(self.rows):
                raise DetectorError(f"{name} has {len(column)} entries for {len(self.rows)} tested cases")
        if self.p is not None and not ((self.p >= 0) & (self.p <= 1)).all():
            raise DetectorError("a p-value lies outside 0 to 1: leave p out where the detector does not test chance")

    @property
    def slots(self) -> Texts:
        """The slot of each case."""
        if isinstance(self.slot, np.ndarray):
            return self.slot
        return np.full(len(self.rows), self.slot, dtype=object)


@dataclass(frozen=True, eq=False)
class Skipped:
    """Subjects that could not be tested, and what is missing, said as a need; `slot` None means every slot."""

    rows: Rows
    needs: str
    slot: str | None = None


@dataclass(frozen=True, eq=False)
class Findings:
    """The answer of one detector to one rule."""

    tested: tuple[Tested, ...] = ()
    skipped: tuple[Skipped, ...] = ()
