"""An audit as people read it in a terminal: what was understood, what each check did, what it found."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rules.alerts import Finding
from rules.audit.findings import Audit, kind_of, needs
from rules.audit.scores import instant
from rules.results import RuleResult
from rules.schema import Severity

MOST = 20
"""Lines of a kind that are shown; the others are counted, and all are in the JSON."""
PAPER = 160
"""Characters in a line of a file."""
COLOURS = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}
SETTLING = "A finding is a question to whoever knows the numbers, not a verdict: plumbline rules explain NAME says what"
SETTLING_REST = "may explain it innocently and what would settle it."


def show_intake(console: Console, audit: Audit) -> None:
    """Print what was understood, ignored and unreadable."""
    intake = audit.intake
    _list(console, "Understood", intake.understood, "green")
    _list(console, "Ignored", intake.ignored, "yellow")
    _list(console, f"Unreadable ({len(intake.unreadable)})", [str(each) for each in intake.unreadable], "red")
    console.print(f"[bold]As of[/bold] {audit.as_of or 'no day: no row has a date'}\n", highlight=False)


def show_findings(console: Console, audit: Audit) -> None:
    """Print what each check tested, what it needs, and the findings."""
    checks = _table("Checks", "rule", "tested", "found", "skipped: what it needs")
    for result in audit.checks:
        checks.add_row(*_check(result))
    console.print(checks)
    if audit.findings:
        console.print(_findings(audit.findings))
        console.print(f"{SETTLING} {SETTLING_REST}", highlight=False)
    console.print(audit.summary, highlight=False)


def _check(result: RuleResult) -> Iterator[str | Text]:
    tested, found = result.statement.tested, result.statement.found
    yield result.rule.name
    yield f"{tested:,}"
    yield Text(f"{found:,}", style="yellow" if found else "")
    yield Text("\n".join(needs(result)), style="dim")


def _findings(findings: Sequence[Finding]) -> Table:
    table = _table(f"Findings ({len(findings)})", "severity", "rule", "subject", "when", "what the numbers say")
    for finding in findings:
        first, last = instant(finding.start)[:10], instant(max(finding.start, finding.end - 1))[:10]
        said = finding.summary if kind_of(finding) == "finding" else f"{finding.summary} (measurement question)"
        table.add_row(
            Text(finding.severity.value, style=COLOURS[finding.severity]),
            finding.rule,
            Text(finding.subject),
            first if first == last else f"{first} to {last}",
            Text(said),
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    for column in columns:
        right = column in {"tested", "found"}
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _list(console: Console, title: str, lines: Sequence[str], colour: str) -> None:
    if not lines:
        return
    console.print(f"[bold {colour}]{title}[/]")
    for line in lines[:MOST]:
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    if len(lines) > MOST:
        console.print(f"  and {len(lines) - MOST} more; --format json lists all")


def to_text(audit: Audit) -> str:
    """Return the tables without colours, for a file."""
    text = io.StringIO()
    show_findings(Console(file=text, width=PAPER), audit)
    return text.getvalue()
