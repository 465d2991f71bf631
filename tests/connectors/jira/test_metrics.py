"""Metrics defined by JQL: the numbers, the issues behind them, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.jira import JiraConnector, jql
from connectors.jira.config import JqlMetric
from connectors.jira.measures import Item, Move, figure, periods, working_time
from connectors.jira.metrics import METRICS
from connectors.jira.sandbox import PERSON, Site
from connectors.jira.sandbox.model import Issue
from connectors.sdk.protocol import Checkpoint, Cursor, Record, TicketDraft
from tests.connectors.jira.conftest import Connect
from tests.factories import SettableClock

BOTH = pytest.mark.parametrize("sandbox", ["cloud", "data_center"], indirect=True)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
COUNT: dict[str, Any] = {"name": "New bugs", "kind": "count", "jql": "type = Bug", "since": "2026-03-02"}
EVERY: list[dict[str, Any]] = [
    COUNT,
    {**COUNT, "name": "Points", "kind": "sum", "jql": "type = Task", "field": "customfield_10016"},
    {**COUNT, "name": "Bug share", "kind": "ratio", "of": "type IN (Bug, Task)"},
    {**COUNT, "name": "Done", "kind": "throughput", "jql": "type = Task"},
    {**COUNT, "name": "Cycle time", "kind": "cycle_time", "jql": "type = Task"},
    {**COUNT, "name": "Age", "kind": "item_age", "jql": "type = Task"},
    {**COUNT, "name": "Reopened", "kind": "reopen_rate", "jql": "type = Task"},
]


def make(site: Site, kind: str, **fields: object) -> Issue:
    common = {"project": {"key": "OPS"}, "issuetype": {"name": kind}, "summary": f"A {kind}"}
    return site.create({**common, **fields}, {}, by=PERSON)


def move(site: Site, issue: Issue, way: str) -> None:
    site.transition(site.issue(str(issue.id)), way, by=PERSON)


def two_weeks(site: Site, clock: SettableClock) -> dict[str, Issue]:
    """Monday: two bugs and three tasks; work on two of them; one closed on Wednesday, reopened on Monday, closed."""
    clock.set(MONDAY)
    made = {name: make(site, "Bug") for name in ("bug 1", "bug 2")}
    made |= {name: make(site, "Task", customfield_10016=number) for number, name in enumerate(("a", "b", "c"), 2)}
    move(site, made["a"], "21")
    clock.advance(days=1)
    move(site, made["b"], "21")
    clock.advance(days=1)
    move(site, made["a"], "31")
    clock.advance(days=5)
    move(site, made["a"], "21")
    clock.advance(days=1)
    move(site, made["a"], "31")
    clock.set(datetime(2026, 3, 16, 12, tzinfo=UTC))
    return made


def rows(entries: list[Any]) -> dict[str, dict[str, Any]]:
    return {entry.key: dict(entry.data) for entry in entries if isinstance(entry, Record)}


@BOTH
def test_each_kind_of_metric_says_what_it_should_and_names_the_issues_behind_it(
    connect: Connect, site: Site, clock: SettableClock
) -> None:
    made = two_weeks(site, clock)
    found = rows(list(connect(metrics=EVERY).read(METRICS, None)))

    def said(key: str) -> tuple[Any, Any, Any, list[str]]:
        row = found[key]
        names = {str(issue.id): name for name, issue in made.items()}
        return row["value"], row["numerator"], row["denominator"], [names[item] for item in row["items"]]

    assert said("New bugs|2026-03-02") == (2, None, None, ["bug 1", "bug 2"])
    assert said("New bugs|2026-03-09") == (0, None, None, [])
    assert said("Points|2026-03-02") == (9, None, None, ["a", "b", "c"])
    assert said("Bug share|2026-03-02") == (0.4, 2, 5, ["bug 1", "bug 2", "a", "b", "c"])
    assert said("Done|2026-03-02") == (0, None, None, [])
    assert said("Done|2026-03-09") == (1, None, None, ["a"])
    assert said("Cycle time|2026-03-09") == (6, None, None, ["a"])
    assert said("Age|2026-03-02") == (3.625, None, None, ["b"])
    assert said("Reopened|2026-03-09") == (1, 1, 1, ["a"])
    assert said("Reopened|2026-03-02") == (0, 0, 1, ["a"])
    assert {"Bug share|2026-03-09", "Cycle time|2026-03-02", "New bugs|2026-03-16"} & set(found) == set()


@BOTH
def test_plumblines_own_tickets_are_part_of_no_metric(
    connect: Connect, site: Site, clock: SettableClock, draft: TicketDraft
) -> None:
    clock.set(MONDAY)
    jira = connect(metrics=[{**COUNT, "jql": "type = Task"}])
    jira.create(draft, "01hzy8t3v5k2m9q4")
    make(site, "Task")
    clock.advance(days=8)
    assert rows(list(jira.read(METRICS, None)))["New bugs|2026-03-02"]["value"] == 1


def test_only_rows_that_changed_are_read_again_and_all_are_counted(
    connect: Connect, site: Site, clock: SettableClock
) -> None:
    two_weeks(site, clock)
    jira = connect(metrics=EVERY)
    entries = list(jira.read(METRICS, None))
    cursor: Cursor = next(entry.cursor for entry in entries if isinstance(entry, Checkpoint))
    assert rows(list(jira.read(METRICS, cursor))) == {}
    site.delete(site.issue("OPS-1"), by=PERSON)
    changed = rows(list(jira.read(METRICS, cursor)))
    assert set(changed) == {"New bugs|2026-03-02", "Bug share|2026-03-02"}
    keys = list(jira.keys(METRICS))
    assert set(keys) == set(rows(entries))
    assert [record.deleted for record in jira.fetch(METRICS, [keys[0], "New bugs|1999-01-04"])] == [False, True]


def test_a_metric_stays_in_the_projects_of_its_connection(connect: Connect, site: Site, clock: SettableClock) -> None:
    clock.set(MONDAY)
    site.create({"project": {"key": "KPI"}, "issuetype": {"name": "Bug"}, "summary": "Elsewhere"}, {}, by=PERSON)
    clock.advance(days=8)
    wide = {**COUNT, "jql": "type = Bug OR project = KPI"}
    jira: JiraConnector = connect(projects=["OPS"], tickets=None, metrics=[wide])
    assert rows(list(jira.read(METRICS, None)))["New bugs|2026-03-02"]["value"] == 0


@pytest.mark.parametrize(
    "text", ["type = Bug) OR (project = HR", "(type = Bug", "type = Bug ORDER BY created", 'summary ~ "x', " ", "a)(b"]
)
def test_a_condition_that_would_not_stay_whole_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"parentheses|ORDER BY|quotation|condition"):
        jql.condition(text)


@pytest.mark.parametrize("text", ["type = Bug", '(a = ")(" OR b = "order by") AND c = \'"\'', r'summary ~ "a \" b)"'])
def test_a_condition_that_stays_whole_is_taken_as_it_is(text: str) -> None:
    assert jql.condition(text) == text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "ratio"}, "ratio needs it"),
        ({"of": "type = Task"}, "belongs to a ratio"),
        ({"kind": "sum"}, "sum needs it"),
        ({"since": "2026-03-03"}, "Monday"),
        ({"cadence": "monthly"}, "first of a month"),
        ({"zone": "Mars/Olympus"}, "IANA"),
        ({"jql": "type = Bug)"}, "parentheses"),
    ],
)
def test_a_metric_that_cannot_be_worked_out_is_refused_when_it_is_written(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        JqlMetric.model_validate({**COUNT, **change})


def test_working_days_leave_out_weekends_and_holidays_and_follow_the_zone() -> None:
    metric = JqlMetric.model_validate({**COUNT, "zone": "Europe/Berlin", "holidays": ["2026-04-06"]})
    friday, tuesday = datetime(2026, 4, 3, 10, tzinfo=UTC), datetime(2026, 4, 7, 10, tzinfo=UTC)
    assert working_time(metric).days(friday, tuesday) == 1
    saturday, sunday = datetime(2026, 3, 28, 10, tzinfo=UTC), datetime(2026, 3, 29, 10, tzinfo=UTC)
    assert working_time(metric).days(saturday, sunday) == 0


def test_a_percentile_is_one_of_the_values() -> None:
    metric = JqlMetric.model_validate({**COUNT, "kind": "cycle_time", "percentile": 50})
    items = [
        Item(
            str(days), MONDAY, "done", moves=(Move(MONDAY, "new", "indeterminate"), Move(end, "indeterminate", "done"))
        )
        for days, end in ((days, MONDAY.replace(day=2 + days)) for days in (1, 2, 4))
    ]
    (period,) = periods(metric, datetime(2026, 3, 10, tzinfo=UTC))
    found = figure(metric, period, items, [])
    assert found is not None
    assert (found.value, sorted(found.items)) == (2, ["1", "2", "4"])


def test_months_begin_where_the_zone_says() -> None:
    metric = JqlMetric.model_validate({**COUNT, "cadence": "monthly", "since": "2026-03-01", "zone": "Europe/Berlin"})
    spans = [(period.start, period.end) for period in periods(metric, datetime(2026, 5, 1, tzinfo=UTC))]
    marks = [datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)]
    assert spans == [(marks[0], marks[1]), (marks[1], datetime(2026, 4, 30, 22, tzinfo=UTC))]
