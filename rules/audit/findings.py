"""What an audit came to, and its findings as rows, as CSV and as JSON: what other tools read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rules.alerts import Finding
from rules.audit.intake import Intake
from rules.audit.scores import COLUMNS, instant, number, place
from rules.registry import REGISTRY
from rules.results import Evaluation, RuleResult
from rules.schema import Severity

OPERATIONAL = frozenset(
    {
        *("stale", "ownership_gap", "missing_reporting", "anomaly", "level_shift"),
        *("redundant_metric", "definition_conflict", "engine"),
    }
)
"""Detectors whose findings are about data and duties; those of the others are measurement questions."""


@dataclass(frozen=True)
class Audit:
    """What was read, what every rule did, and the findings in the order in which people should read them."""

    intake: Intake
    evaluation: Evaluation
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, intake: Intake, evaluation: Evaluation) -> Audit:
        """Put the most severe findings first, and of each rule the most unusual."""
        order = list(Severity)
        found = sorted(
            evaluation.findings,
            key=lambda one: (-order.index(one.severity), one.rule, -one.score, one.subject, one.slot),
        )
        return cls(intake, evaluation, tuple(found))

    @property
    def checks(self) -> list[RuleResult]:
        """The rules' results, without what the engine says about the rules."""
        return [result for result in self.evaluation.results if result.rule.detector != "engine"]

    @property
    def as_of(self) -> str:
        """The day on which it asks, empty where no row has a date."""
        return instant(self.intake.history.as_of) if self.intake.history.as_of else ""

    @property
    def summary(self) -> str:
        """What the audit came to in one sentence; what was not tested is never called clean."""
        waiting = sum(1 for result in self.checks if not result.statement.tested)
        found = f"{len(self.findings)} finding{'' if len(self.findings) == 1 else 's'}"
        rest = f"; {waiting} checks need more data and say nothing about these numbers" if waiting else ""
        return f"{found} by {len(self.checks) - waiting} of {len(self.checks)} checks{rest}."


def kind_of(finding: Finding) -> str:
    """Return what people call a finding."""
    return "finding" if finding.detector in OPERATIONAL else "measurement question"


def row_of(finding: Finding) -> dict[str, str]:
    """Return a finding as the row that the format of audit folders describes."""
    last = finding.end - 1 if finding.end > finding.start else finding.end
    return {
        "rule": finding.rule,
        "pattern": finding.detector,
        "metric": finding.subject,
        "at": place(finding.slot),
        "from": instant(finding.start),
        "to": instant(last),
        "score": number(finding.score),
        "p_value": "" if finding.p is None else number(finding.p),
        "severity": finding.severity.value,
        "message": finding.summary,
    }


def to_csv(audit: Audit) -> str:
    """Return one row a finding."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(cell) for name, cell in row_of(finding).items()} for finding in audit.findings)
    return text.getvalue()


def to_json(audit: Audit) -> str:
    """Return what was understood, what each rule did, and every finding with its evidence."""
    intake = audit.intake
    told = {
        "as_of": audit.as_of or None,
        "understood": intake.understood,
        "ignored": intake.ignored,
        "unreadable": [each._asdict() for each in intake.unreadable],
        "rules": [_told(result) for result in audit.checks],
        "findings": [_explained(finding) for finding in audit.findings],
    }
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def needs(result: RuleResult) -> Iterator[str]:
    """Yield what a rule would need to test more, and for how many."""
    if result.failure:
        yield f"a rule that runs ({result.failure.kind} at {result.failure.place})"
    for need, count in result.statement.skipped.items():
        yield f"{count}: {need}"
    if not result.statement.tested and not result.statement.skipped and not result.failure:
        yield "nothing here is in its scope"


def _told(result: RuleResult) -> dict[str, Any]:
    return {
        "rule": result.rule.name,
        "pattern": result.rule.detector,
        "tested": result.statement.tested,
        "found": result.statement.found,
        "needs": list(needs(result)),
    }


def _explained(finding: Finding) -> dict[str, Any]:
    found = row_of(finding) | {"kind": kind_of(finding), "title": finding.title, "slot": finding.slot}
    more: dict[str, Any] = {"effect": finding.effect, "facts": finding.facts, "evidence": list(finding.evidence)}
    if finding.detector != "engine":
        detector = REGISTRY.get(finding.detector)
        more["innocent_explanations"] = detector.section("Innocent explanations")
        more["what_would_settle_it"] = detector.section("What would settle it")
    known = {name: None if cell == "" else cell for name, cell in found.items()}
    for name in ("score", "p_value"):
        known[name] = None if known[name] is None else float(found[name])  # type: ignore[assignment] # numbers in JSON
    return known | more


def _harmless(cell: str) -> str:
    """Keep a spreadsheet from running a cell as a formula; numbers stay numbers."""
    try:
        float(cell)
    except ValueError:
        return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
    return cell
