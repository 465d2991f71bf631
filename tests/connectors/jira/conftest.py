"""A Jira sandbox on a clock that the test moves, a connector signed in to it, and every call held to the contract."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connectors.jira import JiraConnector
from connectors.jira.config import JiraConfig
from connectors.jira.sandbox import Deliveries, Sandbox, Site, create_sandbox, demo_config, running
from connectors.sdk.faults import ManualTime
from connectors.sdk.network import Network
from connectors.sdk.protocol import TicketDraft, WebhookRequest
from tests.contract.watch import contracts
from tests.factories import SettableClock

__all__ = ["contracts"]

Connect = Callable[..., JiraConnector]


@pytest.fixture
def sandbox(clock: SettableClock, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Serve a site; parametrize indirectly with a deployment to have Data Center."""
    site = Site(clock=clock, deployment=getattr(request, "param", "cloud"), projects=(("OPS", "Ops"), ("KPI", "KPIs")))
    sandbox = create_sandbox(site, deliveries=Deliveries(site, pauses=(0.0, 0.0, 0.0, 0.0, 0.0)))
    with running(sandbox):
        yield sandbox


@pytest.fixture
def site(sandbox: Sandbox) -> Site:
    return sandbox.site


@pytest.fixture
def connect(site: Site) -> Connect:
    """Give a way to connect with changes to the demo configuration."""

    def connected(**changes: object) -> JiraConnector:
        config = JiraConfig.model_validate({**demo_config(site), **changes})
        network = Network(private_hosts=frozenset({"127.0.0.1"}), timing=ManualTime().timing(), total_seconds=10.0)
        return JiraConnector(config, network)

    return connected


@pytest.fixture
def jira(connect: Connect) -> JiraConnector:
    return connect()


@pytest.fixture
def draft() -> TicketDraft:
    return TicketDraft(
        title="Revenue, North: no value for 19 days",
        paragraphs=("The last value is of 12 March.", "It was due on 1 April."),
        table=(("period", "value"), ("2026-02", "41"), ("2026-03", "")),
        closes_when="A value for March arrives.",
        labels=("data-trust",),
        link="https://plumbline.example.com/findings/fnd_1?a=1&b=2",
        link_title="Finding in Plumbline",
    )


@dataclass
class Listener:
    """Takes webhooks; answers with the statuses that a test lines up, then with 202."""

    url: str = ""
    statuses: deque[int] = field(default_factory=deque)
    received: list[WebhookRequest] = field(default_factory=list)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.received]

    def events(self) -> list[str]:
        return [body["webhookEvent"] for body in self.bodies()]


@pytest.fixture
def listener(clock: SettableClock) -> Iterator[Listener]:
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.received.append(
                WebhookRequest(method="POST", path=self.path, headers=headers, body=body, received_at=clock())
            )
            self.send_response(heard.statuses.popleft() if heard.statuses else 202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_port}/webhooks/jira"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()
