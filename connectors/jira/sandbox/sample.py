"""What the contract tests of connectors need to try this one: a served site with issues, a draft, a webhook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.jira.progress import OVERLAP
from connectors.jira.sandbox import DEMO_SECRET, PERSON, create_sandbox, demo_config, running
from connectors.jira.sandbox.deliveries import signature
from connectors.jira.sandbox.shapes import webhook_body
from connectors.jira.sandbox.site import Site
from connectors.sdk.network import Network
from connectors.sdk.protocol import TicketDraft, WebhookRequest
from connectors.sdk.testing import Sample

START = datetime(2026, 11, 3, 9, tzinfo=UTC)


STREAMS_TOO: dict[str, Any] = {
    "plan": [{"kind": "key_result", "issue_type": "Task"}],
    "metrics": [{"name": "Tasks", "kind": "count", "jql": "type = Task", "cadence": "daily", "since": "2026-11-02"}],
}
"""What the streams beside the issues need."""


class _Ticking:
    """A clock that moves on by a minute at each look, so that no two changes are of one instant."""

    def __init__(self) -> None:
        self._now = START

    def __call__(self) -> datetime:
        self._now += timedelta(minutes=1)
        return self._now

    def jump(self) -> None:
        """Let the overlap pass: what was there before is then settled, and is read the same way each time."""
        self._now += OVERLAP


@contextmanager
def sample() -> Iterator[Sample]:
    """Serve a site with a few issues while a check runs."""
    clock = _Ticking()
    sandbox = create_sandbox(Site(clock=clock))
    for number in range(12):
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": f"Issue {number}"}
        issue = sandbox.site.create(fields, {}, by=PERSON)
    sandbox.site.comment(issue, "/checkin 62 at-risk because the pilot slipped", by=PERSON)
    clock.jump()
    with running(sandbox):
        config: dict[str, Any] = demo_config(sandbox.site) | STREAMS_TOO
        body = json.dumps(webhook_body(sandbox.site, "jira:issue_created", issue, PERSON, None)).encode()
        yield Sample(
            config=config,
            network=Network(private_hosts=frozenset({"127.0.0.1"})),
            overlap=OVERLAP,
            webhook=WebhookRequest(
                method="POST",
                path="/webhooks/jira",
                headers={
                    "x-hub-signature": signature(DEMO_SECRET, body),
                    "x-atlassian-webhook-identifier": "5d6f9c1e-0001",
                },
                body=body,
                received_at=START,
            ),
            draft=TicketDraft(title="A title", paragraphs=("A line.",), closes_when="It is done."),
            config_at=lambda url: {**config, "base_url": url},
        )
