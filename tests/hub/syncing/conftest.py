"""A connection to a tool that a test edits, read on each kind of database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from hub.connections import service as connections
from hub.connections.models import Managed
from hub.connections.places import Foreground
from hub.core.database import Database
from hub.core.sealing import Sealer
from hub.settings import Settings
from hub.syncing.models import Quarantined, Record, StreamState
from hub.syncing.reading import sync
from hub.syncing.service import Report
from hub.work.models import WorkItem
from hub.work.service import WorkTables, install
from tests.factories import Cast, SettableClock
from tests.hub.syncing.honest_source import HonestSource, OneTool


@dataclass
class SyncBench:
    """A connection and its tool."""

    database: Database
    settings: Settings
    clock: SettableClock
    connection_id: int
    source: HonestSource = field(default_factory=HonestSource)
    failpoint: Callable[[str], None] = lambda _label: None

    def place(self) -> Foreground:
        """Where the tool is called from."""
        return Foreground(
            self.database, self.settings, self.clock, {"connectors": OneTool(self.source)}, self.failpoint
        )

    def sync(self, *, full: bool = False) -> Report:
        """Read the tool, a minute after the last time."""
        self.clock.advance(minutes=1)
        return sync(self.place(), self.connection_id, full=full)

    def records(self) -> dict[str, dict[str, Any]]:
        """Give what is kept of the tool's records that are not gone."""
        with self.database.read() as session:
            rows = session.scalars(select(Record).where(Record.deleted.is_(False)).order_by(Record.key))
            return {row.key: row.data for row in rows}

    def cursor(self) -> dict[str, Any] | None:
        """Give where the next read starts."""
        with self.database.read() as session:
            stands: dict[str, Any] | None = session.scalars(select(StreamState.cursor)).one()
        return stands

    def quarantined(self) -> list[Quarantined]:
        """List what is or was in quarantine."""
        with self.database.read() as session:
            return list(session.scalars(select(Quarantined).order_by(Quarantined.id)))

    def told(self) -> list[list[str]]:
        """List the keys that each `record.changed` named."""
        with self.database.read() as session:
            items = session.scalars(
                select(WorkItem.payload).where(WorkItem.kind == "test.record.changed").order_by(WorkItem.id)
            )
            return [payload["keys"] for payload in items]


@pytest.fixture
def bench(database: Database, clock: SettableClock, settings: Settings, cast: Cast) -> SyncBench:
    install(
        database.info,
        WorkTables(dispatch=lambda _items: None, subscribers={"record.changed": ("test.record.changed",)}),
    )
    with database.write() as session:
        draft = connections.Draft("source", "honest", "Source", {}, {}, cast.org_units["sales"], Managed.FORM)
        sealer = Sealer.from_settings(settings)
        made = connections.add_connection(session, draft, sealer=sealer, by="system:test", now=clock())
    return SyncBench(database, settings, clock, made.id)
