"""One rule over the blocks of a history: scope, detector, and the columns that it hands back, checked."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from rules.alerts import Candidate
from rules.calendars import UNKNOWN
from rules.columns import Flags, Rows
from rules.conditions import compiled
from rules.errors import DetectorError
from rules.findings import Findings, Tested
from rules.history import History
from rules.registry import Detector
from rules.schema import Rule
from rules.snapshot import Cases
from rules.subjects import columns

ELSEWHERE = "all series that measure it in one block"


def rule_version(rule: Rule, detector: Detector) -> str:
    """Return a hash of what decides which cases are tested and how: detector, parameters, scope; not the words."""
    params = detector.params.model_validate(rule.params).model_dump(mode="json")
    meaning = [detector.name, detector.version, params, rule.scope.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class Trial:
    """The cases of one rule, collected block by block."""

    rule: Rule
    detector: Detector
    level: float
    parts: list[Cases] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    skipped: dict[tuple[str, str | None], str] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """The kind of subject that the rule is about."""
        return self.rule.scope.subject

    @property
    def version(self) -> str:
        """The version of the rule's meaning."""
        return rule_version(self.rule, self.detector)

    def run(self, history: History) -> None:
        """Test one block."""
        ids = history.subjects(self.kind).ids
        whole = history.whole(self.kind)
        self.elsewhere.update(set(ids[history.rows(self.kind)]).difference(ids[whole]))
        rows = whole[self._in_scope(history, whole)]
        self.seen.update(ids[whole])
        self.asked.update(ids[rows])
        params = self.detector.params.model_validate(self.rule.params)
        found = self.detector.detect(history.scoped(self.kind, rows), params)
        self._check(found, rows)
        self.parts.extend(self._cases(history, tested) for tested in found.tested)
        for skipped in found.skipped:
            self.skipped.update({(subject, skipped.slot): skipped.needs for subject in ids[skipped.rows]})

    def _in_scope(self, history: History, rows: Rows) -> Flags:
        if self.rule.scope.when is None:
            return np.ones(len(rows), dtype=np.bool_)
        condition = compiled(self.rule.scope.when)
        return condition.select(columns(history, self.kind, rows, condition.fields), len(rows))

    def _check(self, found: Findings, rows: Rows) -> None:
        if not isinstance(found, Findings):
            raise DetectorError(f"{self.detector.name} returned {type(found).__name__}: return Findings")
        spoken_of = [part.rows for part in found.tested] + [part.rows for part in found.skipped]
        for part in spoken_of:
            if not np.isin(part, rows).all():
                raise DetectorError(f"{self.detector.name} speaks of subjects that were not asked for")

    def _cases(self, history: History, tested: Tested) -> Cases:
        size = len(tested.rows)
        chance = np.full(size, np.nan) if tested.p is None else tested.p
        possible = np.flatnonzero(tested.holds & ~(chance > self.level))
        return Cases(
            self.rule.name,
            self.version,
            subject=history.subjects(self.kind).ids[tested.rows],
            slot=tested.slots,
            score=tested.score.astype(np.float64),
            effect=tested.effect.astype(np.float64),
            p=chance,
            holds=tested.holds,
            start=tested.start,
            end=tested.end,
            as_of=np.full(size, history.as_of),
            candidates=self._candidates(history, tested, possible),
        )

    def _candidates(self, history: History, tested: Tested, possible: Rows) -> dict[int, Candidate]:
        about = columns(history, self.kind, tested.rows[possible], ("title", "org_path", "calendar"))
        titles, paths, calendars = about["title"], about["org_path"], about["calendar"]
        found = {}
        for row, title, path, calendar in zip(possible.tolist(), titles, paths, calendars, strict=True):
            said = tested.explain(row)
            found[row] = Candidate(
                title=title,
                org_units=path,
                calendar=calendar,
                summary=said.summary,
                facts=dict(said.facts),
                evidence=tuple(dict(entry) for entry in said.evidence),
                known_at=said.known_at if said.known_at != UNKNOWN else history.as_of,
            )
        return found

    def merged(self, earlier: Cases | None) -> Cases:
        """Return this run's cases and those of earlier runs whose subjects this run has not seen."""
        now = Cases.join(self.rule.name, self.version, self.parts)
        if earlier is None or earlier.version != self.version:
            return now
        return Cases.join(self.rule.name, self.version, (now, earlier.without(self.seen)))

    @property
    def tested(self) -> int:
        """How many cases this run tested."""
        return sum(len(part) for part in self.parts)

    def needs(self) -> dict[str, int]:
        """Return how many subjects were skipped in every slot, by what they need; the most frequent first."""
        tested = {subject for part in self.parts for subject in part.subject}
        needs = Counter(need for (subject, _), need in self.skipped.items() if subject not in tested)
        needs.update([ELSEWHERE] * len(self.elsewhere - self.seen))
        return dict(sorted(needs.items(), key=lambda entry: (-entry[1], entry[0])))
