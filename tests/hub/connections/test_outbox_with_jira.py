"""Outbox and reading over the real Jira connector in its own process, against the stand-in; counted at the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectors.jira.sandbox import Fault, Kind, Sandbox, Site, create_sandbox, demo_config, ledger, running
from connectors.sdk.protocol import TicketState
from hub.connections import service
from hub.connections.configuration import split
from hub.connections.describing import describe
from hub.connections.models import Connection, ConnectionHealth, Delivery, DeliveryKind, DeliveryState, Stage
from hub.connections.places import Foreground
from hub.connections.processes import Connectors
from hub.core.database import Database
from hub.core.sealing import Sealer
from hub.settings import Settings
from hub.syncing.models import Record
from hub.syncing.reading import sync
from tests.factories import Cast, SettableClock, build_cast
from tests.hub.connections.outbox_bench import OutboxBench


@dataclass
class JiraSite:
    """A site, a connection to it, and the outbox that writes there."""

    sandbox: Sandbox
    bench: OutboxBench
    tools: Connectors
    connection_id: int

    def fault(self, operation: str, kind: Kind, **options: Any) -> None:  # noqa: ANN401  # a fault's own options
        """Plan one failure."""
        self.sandbox.site.faults.plan(Fault(operation, kind, **options))

    def issues(self) -> list[dict[str, Any]]:
        """List what the site holds."""
        found: list[dict[str, Any]] = ledger(self.sandbox.site)["issues"]
        return found

    def sync(self, *, full: bool = False) -> dict[str, Any]:
        """Read the site and give the counts of its issues."""
        self.bench.clock.advance(minutes=1)
        place = Foreground(self.bench.database, self.bench.settings, self.bench.clock, {"connectors": self.tools})
        return vars(sync(place, self.connection_id, full=full).streams["issues"])


@pytest.fixture
def jira(sqlite_database: Database, clock: SettableClock, settings: Settings) -> Iterator[JiraSite]:
    allowed = settings.model_copy(update={"allow_private_hosts": ("127.0.0.1",)})
    with sqlite_database.write() as session:
        cast: Cast = build_cast(session, now=clock())
    sandbox = create_sandbox(Site(clock=clock))
    tools = Connectors(allowed)
    bench = OutboxBench(sqlite_database, clock, allowed, cast.org_units["sales"], tools)  # type: ignore[arg-type]  # lends alike
    with running(sandbox):
        plain, secrets = split(demo_config(sandbox.site), describe("jira").schema)
        with sqlite_database.write() as session:
            draft = service.Draft("jira", "jira", "Jira", plain, secrets, cast.org_units["sales"])
            sealer = Sealer.from_settings(allowed)
            made = service.add_connection(session, draft, sealer=sealer, by="system:test", now=clock())
            made.stage = Stage.WRITING
        yield JiraSite(sandbox, bench, tools, made.id)
    tools.close()


def test_a_creation_whose_answer_was_lost_becomes_one_issue(jira: JiraSite) -> None:
    jira.sandbox.site.switches.search_lag = timedelta(seconds=45)
    jira.fault("create", Kind.APPLY_THEN_DROP)
    asked = jira.bench.ask()

    jira.bench.run()

    (issue,) = jira.issues()
    row = jira.bench.row(asked)
    assert (row.state, row.external_key, row.external_label) == (DeliveryState.APPLIED, issue["id"], issue["key"])
    assert any(str(asked.marker) in label for label in issue["labels"])


def test_ticket_comment_and_closing_arrive_in_order_through_faults(jira: JiraSite) -> None:
    jira.fault("create", Kind.THROTTLE, retry_after="30")
    jira.fault("comment", Kind.ERROR_AFTER, status=500)
    jira.fault("transition", Kind.DROP_BEFORE)
    asked = [
        jira.bench.ask(),
        jira.bench.ask(DeliveryKind.COMMENT, {"text": "Please look."}),
        jira.bench.ask(DeliveryKind.TRANSITION, {"state": TicketState.CLOSED}),
    ]

    jira.bench.run()

    (issue,) = jira.issues()
    assert [jira.bench.row(one).state for one in asked] == [DeliveryState.APPLIED] * 3
    assert issue["category"] == "done"
    assert sum("Please look." in comment["text"] for comment in issue["comments"]) == 1


def test_a_connection_with_a_wrong_token_pauses_and_says_so_without_the_token(jira: JiraSite) -> None:
    """R30."""
    auth = {"kind": "api_token", "email": "a@b.example", "token": "wr0ng-t0ken"}
    wrong = {**demo_config(jira.sandbox.site), "auth": auth}
    plain, secrets = split(wrong, describe("jira").schema)
    with jira.bench.database.write() as session:
        found = service.find_connection(session, "jira")
        draft = service.Draft("jira", "jira", "Jira", plain, secrets, found.org_unit_id)
        sealer = Sealer.from_settings(jira.bench.settings)
        service.change_connection(session, found, draft, sealer=sealer, by="system:test", now=jira.bench.clock())
    asked = jira.bench.ask()

    jira.bench.run()

    assert (jira.bench.row(asked).state, jira.issues()) == (DeliveryState.HELD, [])
    with jira.bench.database.read() as session:
        reason = str(session.scalars(select(Connection.paused_reason)).one())
        steps = str([step.detail for step in service.list_steps(session, session.get_one(Delivery, asked.id))])
    assert "401" in reason
    assert "wr0ng-t0ken" not in reason + steps


def test_issues_are_read_and_our_own_are_told_apart(jira: JiraSite) -> None:
    asked = jira.bench.ask()
    jira.bench.run()

    counts = jira.sync()

    assert counts["created"] == len(jira.issues()) == 1
    with jira.bench.database.read() as session:
        record = session.scalars(select(Record)).one()
        assert (record.ours, record.data["marker"], record.data["state"]) == (True, asked.marker, "open")
        assert record.key == jira.bench.row(asked).external_key


def test_a_deleted_issue_is_found_by_a_full_reading(jira: JiraSite) -> None:
    jira.bench.ask()
    jira.bench.ask(item="other")
    jira.bench.run()
    jira.sync()
    site = jira.sandbox.site
    site.delete(site.issue(jira.issues()[0]["id"]), by=site.accounts[0])

    counts = jira.sync(full=True)

    assert (counts["deleted"], counts["read"] - counts["deleted"]) == (1, 1)


def test_what_a_connection_costs_is_counted(jira: JiraSite) -> None:
    jira.bench.ask()
    jira.bench.run()
    jira.sync()

    with jira.bench.database.read() as session:
        health = session.scalars(select(ConnectionHealth)).one()
    assert health.requests == len(jira.sandbox.site.requests)
    assert health.bytes > 0
