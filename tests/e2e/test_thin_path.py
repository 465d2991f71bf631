"""A row in a CSV becomes a ticket, and closing the ticket ends the finding: forth and back, all real processes.

F0.1, F0.5, F0.7: team members only ever touch the CSV and Jira.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.deployment import CONVERGE_SECONDS, Deployment, wait_until

pytestmark = pytest.mark.timeout(600)  # a whole product starts, several commands run
RULES = """
rules:
  - name: late-number
    detector: stale
    description: A value that was promised and is not there cannot be decided on.
    scope: {subject: series}
    severity: warning
    stage: live
    actions: [{type: ticket, to: steward, due: 5bd}]
"""
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def weeks(until: datetime) -> list[str]:
    """Give the Mondays of all weeks that ended before an instant."""
    count = max(0, (until - MONDAY) // timedelta(days=7))
    return [(MONDAY + timedelta(days=7) * number).date().isoformat() for number in range(count)]


def table(until: datetime) -> str:
    """Write a CSV of one weekly metric, up to the last week that ended before an instant."""
    rows = [f"customers,{monday},{100 + number}" for number, monday in enumerate(weeks(until))]
    return "\n".join(["metric,period_start,value", *rows]) + "\n"


def badge(word: str) -> str:
    """Give the end of a badge that says this, as pages write it."""
    return f">{word}</span>"


class Story:
    """The organisation's admin, and what their browser shows."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        token = deployment.start()
        assert token is not None
        self.browser: requests.Session = deployment.set_up(token)

    def connect(self, csv: str) -> None:
        """Plug in the CSV and Jira, and let Jira be written to."""
        self.csv = self.deployment.write("numbers.csv", csv)
        sheet = self.deployment.write("sheet.yaml", {"path": str(self.csv)})
        jira = self.deployment.write("jira.yaml", self.deployment.jira_config())
        self.deployment.run("connections", "add", "jira", "jira", "--config", str(jira))
        self.deployment.run("connections", "writes", "jira", "on")
        self.deployment.write("rules/late.yaml", RULES)
        self.deployment.run("apply", str(self.deployment.folder))
        self.deployment.run("connections", "add", "spreadsheet", "numbers", "--config", str(sheet))
        self.deployment.run("connections", "sync", "numbers")
        self.deployment.run("rules", "run")

    def page(self, path: str) -> str:
        """Open a page."""
        reply = self.browser.get(f"{self.deployment.address}{path}", timeout=30)
        assert reply.status_code == 200, reply.text[:2000]
        return reply.text

    def ticket(self) -> dict[str, Any]:
        """Give the only ticket, once it is there."""
        wait_until(lambda: len(self.deployment.jira.issues()) == 1, seconds=CONVERGE_SECONDS)
        return self.deployment.jira.issues()[0]


def test_a_row_becomes_a_ticket_and_a_closed_ticket_ends_the_finding(deployment: Deployment) -> None:
    story = Story(deployment)
    now = datetime.now(UTC)
    story.connect(table(now - timedelta(days=60)))
    ticket = story.ticket()
    assert "customers" in ticket["summary"].lower()
    assert "Close this ticket when it is fixed" in ticket["description"]

    story.csv.write_text(table(now), encoding="utf-8")
    deployment.jira.close_issue(ticket["key"])
    wait_until(lambda: badge("verified") in story.page("/actions"), seconds=CONVERGE_SECONDS)
    assert ticket["key"] in story.page("/actions")
    assert "No findings here" in story.page("/findings")
    assert badge("resolved") in story.page("/findings?status=resolved")

    def is_told() -> bool:
        comments = deployment.jira.issue(ticket["key"])["comments"]
        return any("Verified" in comment["text"] for comment in comments)

    wait_until(is_told, seconds=CONVERGE_SECONDS)  # pages know it first: the comment is a delivery of its own
    assert deployment.jira.issue(ticket["key"])["category"] == "done"


def test_a_ticket_closed_without_a_fix_comes_back_once_with_the_reason(deployment: Deployment) -> None:
    story = Story(deployment)
    story.connect(table(datetime.now(UTC) - timedelta(days=60)))
    ticket = story.ticket()
    deployment.jira.close_issue(ticket["key"])

    def is_back() -> bool:
        issue = deployment.jira.issue(ticket["key"])
        said = any("still holds" in comment["text"] for comment in issue["comments"])
        return said and issue["category"] != "done"

    wait_until(is_back, seconds=CONVERGE_SECONDS)
    comments = [c["text"] for c in deployment.jira.issue(ticket["key"])["comments"] if "still holds" in c["text"]]
    assert len(comments) == 1
    assert "No new observation" in comments[0]
    assert len(deployment.jira.issues()) == 1
    wait_until(lambda: badge("open") in story.page("/actions"), seconds=CONVERGE_SECONDS)
