"""Findings and tested cases as rows that other tools read: one row a finding, or one row for every case tested."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rules.calendars import UNKNOWN, moment
from rules.results import Evaluation, RuleResult

COLUMNS = ("rule", "pattern", "metric", "at", "from", "to", "score", "p_value", "severity", "message")
"""Columns of a row; rows of tested cases also say whether they fired."""


def write_scores(evaluation: Evaluation, path: Path) -> None:
    """Write every case that was tested, fired or not."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, (*COLUMNS, "fired"), lineterminator="\n")
        writer.writeheader()
        for result in evaluation.results:
            writer.writerows(tested_rows(result))


def tested_rows(result: RuleResult) -> Iterator[dict[str, str]]:
    """Yield a row for each case of a rule."""
    cases, found = result.cases, {(finding.subject, finding.slot): finding for finding in result.findings}
    for row in range(len(cases)):
        finding = found.get((cases.subject[row], cases.slot[row]))
        yield {
            "rule": result.rule.name,
            "pattern": result.rule.detector,
            "metric": cases.subject[row],
            "at": place(cases.slot[row]),
            "from": instant(int(cases.start[row])),
            "to": instant(int(cases.end[row]) - 1 if cases.end[row] > cases.start[row] else int(cases.end[row])),
            "score": number(float(cases.score[row])),
            "p_value": number(float(cases.p[row])),
            "severity": result.rule.severity.value,
            "message": finding.summary if finding else "",
            "fired": "true" if finding else "false",
        }


def place(slot: str) -> str:
    """Return the cutoff that a slot names, empty where it names something else."""
    try:
        float(slot)
    except ValueError:
        return ""
    return slot


def instant(at: int) -> str:
    """Return an instant as ISO 8601 text, empty where it is unknown."""
    return "" if at == UNKNOWN else moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: float) -> str:
    """Return a number as text, empty where it is unknown."""
    return "" if math.isnan(value) else f"{np.float64(value):.10g}"
