"""What one run of the engine says, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rules.alerts import CLEAR, GONE, AlertKey, Finding, Standing, Verdict
from rules.schema import Rule
from rules.snapshot import Cases


@dataclass(frozen=True)
class Failure:
    """Why a rule could not run: the class of the error, where it was raised, and the error itself for the log."""

    kind: str
    place: str
    error: Exception = field(compare=False, repr=False)


@dataclass(frozen=True)
class Statement:
    """What a run did for a rule: so many cases tested, so many subjects skipped and what they need, so many found."""

    tested: int
    skipped: Mapping[str, int]
    found: int

    def __str__(self) -> str:
        """Say it in one line."""
        skipped = "".join(f"; {count} skipped: needs {needs}" for needs, count in self.skipped.items())
        return f"{self.tested} tested, {self.found} found{skipped}"


@dataclass(frozen=True)
class RuleResult:
    """The outcome of one rule.

    `cases` are all latest cases, those of earlier runs included: store them. `findings` are the cases that fire among
    them. `asked` are the subjects that this run asked about, `seen` those that were in the history at all, `skipped`
    what was needed, by (subject, slot) with slot None for every slot. `complete` says that there are no other subjects.
    """

    rule: Rule
    kind: str
    statement: Statement
    cases: Cases
    findings: tuple[Finding, ...] = ()
    asked: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    skipped: Mapping[tuple[str, str | None], str] = field(default_factory=dict)
    failure: Failure | None = None
    complete: bool = False

    def verdicts(self, open_alerts: Iterable[AlertKey]) -> dict[AlertKey, Verdict]:
        """Return what this run says about its findings and about the open alerts of its rule.

        An alert that this run says nothing about is left out: its subject was not in the history, or its case was not
        tested again and does not depend on chance.
        """
        current = {finding.key: finding for finding in self.findings if self._speaks_of(finding)}
        found = {key: Verdict(Standing.FOUND, finding) for key, finding in current.items()}
        for key in open_alerts:
            verdict = None if key in found or key.rule != self.rule.name else self._about(key)
            if verdict:
                found[key] = verdict
        return found

    def _speaks_of(self, finding: Finding) -> bool:
        return finding.subject in self.asked or finding.p is not None

    def _about(self, key: AlertKey) -> Verdict | None:
        if key.subject_kind != self.kind:
            return GONE
        if self.failure:
            return Verdict(Standing.UNKNOWN, needs="a rule that runs")
        if key.subject not in self.asked:
            return self._about_others(key)
        needs = self.skipped.get((key.subject, key.slot)) or self.skipped.get((key.subject, None))
        return Verdict(Standing.UNKNOWN, needs=needs) if needs and self._row(key) is None else CLEAR

    def _about_others(self, key: AlertKey) -> Verdict | None:
        """Speak of a subject that was not asked about: gone, or judged again because chance decides about its case."""
        if key.subject in self.seen or self.complete:
            return GONE
        row = self._row(key)
        return None if row is None or np.isnan(self.cases.p[row]) else CLEAR

    def _row(self, key: AlertKey) -> int | None:
        return self._rows.get((key.subject, key.slot))

    @cached_property
    def _rows(self) -> dict[tuple[str, str], int]:
        pairs = zip(self.cases.subject, self.cases.slot, strict=True)
        return {pair: row for row, pair in enumerate(pairs)}


@dataclass(frozen=True)
class Evaluation:
    """The outcome of a run: one result a rule, then the engine's own, which says which rules failed or flooded."""

    results: tuple[RuleResult, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, the engine's own included."""
        return tuple(finding for result in self.results for finding in result.findings)

    def result(self, rule: str) -> RuleResult:
        """Return the result of a rule by name."""
        return next(result for result in self.results if result.rule.name == rule)
