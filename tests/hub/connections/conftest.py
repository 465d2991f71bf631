"""The outbox over a tool that lies, on each kind of database."""

from __future__ import annotations

import pytest

from hub.core.database import Database
from hub.settings import Settings
from hub.work.service import WorkTables, install
from tests.factories import Cast, SettableClock
from tests.hub.connections.outbox_bench import OutboxBench

EVENTS = ("delivery.applied", "delivery.not_applied", "delivery.given_up", "connection.broken")


@pytest.fixture
def bench(database: Database, clock: SettableClock, settings: Settings, cast: Cast) -> OutboxBench:
    tables = WorkTables(dispatch=lambda _items: None, subscribers={name: (f"test.{name}",) for name in EVENTS})
    install(database.info, tables)
    return OutboxBench(database, clock, settings, cast.org_units["sales"])
