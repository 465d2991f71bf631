"""A Jira site of the sandbox, with issues in it, for the contract checks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.jira.sandbox import BOT, PERSON, create_sandbox, demo_config, running
from connectors.jira.sandbox.deliveries import signature
from connectors.jira.sandbox.shapes import webhook_body
from connectors.jira.source import OVERLAP
from connectors.sdk.network import Network
from connectors.sdk.protocol import TicketDraft, WebhookRequest
from connectors.sdk.testing import Sample


@contextmanager
def sample() -> Iterator[Sample]:
    sandbox = create_sandbox()
    site = sandbox.site
    fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}}
    issues = [site.create({**fields, "summary": f"Issue {number}"}, {}, by=PERSON) for number in range(3)]
    with running(sandbox):
        config: dict[str, Any] = demo_config(site)
        body = json.dumps(webhook_body(site, "jira:issue_updated", issues[0], BOT, None)).encode()
        yield Sample(
            config=config,
            network=Network(private_hosts=frozenset({"127.0.0.1"})),
            overlap=OVERLAP + timedelta(seconds=1),
            webhook=WebhookRequest(
                method="POST",
                path="/webhooks/jira",
                headers={"x-hub-signature": signature(config["webhook_secret"], body)},
                body=body,
                received_at=datetime.now(UTC),
            ),
            draft=TicketDraft(title="A finding", paragraphs=("Something is so.",), closes_when="It is no longer so."),
            config_at=lambda url: {**config, "base_url": url},
        )
