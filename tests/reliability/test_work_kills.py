"""R1, R3: workers and queue servers are killed; every item is done, and what it commits is there exactly once."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from hub.core.database import Database
from hub.settings import Settings
from hub.work.dispatch import Dispatcher
from hub.work.failpoints import VARIABLE
from hub.work.service import WorkTables, install
from tests.workbench import (
    Bench,
    QueueServer,
    WorkerProcess,
    all_done,
    effects,
    running_queue_server,
    short_folder,
    wait_until,
)

pytestmark = pytest.mark.timeout(400)

STEPS = [
    "work.before_claim",
    "work.claimed",
    "sample.begun",
    "sample.written",
    "sample.committed",
    "work.handled",
    "work.settled",
]
QUICK = {"work.claimed", "sample.committed"}


@pytest.fixture
def settings() -> Iterator[Settings]:
    with short_folder() as home:
        yield Settings(home=home)


def prepared(database: Database, server: QueueServer) -> Bench:
    install(database.info, WorkTables(dispatch=Dispatcher(server.client)))
    return Bench(database)


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=[] if step in QUICK else [pytest.mark.full]) for step in STEPS]
)
def test_r1_an_item_survives_a_kill_at_any_step(database: Database, settings: Settings, step: str) -> None:
    with running_queue_server(settings) as server:
        bench = prepared(database, server)
        for number in range(5):
            bench.add("sample.effect", payload={"number": number})
        with WorkerProcess(database, settings, **{VARIABLE: f"{step}:3"}) as worker:
            assert worker.wait_for_end() == -signal.SIGKILL
        with WorkerProcess(database, settings):
            wait_until(lambda: all_done(database))
    assert effects(database) == ["0", "1", "2", "3", "4"]


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_r1_r3_work_survives_random_kills_of_workers_and_queue_server(database: Database, settings: Settings) -> None:
    chance = random.Random(3)
    numbers = [str(number) for number in range(400)]
    with running_queue_server(settings) as server, ExitStack() as stack:
        bench = prepared(database, server)
        workers = [stack.enter_context(WorkerProcess(database, settings)) for _ in range(2)]
        waiting = list(numbers)
        for _ in range(30):
            for _ in range(min(len(waiting), 14)):
                bench.add("sample.effect", payload={"number": waiting.pop()})
            _wreak(chance, bench, server)
            victim = chance.randrange(2)
            before = len(effects(database))
            wait_until(lambda before=before: len(effects(database)) > before or all_done(database))  # type: ignore[misc]
            workers[victim].process.kill()
            workers[victim] = stack.enter_context(WorkerProcess(database, settings))
        for number in waiting:
            bench.add("sample.effect", payload={"number": number})
        wait_until(lambda: all_done(database), seconds=120)
    assert effects(database) == sorted(numbers)


def _wreak(chance: random.Random, bench: Bench, server: QueueServer) -> None:
    fault = chance.choice(["none", "kill", "flush"])
    if fault == "kill":
        server.kill()
        server.start()
    if fault == "flush":
        server.client.flushall()
