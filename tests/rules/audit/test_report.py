"""The HTML report: whole in one file, a chart for each finding, neutral words, nothing that runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from rules.audit.charts import charts, spoken, steps
from rules.audit.findings import Audit
from rules.audit.intake import Intake
from rules.audit.report import to_html
from rules.engine import evaluate
from rules.history import History
from rules.loader import load_pack, packs

MONTHS = [f"2025-{month:02d}-01" for month in range(1, 13)]
HOSTILE = "<script>alert(1)</script>"


def history(**more: list[dict[str, Any]]) -> History:
    tables: dict[str, Any] = {
        "series": [
            {
                "id": "sales",
                "title": HOSTILE,
                "cadence": "monthly",
                "direction": "up",
                "latency": "5d",
                "thresholds": "90",
            }
        ],
        "observations": [{"series": "sales", "start": day, "value": 80 + place} for place, day in enumerate(MONTHS)]
        + [{"series": "sales", "start": MONTHS[3], "value": 70, "recorded_at": "2025-05-01"}],
        "targets": [
            {"series": "sales", "start": "2025-10-01", "end": "2025-12-31", "target": 95, "recorded_at": "2025-09-01"},
            {"series": "sales", "start": "2025-10-01", "end": "2025-12-31", "target": 85, "recorded_at": "2025-12-20"},
        ],
        "people": [{"id": "ann"}],
    }
    return History.build(as_of="2026-06-30", **(tables | more))


def audit(of: History) -> Audit:
    rules = [rule for name in packs() for rule in load_pack(name).rules]
    return Audit.of(Intake(of, understood=("a & b",)), evaluate(rules, of, complete=True))


class Elements(HTMLParser):
    """Collects the elements of a page, and complains about one that is not closed."""

    VOID = frozenset({"meta", "input", "br", "line", "rect", "circle", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_report_is_one_file_that_runs_and_loads_nothing() -> None:
    text = to_html(audit(history()))
    names = Elements(text).names
    assert not {"script", "link", "img", "iframe", "object"} & set(names)
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"https?://|url\(|@import", text)


def test_every_finding_has_a_chart_and_every_kind_its_explanations() -> None:
    of = audit(history())
    names = Elements(to_html(of)).names
    rules = {finding.rule for finding in of.findings}
    assert {"stale-series", "owner-missing", "target-eased-in-its-period"} <= rules
    assert names.count("article") == names.count("svg") == len(of.findings)
    assert to_html(of).count("What may explain it innocently") == len(rules)
    assert to_html(of).count("<dt>What would settle it") == len(rules)


def test_the_filter_needs_no_script() -> None:
    text = to_html(audit(history()))
    assert "id='only-stale-series'" in text
    assert "main:has(#only-stale-series:checked) .group:not(.g-stale-series){display:none}" in text


def test_its_words_accuse_nobody() -> None:
    said = to_html(audit(history())).lower()
    for word in ("gaming", "manipulat", "suspicious", "cheat", "fraud"):
        assert word not in said
    assert "measurement question" in said


def test_a_chart_shows_targets_cutoffs_revisions_and_what_the_finding_is_about() -> None:
    of = audit(history())
    (moved,) = (finding for finding in of.findings if finding.detector == "target_moved")
    (chart,) = charts(moved, of.intake.history)
    for part in ('class="target former"', 'class="target"', 'class="cutoff"', 'class="old"', 'class="band"'):
        assert part in chart
    assert chart.count('class="flag"') == 3
    assert "2025-10-01: 89, what the finding is about" in chart


def test_a_finding_about_records_shows_how_many_have_which_value() -> None:
    values = [{"series": "marks", "value": mark, "count": 20 + (60 if mark == 50 else 0)} for mark in range(20, 80)]
    of = history(
        series=[{"id": "marks", "direction": "up", "thresholds": "50"}], observations=[], targets=[], records=values
    )
    finding = next(one for one in audit(of).findings if one.subject == "marks")
    (chart,) = charts(finding, of)
    assert chart.count('class="bar"') >= 30
    assert 'class="cutoff"' in chart


def test_without_values_it_says_so() -> None:
    of = history(observations=[], targets=[], records=[{"series": "sales", "value": 1}])
    assert "There is no value to draw." in to_html(audit(of))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.25, 0.5, 0.75, 1]), (8, 97, [25, 50, 75]), (-3, 3, [-2, 0, 2]), (5, 5, [5])],
)
def test_an_axis_has_a_few_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert steps(low, high) == expected


@pytest.mark.parametrize(
    ("value", "said"), [(0.8865, "0.8865"), (12000, "12k"), (2_500_000, "2.5M"), (3e9, "3G"), (-7.0, "-7")]
)
def test_numbers_are_short(value: float, said: str) -> None:
    assert spoken(value) == said
