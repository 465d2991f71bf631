"""A Jira sandbox on a clock that the test moves, a connector signed in to it, and every call held to the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.jira import JiraConnector
from connectors.jira.config import JiraConfig
from connectors.jira.sandbox import Deliveries, Sandbox, Site, create_sandbox, demo_config, running
from connectors.sdk.faults import ManualTime
from connectors.sdk.network import Network
from connectors.sdk.protocol import TicketDraft
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
