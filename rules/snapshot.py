"""The latest tested cases of one rule: what false-discovery control runs over, and what the hub stores between runs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import numpy as np

from rules.alerts import Candidate
from rules.columns import Flags, Instants, Numbers, Rows, Texts
from rules.errors import DetectorError

_COLUMNS = {
    "subject": object,
    "slot": object,
    "score": np.float64,
    "effect": np.float64,
    "p": np.float64,
    "holds": np.bool_,
    "start": np.int64,
    "end": np.int64,
    "as_of": np.int64,
}


@dataclass(frozen=True, eq=False)
class Cases:
    """Tested cases in columns, sorted by subject and slot; `p` is NaN where logic decides.

    `version` names the detector's version, the parameters and the scope: cases of another version count no more.
    `candidates` holds, by row, what is said about the cases that may become findings.
    """

    rule: str
    version: str
    subject: Texts
    slot: Texts
    score: Numbers
    effect: Numbers
    p: Numbers
    holds: Flags
    start: Instants
    end: Instants
    as_of: Instants
    candidates: Mapping[int, Candidate] = field(default_factory=dict)

    @classmethod
    def empty(cls, rule: str, version: str) -> Self:
        """Return no cases."""
        columns: dict[str, Any] = {name: np.zeros(0, dtype=dtype) for name, dtype in _COLUMNS.items()}
        return cls(rule, version, **columns)

    @classmethod
    def join(cls, rule: str, version: str, parts: Iterable[Cases]) -> Self:
        """Return the cases of several parts; one case in two parts is an error."""
        listed = list(parts)
        if not listed:
            return cls.empty(rule, version)
        columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in listed]) for name in _COLUMNS}
        offsets = np.cumsum([0, *(len(part) for part in listed)])
        candidates = {
            row + int(offset): found
            for part, offset in zip(listed, offsets, strict=False)
            for row, found in part.candidates.items()
        }
        joined = cls(rule, version, **columns, candidates=candidates)
        return joined.take(joined._ordered())

    def _ordered(self) -> Rows:
        pairs = sorted(range(len(self)), key=lambda row: (self.subject[row], self.slot[row]))
        for before, after in pairwise(pairs):
            if self.subject[before] == self.subject[after] and self.slot[before] == self.slot[after]:
                raise DetectorError(
                    f"{self.subject[before]!r} was tested twice for slot {self.slot[before]!r}: give each case of a "
                    "subject a slot of its own, and each subject one block"
                )
        return np.array(pairs, dtype=np.int64)

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.subject)

    def take(self, rows: Rows) -> Self:
        """Return some cases, by index."""
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        candidates = {new: self.candidates[old] for new, old in enumerate(rows.tolist()) if old in self.candidates}
        return type(self)(self.rule, self.version, **columns, candidates=candidates)

    def without(self, subjects: Collection[str]) -> Self:
        """Return the cases of all other subjects."""
        keep = [row for row, subject in enumerate(self.subject) if subject not in subjects]
        return self.take(np.array(keep, dtype=np.int64))

    def to_json(self) -> list[dict[str, Any]]:
        """Return one JSON object a case."""
        plain = {name: getattr(self, name).tolist() for name in _COLUMNS}
        return [
            {"rule": self.rule, "version": self.version}
            | {name: _unknown_as_none(values[row]) for name, values in plain.items()}
            | ({"candidate": self.candidates[row].model_dump(mode="json")} if row in self.candidates else {})
            for row in range(len(self))
        ]

    @classmethod
    def from_json(cls, rows: Iterable[Mapping[str, Any]]) -> Self | None:
        """Return the cases of one rule from what `to_json` gave, None where there are none."""
        listed = list(rows)
        if not listed:
            return None
        columns: dict[str, Any] = {}
        for name, dtype in _COLUMNS.items():
            values = [math.nan if row[name] is None else row[name] for row in listed]
            columns[name] = np.array(values, dtype=dtype)
        candidates = {
            index: Candidate.model_validate(row["candidate"]) for index, row in enumerate(listed) if "candidate" in row
        }
        cases = cls(listed[0]["rule"], listed[0]["version"], **columns, candidates=candidates)
        return cases.take(cases._ordered())


def _unknown_as_none(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    return None if isinstance(value, float) and math.isnan(value) else value
