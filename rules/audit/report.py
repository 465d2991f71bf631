"""An audit as one HTML file that needs nothing else: no script, no network; for a screen, a telephone and paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from itertools import groupby
from operator import attrgetter

from rules.alerts import Finding
from rules.audit.charts import charts
from rules.audit.findings import Audit, kind_of, needs
from rules.audit.scores import instant
from rules.calendars import UNKNOWN
from rules.registry import REGISTRY
from rules.results import RuleResult
from rules.schema import Rule

MOST_ROWS = 200
"""Unreadable rows that are listed; the others are counted."""
INTRODUCTION = (
    "A finding says what the numbers show and where. It is a question to whoever knows them, not a verdict: "
    "beside each kind stands what may explain it innocently, and what would settle it."
)


def to_html(audit: Audit) -> str:
    """Return the whole report."""
    # The order of findings is kept inside a rule; rules stand in the order in which their first finding comes.
    first = {finding.rule: place for place, finding in reversed(list(enumerate(audit.findings)))}
    ordered = sorted(audit.findings, key=lambda finding: first[finding.rule])
    groups = [(rule, list(found)) for rule, found in groupby(ordered, key=attrgetter("rule"))]
    rules = {result.rule.name: result.rule for result in audit.checks}
    now = f"As of {audit.as_of}." if audit.as_of else "No row has a date."
    body = [
        "<header><h1>Audit of measurements</h1>",
        f"<p class='lead'>{_text(audit.summary)}</p><p>{now} {INTRODUCTION}</p>",
        "</header>",
        *_intake(audit),
        *_checks(audit.checks),
        *_filter([rule for rule, _ in groups]),
        *(part for rule, found in groups for part in _group(audit, rule, rules.get(rule), found)),
    ]
    style = files("rules.audit").joinpath("report.css").read_text("utf-8")
    hiding = "".join(f"main:has(#only-{rule}:checked) .group:not(.g-{rule}){{display:none}}" for rule, _ in groups)
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        "<meta name='viewport' content='width=device-width, initial-scale=1'><title>Audit of measurements</title>"
        f"<style>{style}@media screen{{{hiding}}}</style></head><body><main>{''.join(body)}</main></body></html>\n"
    )


def _intake(audit: Audit) -> Iterator[str]:
    intake = audit.intake
    yield "<section><h2>What was read</h2>"
    yield _listed("Understood", intake.understood)
    yield _listed("Ignored", intake.ignored)
    shown = [str(each) for each in intake.unreadable[:MOST_ROWS]]
    if len(intake.unreadable) > MOST_ROWS:
        shown.append(f"and {len(intake.unreadable) - MOST_ROWS} more")
    yield _listed(f"Unreadable and left out ({len(intake.unreadable)})", shown)
    yield "</section>"


def _listed(title: str, lines: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<h3>{title}</h3><ul>{items}</ul>" if items else ""


def _checks(results: Iterable[RuleResult]) -> Iterator[str]:
    yield "<section><h2>What was checked</h2><table><thead><tr><th>check</th><th class='n'>tested</th>"
    yield "<th class='n'>found</th><th>not tested: what it needs</th></tr></thead><tbody>"
    for result in results:
        name, found = result.rule.name, result.statement.found
        link = f"<a href='#{name}'>{found:,}</a>" if found else "0"
        yield f"<tr><td>{name}</td><td class='n'>{result.statement.tested:,}</td><td class='n'>{link}</td>"
        yield f"<td>{'<br>'.join(map(_text, needs(result)))}</td></tr>"
    yield "</tbody></table></section>"


def _filter(rules: list[str]) -> Iterator[str]:
    if not rules:
        return
    yield "<fieldset class='filter'><legend>Show</legend>"
    for name, label, chosen in [("all", "all findings", " checked"), *((rule, rule, "") for rule in rules)]:
        yield f"<label><input type='radio' name='only' id='only-{name}'{chosen}> {label}</label> "
    yield "</fieldset>"


def _group(audit: Audit, name: str, rule: Rule | None, findings: list[Finding]) -> Iterator[str]:
    yield f"<section class='group g-{name}' id='{name}'><h2>{name} <small>{len(findings)}</small></h2>"
    if rule:
        detector = REGISTRY.get(rule.detector)
        yield f"<p>{_text(rule.description)}</p><dl>"
        for heading, asked in (
            ("What may explain it innocently", "Innocent explanations"),
            ("What would settle it", "What would settle it"),
            ("What it says", "What it says"),
        ):
            yield f"<dt>{heading}</dt><dd>{_text(detector.section(asked))}</dd>"
        yield "</dl>"
    for finding in findings:
        yield from _finding(audit, finding)
    yield "</section>"


def _finding(audit: Audit, finding: Finding) -> Iterator[str]:
    title = finding.title or finding.subject
    same = "" if title == finding.subject else f" <small>{_text(finding.subject)}</small>"
    yield f"<article><div class='said'><h3>{_text(title)}{same}</h3>"
    yield f"<p class='badges'><span class='{finding.severity.value}'>{finding.severity.value}</span> "
    yield f"<span>{kind_of(finding)}</span>{_when(finding)}</p><p>{_text(finding.summary)}.</p>{_odds(finding)}</div>"
    drawn = "".join(charts(finding, audit.intake.history))
    yield f"<div class='shown'>{drawn or '<p class=none>There is no value to draw.</p>'}</div></article>"


def _when(finding: Finding) -> str:
    if finding.start == UNKNOWN or finding.end <= finding.start:
        return ""
    first, last = instant(finding.start)[:10], instant(finding.end - 1)[:10]
    return f" <span>{first if first == last else f'{first} to {last}'}</span>"


def _odds(finding: Finding) -> str:
    if finding.p is None:
        return "<p class='odds'>Follows from the rows themselves; chance plays no part.</p>"
    least = 0.0001
    odds = f"less than {least}" if finding.p < least else f"{finding.p:.2g}"
    return f"<p class='odds'>Probability of so much by chance alone: {odds}.</p>"


def _text(words: object) -> str:
    return escape(str(words)).replace("`", "")
