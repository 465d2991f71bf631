"""A row in a CSV becomes a ticket, and closing the ticket ends the finding: forth and back, all real processes.

F0.1, F0.5, F0.7: team members only ever touch the CSV and Jira.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.deployment import CONVERGE_SECONDS, Deployment, wait_until
from tests.e2e.story import Story, badge, table

pytestmark = pytest.mark.timeout(600)  # a whole product starts, several commands run


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
    assert story.steps() == ["opened", "ticket created", "done", "reopened"]  # our own comment is no second closing
