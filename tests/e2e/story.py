"""The organisation whose numbers are late: what its admin and its teams do, and what their browser shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.deployment import CONVERGE_SECONDS, Deployment, wait_until

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

    def steps(self) -> list[str]:
        """Give the steps that the page of the only action lists."""
        (action,) = set(re.findall(r'href="(/actions/\w+)"', self.page("/actions")))
        (table,) = re.findall(r"<caption[^>]*>Steps of this action.*?</table>", self.page(action), re.DOTALL)
        return re.findall(r"<tr><td>.*?</td><td>([^<]+)</td>", table)

    def ticket(self) -> dict[str, Any]:
        """Give the only ticket, once it is there."""
        wait_until(lambda: len(self.deployment.jira.issues()) == 1, seconds=CONVERGE_SECONDS)
        return self.deployment.jira.issues()[0]
