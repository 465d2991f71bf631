"""The outbox against a tool that lies at random: nothing is lost, at most one ticket stays open (R1, R7, R9).

Counted at the tool, never in our own tables. The same search fails as soon as the marker lookup is switched off: that
is how it proves that it looks.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.sdk.protocol import TicketState
from hub.connections.calling import MUTANT, NO_MARKER_LOOKUP
from hub.connections.models import Delivery, DeliveryKind, DeliveryState
from hub.core.database import Database
from hub.settings import Settings as HubSettings
from tests.factories import Cast, SettableClock
from tests.hub.connections.lying_tool import Fault, LyingTool
from tests.hub.connections.outbox_bench import OutboxBench

PASSING = [fault for fault in Fault if fault not in {Fault.REFUSED, Fault.UNAUTHORISED}]
"""Faults that end by themselves."""
SITES = iter(range(10**6))

TRIES = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a smaller example is not worth its minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.nested_given],
)

faults = st.lists(st.sampled_from([Fault.NONE, *PASSING]), max_size=12)
lags = st.sampled_from([0, 5, 60, 300, 599])


@pytest.fixture
def bench(database: Database, clock: SettableClock, settings: HubSettings, cast: Cast) -> OutboxBench:
    quick = settings.model_copy(update={"lease_seconds": 60})
    return OutboxBench(database, clock, quick, cast.org_units["sales"])


def play(bench: OutboxBench, script: list[Fault], lag: int, tickets: int = 3) -> tuple[LyingTool, list[Delivery]]:
    """Let some findings become tickets with a comment, close every second one, and wait until all is quiet."""
    site = f"site-{next(SITES)}"
    tool = bench.connect(site)
    tool.faults.extend(script)
    tool.lag = timedelta(seconds=lag)
    asked = []
    for number in range(tickets):
        item = f"{site}-{number}"
        asked.append(bench.ask(connection=site, item=item))
        bench.ask(DeliveryKind.COMMENT, {"text": "Please look."}, connection=site, item=item)
        if number % 2:
            bench.ask(DeliveryKind.TRANSITION, {"state": TicketState.CLOSED}, connection=site, item=item)
    bench.run()
    for _ in range(-(-lag // 300) + 3):
        bench.clock.advance(minutes=6)
        bench.sweep()
        bench.run()
    return tool, asked


def broken_promises(bench: OutboxBench, tool: LyingTool, asked: list[Delivery]) -> list[str]:
    """Say what of the promise was not kept."""
    broken = []
    for number, delivery in enumerate(asked):
        made = [kept for kept in tool.tickets.values() if kept.marker == delivery.marker]
        wanted = 0 if number % 2 else 1
        if not made:
            broken.append(f"ticket {number} was lost")
        if len(tool.open_with(str(delivery.marker))) != wanted:
            broken.append(f"ticket {number}: {len(tool.open_with(str(delivery.marker)))} open, {wanted} expected")
        if sum(list(kept.comments.values()).count("Please look.") for kept in made) != 1:
            broken.append(f"ticket {number}: its comment is not there once")
        if bench.row(delivery).state != DeliveryState.APPLIED:
            broken.append(f"ticket {number}: its delivery is {bench.row(delivery).state}")
    return broken


@settings(TRIES, max_examples=6)
@given(script=faults, lag=lags)
def test_no_ticket_is_lost_and_one_at_most_stays_open(bench: OutboxBench, script: list[Fault], lag: int) -> None:
    tool, asked = play(bench, script, lag)
    assert broken_promises(bench, tool, asked) == []
    assert len(tool.tickets) == len(asked), "a twin was made although the lag is shorter than the settle window"


@settings(TRIES, max_examples=3)
@given(script=faults)
def test_beyond_the_settle_window_twins_are_made_and_none_stays_open(bench: OutboxBench, script: list[Fault]) -> None:
    tool, asked = play(bench, script, lag=3600)
    assert broken_promises(bench, tool, asked) == []


@pytest.mark.full
@settings(TRIES, max_examples=500)
@given(script=st.lists(st.sampled_from(PASSING), max_size=40), lag=lags)
@pytest.mark.timeout(3600)
def test_no_ticket_is_lost_in_long_runs_of_lies(bench: OutboxBench, script: list[Fault], lag: int) -> None:
    tool, asked = play(bench, script, lag, tickets=8)
    assert broken_promises(bench, tool, asked) == []


def test_the_search_finds_the_mutant_without_marker_lookup(bench: OutboxBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MUTANT, NO_MARKER_LOOKUP)

    @settings(TRIES, max_examples=30, derandomize=True, database=None)
    @given(script=faults, lag=lags)
    def search(script: list[Fault], lag: int) -> None:
        tool, asked = play(bench, script, lag)
        assert broken_promises(bench, tool, asked) == []

    with pytest.raises((AssertionError, ExceptionGroup)):
        search()
