"""The queue carries ids, may be away, and is never believed (R3, R38)."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from redis import Redis

from hub.core.database import Database
from hub.settings import Settings
from hub.work.dispatch import (
    ENTRY,
    FIRST_REST,
    LONGEST_REST,
    Dispatcher,
    ForeignJobError,
    job_name,
    open_queue,
    read_job,
)
from hub.work.queue_server import connect
from hub.work.service import Ready, WorkTables, enqueue, install
from tests.workbench import QueueServer


def waiting(client: Redis) -> list[str]:
    return [str(name) for name in open_queue(client, "default").get_job_ids()]


@pytest.fixture
def told(sqlite_database: Database) -> list[Ready]:
    """Put a dispatcher on the database that only notes what it is told."""
    heard: list[Ready] = []
    install(sqlite_database.info, WorkTables(dispatch=heard.extend))
    return heard


def test_a_committed_item_waits_on_the_queue_under_its_id(sqlite_database: Database, queue_server: QueueServer) -> None:
    install(sqlite_database.info, WorkTables(dispatch=Dispatcher(queue_server.client)))
    with sqlite_database.write() as session:
        item = enqueue(session, "test.do", {"secret": "canary"})

    assert item is not None
    assert waiting(queue_server.client) == [job_name(item, 0)]
    job: dict[Any, Any] = queue_server.client.hgetall(f"rq:job:{job_name(item, 0)}")
    assert read_job(job[b"data"]) == item
    assert b"canary" not in b"".join(job.values())


def test_the_queue_is_told_after_the_commit_only(sqlite_database: Database, told: list[Ready]) -> None:
    with sqlite_database.write() as session:
        enqueue(session, "test.do", {})
        with session.begin_nested():
            enqueue(session, "test.do", {})
        assert told == []
    assert [item.id for item in told] == [1, 2]


def test_what_is_rolled_back_is_never_told(sqlite_database: Database, told: list[Ready]) -> None:
    def fail() -> None:
        with sqlite_database.write() as session:
            enqueue(session, "test.do", {})
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    with sqlite_database.write() as session:
        enqueue(session, "test.do", {})
    assert len(told) == 1


def test_r3_a_commit_succeeds_while_the_queue_server_is_away(
    sqlite_database: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatcher = Dispatcher(connect(settings))
    install(sqlite_database.info, WorkTables(dispatch=dispatcher))
    for _ in range(3):
        with sqlite_database.write() as session:
            assert enqueue(session, "test.do", {}) is not None
    assert capsys.readouterr().out.count("queue.away") == 1


def test_a_queue_server_that_was_away_is_left_alone_for_a_while(queue_server: QueueServer) -> None:
    now = [0.0]
    dispatcher = Dispatcher(queue_server.client, monotonic=lambda: now[0])
    queue_server.kill()
    assert not dispatcher.tell([Ready(1, "default")])
    queue_server.start()

    assert not dispatcher.tell([Ready(1, "default")])
    now[0] += FIRST_REST
    assert dispatcher.tell([Ready(1, "default")])
    assert waiting(queue_server.client) == [job_name(1, 0)]


def test_a_queue_server_that_stays_away_is_asked_less_and_less(settings: Settings) -> None:
    now, asked = [0.0], []
    dispatcher = Dispatcher(connect(settings), monotonic=lambda: now[0])
    for second in range(200):
        now[0] = float(second)
        before = dispatcher._rest_until
        dispatcher.tell([Ready(1, "default")])
        if dispatcher._rest_until != before:
            asked.append(second)
    assert asked == [0, 2, 6, 14, 30, 60, 90, 120, 150, 180]
    assert LONGEST_REST == 30


def test_r3_a_queue_server_that_is_full_or_refuses_us_costs_no_commit(
    sqlite_database: Database, queue_server: QueueServer
) -> None:
    install(sqlite_database.info, WorkTables(dispatch=Dispatcher(queue_server.client)))
    queue_server.client.config_set("maxmemory", 1)
    with sqlite_database.write() as session:
        assert enqueue(session, "test.do", {}) is not None


def test_work_that_is_due_later_is_not_told_yet(queue_server: QueueServer) -> None:
    Dispatcher(queue_server.client)([Ready(1, "default", delayed=True), Ready(2, "default")])
    assert waiting(queue_server.client) == [job_name(2, 0)]


def packed(*content: Any) -> bytes:  # noqa: ANN401  # any JSON
    return zlib.compress(json.dumps(content).encode())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x80\x04\x95cos\nsystem\n.", id="a pickle"),
        pytest.param(zlib.compress(b"\x80\x04\x95cos\nsystem\n."), id="a packed pickle"),
        pytest.param(packed("os.system", None, ["true"], {}), id="another function"),
        pytest.param(packed("os.system", None, [1], {}), id="another function with a number"),
        pytest.param(packed(ENTRY, None, ["1"], {}), id="a text"),
        pytest.param(packed(ENTRY, None, [True], {}), id="a truth value"),
        pytest.param(packed(ENTRY, None, [1, 2], {}), id="two numbers"),
        pytest.param(packed(ENTRY, None, [1], {"x": 1}), id="named arguments"),
        pytest.param(packed(ENTRY, "instance", [1], {}), id="an instance"),
        pytest.param(zlib.compress(b"[" * 10_000_000), id="a bomb"),
        pytest.param(packed(ENTRY), id="too little"),
    ],
)
def test_r38_anything_but_our_own_job_is_refused_unread(data: bytes) -> None:
    with pytest.raises(ForeignJobError):
        read_job(data)
