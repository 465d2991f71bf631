"""What tests of work share: a look at the rows, and real queue servers and workers that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import select, update

from hub.core.database import Database
from hub.core.instants import EPOCH
from hub.core.processes import die_with_parent
from hub.settings import Settings
from hub.work.models import LeaderLease, WorkItem, WorkState
from hub.work.queue_server import connect, is_answering, prepare_embedded
from hub.work.reconciler import ROLE
from hub.work.service import count_items, enqueue, find_item

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120
"""Only a failing test waits so long: a busy machine takes its time to start processes."""


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

    def depose_leader(self) -> None:
        """Let the leader's lease be over, so that a test need not wait for it."""
        with self.database.write() as session:
            session.execute(update(LeaderLease).where(LeaderLease.role == ROLE).values(until=EPOCH))

    def expire_lease(self, item_id: int, *, at: datetime) -> None:
        """Let the lease of an item be over since an instant."""
        self.change(item_id, lease_until=at)


class QueueServer:
    """A queue server process that a test can kill, start again and look into."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = connect(settings)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(prepare_embedded(self.settings.home), preexec_fn=die_with_parent)  # noqa: PLW1509  # no test run that is cut off leaves it behind
        wait_until(lambda: is_answering(self.client))

    def names(self) -> list[str]:
        """List the names of everything it holds."""
        keys: list[Any] = self.client.keys()
        return [key.decode() for key in keys]

    def kill(self) -> None:
        """Kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def wait_until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that another process does; fail when it does not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"nothing happened within {seconds} seconds")
        time.sleep(0.02)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for a socket, as a person's home is."""
    with tempfile.TemporaryDirectory(prefix="pl-") as folder:
        yield Path(folder)


@contextmanager
def running_queue_server(settings: Settings) -> Iterator[QueueServer]:
    """Run a real queue server, the one that `plumbline up` would start."""
    server = QueueServer(settings)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        server.client.close()


class WorkerProcess:
    """A real worker process over the sample area (tests/hub/sample_area.py)."""

    def __init__(self, database: Database, settings: Settings, **environ: str) -> None:
        self.log = settings.home / f"worker-{time.monotonic_ns()}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "PLUMBLINE_HOME": str(settings.home),
            "DATABASE_URL": database.url.render_as_string(hide_password=False),
            "PLUMBLINE_LEASE_SECONDS": str(settings.lease_seconds),
            **environ,
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.hub.run_worker"],
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=log,
            )

    def logged(self) -> str:
        """Give what it has logged so far."""
        return self.log.read_text()

    def wait_for_end(self) -> int:
        """Wait until it ends and give its exit code; negative: the signal that killed it."""
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def __enter__(self) -> Self:
        """Nothing to do: it runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.wait()


def all_done(database: Database) -> bool:
    """Say whether no work is left."""
    with database.read() as session:
        return set(count_items(session)) == {WorkState.DONE}


def effects(database: Database) -> list[str]:
    """List the numbers of the sample area's effects that were committed, each as often as it was."""
    with database.read() as session:
        roles = session.scalars(select(LeaderLease.role).where(LeaderLease.owner == "sample"))
        return sorted(role.split()[1] for role in roles)
