"""Real worker processes: they finish what others left, survive their neighbours, and run nothing foreign."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select

from hub.audit.models import AuditEntry
from hub.core.database import Database
from hub.core.processes import die_with_parent
from hub.settings import Settings
from hub.supervisor import choose_port
from hub.work.dispatch import Dispatcher, open_queue
from hub.work.models import WorkState
from hub.work.queue_server import find_binary, is_answering
from hub.work.service import Ready, WorkTables, install
from hub.worker import Refusals
from tests.workbench import (
    Bench,
    QueueServer,
    WorkerProcess,
    effects,
    running_queue_server,
    short_folder,
    wait_until,
)

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def settings() -> Iterator[Settings]:
    with short_folder() as home:
        yield Settings(home=home, lease_seconds=300)


@pytest.fixture
def bench(sqlite_database: Database) -> Bench:
    return Bench(sqlite_database)


@pytest.fixture
def queue_server(settings: Settings, bench: Bench) -> Iterator[QueueServer]:
    with running_queue_server(settings) as server:
        install(bench.database.info, WorkTables(dispatch=Dispatcher(server.client)))
        yield server


def test_work_runs_with_the_tools_of_the_process_and_leaves_nothing_on_the_queue(
    bench: Bench, settings: Settings, queue_server: QueueServer
) -> None:
    bench.add("sample.borrow", payload={"number": 1})
    with WorkerProcess(bench.database, settings) as worker:
        wait_until(lambda: effects(bench.database))
        wait_until(lambda: not [name for name in queue_server.names() if name.startswith(("rq:job", "rq:queue:"))])
        worker.send(signal.SIGTERM)
        assert worker.wait_for_end() == 0
        assert "the tool was closed" in worker.logged()
    assert bench.row(1).state == WorkState.DONE


def test_r3_work_goes_on_while_the_queue_server_is_away_and_after_it_is_back(
    bench: Bench, settings: Settings, queue_server: QueueServer
) -> None:
    with WorkerProcess(bench.database, settings) as worker:
        bench.add("sample.effect", payload={"number": 1})
        wait_until(lambda: effects(bench.database) == ["1"])
        queue_server.kill()
        bench.add("sample.effect", payload={"number": 2})
        wait_until(lambda: effects(bench.database) == ["1", "2"])
        queue_server.start()
        bench.add("sample.effect", payload={"number": 3})
        wait_until(lambda: effects(bench.database) == ["1", "2", "3"])
        wait_until(lambda: "neighbour.back" in worker.logged())
        assert worker.process.poll() is None


def test_r3_a_flushed_queue_loses_no_work(bench: Bench, settings: Settings, queue_server: QueueServer) -> None:
    items = [bench.add("sample.effect", payload={"number": number}) for number in range(50)]
    queue_server.client.flushall()
    with WorkerProcess(bench.database, settings):
        wait_until(lambda: all_done_but_schedules(bench, items))
    assert len(effects(bench.database)) == 50


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_r3_a_queue_server_elsewhere_is_used_with_its_password_and_missed_without(
    bench: Bench, settings: Settings, tmp_path: Path, password: str
) -> None:
    port = choose_port("127.0.0.1", 0)
    command = [find_binary(), "--port", str(port), "--requirepass", "right", "--save", "", "--dir", str(tmp_path)]
    bench.add("sample.effect", payload={"number": 1})
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL, "preexec_fn": die_with_parent}
    with subprocess.Popen(command, **options) as server:
        elsewhere = Redis(port=port, password="right")
        wait_until(lambda: is_answering(elsewhere))
        with WorkerProcess(bench.database, settings, REDIS_URL=f"redis://:{password}@127.0.0.1:{port}/0") as worker:
            wait_until(lambda: effects(bench.database) == ["1"])
            wait_until(lambda: bool(elsewhere.keys("rq:worker:*")) is (password == "right"))
            assert ("neighbour.away" in worker.logged()) is (password == "wrong")
            assert password not in worker.logged()
        server.kill()


@pytest.mark.full
def test_r3_work_goes_on_beside_a_queue_server_that_is_full(
    bench: Bench, settings: Settings, queue_server: QueueServer
) -> None:
    queue_server.client.config_set("maxmemory", 1)
    bench.add("sample.effect", payload={"number": 1})
    with WorkerProcess(bench.database, settings):
        wait_until(lambda: effects(bench.database) == ["1"])


def test_a_worker_starts_without_any_queue_server(bench: Bench, settings: Settings) -> None:
    bench.add("sample.effect", payload={"number": 1})
    with WorkerProcess(bench.database, settings):
        wait_until(lambda: effects(bench.database) == ["1"])


def test_a_worker_that_is_stopped_finishes_what_it_has_in_hand(
    bench: Bench, settings: Settings, queue_server: QueueServer
) -> None:
    begun, go_on = settings.home / "begun", settings.home / "go_on"
    item = bench.add("sample.slow", payload={"number": 1, "begun": str(begun), "go_on": str(go_on)})
    with WorkerProcess(bench.database, settings) as worker:
        wait_until(begun.exists)
        worker.send(signal.SIGTERM)
        go_on.touch()
        assert worker.wait_for_end() == 0
    assert bench.row(item).state == WorkState.DONE


def test_r2_a_worker_frozen_beyond_its_lease_commits_nothing_when_it_wakes(
    bench: Bench, settings: Settings, queue_server: QueueServer
) -> None:
    settings = settings.model_copy(update={"lease_seconds": 3})
    begun, go_on = settings.home / "begun", settings.home / "go_on"
    item = bench.add("sample.slow", payload={"number": 1, "begun": str(begun), "go_on": str(go_on)})
    with WorkerProcess(bench.database, settings) as zombie:
        wait_until(begun.exists)
        wait_for_renewal(bench, item)  # so that it is not frozen in a transaction: SQLite would let nobody write then
        zombie.send(signal.SIGSTOP)
        bench.depose_leader()
        go_on.touch()
        with WorkerProcess(bench.database, settings):
            wait_until(lambda: bench.row(item).state == WorkState.DONE)
        zombie.send(signal.SIGCONT)
        wait_until(lambda: '"lost"' in zombie.logged())
    assert effects(bench.database) == ["1"]
    assert (bench.row(item).attempt, bench.row(item).deaths) == (2, 1)


@pytest.mark.full
def test_r16_poison_is_parked_after_three_workers_and_other_work_flows(
    bench: Bench, settings: Settings, queue_server: QueueServer
) -> None:
    poison = bench.add("sample.deadly")
    bench.add("sample.effect", payload={"number": 1})
    for _ in range(3):
        with WorkerProcess(bench.database, settings) as worker:
            assert worker.wait_for_end() == -signal.SIGKILL
    with WorkerProcess(bench.database, settings):
        wait_until(lambda: effects(bench.database) == ["1"])
        wait_until(lambda: bench.row(poison).state == WorkState.PARKED)
    assert bench.row(poison).deaths == 3


def test_r38_a_foreign_job_is_not_run_and_is_audited(
    bench: Bench, settings: Settings, queue_server: QueueServer, tmp_path: Path
) -> None:
    trace = tmp_path / "code ran"
    client, queue = queue_server.client, open_queue(queue_server.client, "default")
    call = zlib.compress(json.dumps(["os.mkdir", None, [str(trace)], {}]).encode())
    pickled = b"\x80\x04cos\nmkdir\n(V" + os.fsencode(trace) + b"\ntR."
    client.hset("rq:job:foreign", mapping={"data": call, "success_callback_name": "os.abort"})
    client.hset("rq:job:pickle", mapping={"data": pickled, "failure_callback_name": "os.abort"})
    client.hset("rq:job:huge", mapping={"data": b"x" * 5_000_000})
    client.set("rq:job:text", "no hash")
    client.rpush(queue.key, "foreign", "pickle", "huge", "text", b"\xff\xfe", "gone")
    client.set("rq:suspended", 1)  # `rq suspend` by a stranger stops nobody
    bench.add("sample.effect", payload={"number": 1})

    with WorkerProcess(bench.database, settings) as worker:
        wait_until(lambda: effects(bench.database) == ["1"])
        assert worker.process.poll() is None
        assert "queue.job_refused" in worker.logged()

    assert not trace.exists()
    assert client.exists("rq:job:foreign", "rq:job:pickle", "rq:job:huge", "rq:job:text") == 0
    assert count_refusals(bench) == 1


def test_a_flood_of_foreign_jobs_makes_one_entry_a_minute(bench: Bench) -> None:
    now = [100.0]
    refusals = Refusals(bench.database, monotonic=lambda: now[0])
    for _ in range(1000):
        refusals("foreign", "it is not ours")
    assert count_refusals(bench) == 1
    now[0] += 61
    refusals("foreign", "it is not ours")
    with bench.database.read() as session:
        details = list(session.scalars(select(AuditEntry.detail).order_by(AuditEntry.id)))
    assert [json.loads(str(detail))["jobs"] for detail in details] == [1, 1000]


def test_an_unsafe_queue_server_is_refused_at_the_start(
    bench: Bench, settings: Settings, queue_server: QueueServer
) -> None:
    queue_server.client.config_set("maxmemory-policy", "allkeys-lru")
    with WorkerProcess(bench.database, settings) as worker:
        assert worker.wait_for_end() != 0
        assert "maxmemory-policy" in worker.logged()


def test_delayed_work_starts_within_seconds_of_its_time(
    bench: Bench, settings: Settings, queue_server: QueueServer
) -> None:
    from datetime import timedelta

    from hub.core.instants import utc_now

    due = utc_now() + timedelta(seconds=1)
    item = bench.add("sample.effect", payload={"number": 1}, due_at=due)
    with WorkerProcess(bench.database, settings):
        wait_until(lambda: bench.row(item).state == WorkState.DONE)
    finished = bench.row(item).finished_at
    assert finished is not None
    assert finished >= due


def all_done_but_schedules(bench: Bench, items: list[int]) -> bool:
    return all(bench.row(item).state == WorkState.DONE for item in items)


def wait_for_renewal(bench: Bench, item: int) -> None:
    first = bench.row(item).lease_until
    wait_until(lambda: bench.row(item).lease_until != first)


def count_refusals(bench: Bench) -> int:
    with bench.database.read() as session:
        return session.scalar(select(func.count()).where(AuditEntry.action == "queue_job.refused")) or 0


def test_the_queue_is_told_of_an_item_once_however_many_reasons_there_are(queue_server: QueueServer) -> None:
    dispatcher = Dispatcher(queue_server.client)
    dispatcher([Ready(1, "default"), Ready(1, "default")])
    assert dispatcher.waiting("default") == {"work-1-0"}
