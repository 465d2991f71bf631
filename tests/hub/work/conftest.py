"""What tests of the work engine share: an engine whose handlers a test gives, and a look at a row."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import update

from hub.core.database import Database
from hub.settings import Settings
from hub.work.context import Context
from hub.work.engine import Engine
from hub.work.models import WorkItem
from hub.work.queue_server import connect, is_answering, prepare_embedded
from hub.work.service import enqueue, find_item

Plain = Callable[[Context, dict[str, Any]], None]


class MakeEngine(Protocol):
    def __call__(self, handlers: Mapping[str, Plain] | None = None, **options: Any) -> Engine: ...  # noqa: ANN401


class Bench:
    """One database of work, with shortcuts that a test would otherwise repeat."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, kind: str = "test.do", **options: Any) -> int:  # noqa: ANN401  # enqueue's own options
        """Commit one item and give its id."""
        with self.database.write() as session:
            item_id = enqueue(session, kind, options.pop("payload", {}), **options)
        assert item_id is not None
        return item_id

    def row(self, item_id: int) -> WorkItem:
        """Read an item as it is now."""
        with self.database.read() as session:
            row = find_item(session, item_id)
        assert row is not None
        return row

    def change(self, item_id: int, **values: Any) -> None:  # noqa: ANN401  # columns
        """Write columns of an item directly, as time or a fault would have."""
        with self.database.write() as session:
            session.execute(update(WorkItem).where(WorkItem.id == item_id).values(**values))

    def expire_lease(self, item_id: int, *, at: datetime) -> None:
        """Let the lease of an item be over since an instant."""
        self.change(item_id, lease_until=at)


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def make_engine(database: Database, settings: Settings) -> MakeEngine:
    def make(handlers: Mapping[str, Plain] | None = None, **options: Any) -> Engine:  # noqa: ANN401
        return Engine(database, settings, handlers or {}, **{"chance": lambda: 0.0, **options})

    return make


@pytest.fixture
def queue_server(short_home: Path) -> Iterator[QueueServer]:
    """Run a real queue server, the one that `plumbline up` would start, for one test."""
    server = QueueServer(Settings(home=short_home))
    server.start()
    yield server
    server.kill()
    server.client.close()


@pytest.fixture
def short_home() -> Iterator[Path]:
    """Give a home whose path is short enough for a socket, as a person's home is."""
    with tempfile.TemporaryDirectory(prefix="pl-") as folder:
        yield Path(folder)


class QueueServer:
    """A queue server process that a test can kill, start again and look into."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = connect(settings)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(prepare_embedded(self.settings.home))
        wait_until(lambda: is_answering(self.client))

    def kill(self) -> None:
        """Kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def wait_until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait for something that another process does; fail when it does not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"nothing happened within {seconds} seconds")
        time.sleep(0.02)
