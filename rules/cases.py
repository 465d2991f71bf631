"""Cases of a rule: small histories that say what it must find, and what it must leave alone.

A history is a mapping of `as_of` and tables. A table is a list of mappings, or text: a line of column names, then a
line a row, cells two or more spaces apart, `-` for unknown. A date without a time is a whole day, `as_of` its end.
Cases show what the detector finds on that day; waiting (`for`) belongs to an alert's life and is not in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rules.engine import evaluate
from rules.errors import HistoryError, RulesError
from rules.history import History
from rules.loader import Pack
from rules.registry import REGISTRY, Registry
from rules.schema import Rule

_GAP = re.compile(r"\s{2,}")


@dataclass(frozen=True)
class CaseResult:
    """How one case went: what was expected and not found, found and not expected, or why it could not be run."""

    rule: str
    number: int
    history: str
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Tell whether the rule did what the case says."""
        return not (self.missing or self.unexpected or self.problem)

    def __str__(self) -> str:
        """Say it in one line."""
        parts = [f"missing {', '.join(self.missing)}" if self.missing else ""]
        parts += [f"unexpected {', '.join(self.unexpected)}" if self.unexpected else "", self.problem]
        outcome = "; ".join(part for part in parts if part) or "passed"
        return f"{self.rule} case {self.number} ({self.history}): {outcome}"


def run_cases(pack: Pack, registry: Registry = REGISTRY) -> Iterator[CaseResult]:
    """Run every case of every rule of a pack."""
    for rule in pack.rules:
        for number, case in enumerate(rule.cases, start=1):
            yield run_case(rule, number, pack.histories[case.history], registry)


def run_case(rule: Rule, number: int, tables: Mapping[str, Any], registry: Registry = REGISTRY) -> CaseResult:
    """Run one case of a rule, counted from 1, on the tables of its history."""
    case = rule.cases[number - 1]
    try:
        history = read_history(tables, case.as_of)
    except RulesError as error:
        return CaseResult(rule.name, number, case.history, problem=str(error))
    result = evaluate([rule], history, registry=registry).result(rule.name)
    if result.failure:
        return CaseResult(rule.name, number, case.history, problem=f"could not run: {result.failure.error}")
    found = {_named(finding.subject, finding.slot) for finding in result.findings}
    found |= {f"{subject} (skipped)" for subject, _ in result.skipped if subject in case.skipped}
    expected = {_named(entry.subject, entry.slot) for entry in case.expect} | {
        f"{name} (skipped)" for name in case.skipped
    }
    tests_nothing = not result.statement.tested and not case.skipped
    return CaseResult(
        rule.name,
        number,
        case.history,
        missing=tuple(sorted(expected - found)),
        unexpected=tuple(sorted(found - expected)),
        problem="nothing was tested, so it shows nothing" if tests_nothing else "",
    )


def _named(subject: str, slot: str) -> str:
    return f"{subject} ({slot})" if slot else subject


def read_history(tables: Mapping[str, Any], as_of: str | None = None) -> History:
    """Make a history from the tables of a case."""
    given = dict(tables)
    day = as_of or given.pop("as_of", None)
    given.pop("as_of", None)
    if not isinstance(day, str):
        raise HistoryError("a history needs as_of: the day on which it is looked at, such as 2026-03-31")
    calendars = _rows("calendars", given.pop("calendars", []))
    rows: dict[str, Any] = {name: _rows(name, table) for name, table in given.items()}
    return History.build(as_of=day, calendars=calendars, **rows)


def _rows(name: str, table: object) -> list[Mapping[str, Any]]:
    if isinstance(table, list):
        return table
    if not isinstance(table, str):
        raise HistoryError(f"{name} is neither a list of rows nor a text table")
    header, *lines = [_GAP.split(line.strip()) for line in table.splitlines() if line.strip()]
    for line in lines:
        if len(line) != len(header):
            raise HistoryError(f"{name}: {'  '.join(line)!r} has {len(line)} cells, the header has {len(header)}")
    return [{column: cell for column, cell in zip(header, line, strict=True) if cell != "-"} for line in lines]
