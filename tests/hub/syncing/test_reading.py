"""Reading a tool: what changed, what is gone, where it died, what it tells (R11)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors.sdk.errors import AuthError, TransientError
from connectors.sdk.protocol import Change, Op
from hub.connections import service as connections
from hub.connections.bodies import Write
from hub.connections.models import Connection, ConnectionHealth, RateBudget
from hub.connections.service.echo import note_written
from hub.syncing.models import Record, RecordVersion, SyncRun
from hub.syncing.reading import PausedError, fetch
from hub.syncing.service import SupersededError, forget_old
from tests.hub.connections.lying_tool import ProcessDeathError
from tests.hub.syncing.conftest import SyncBench


def fill(bench: SyncBench, count: int = 10) -> None:
    for number in range(count):
        bench.source.put(str(number), points=number)


def test_a_first_reading_keeps_everything_and_tells_page_by_page(bench: SyncBench) -> None:
    fill(bench)

    report = bench.sync()

    assert bench.records() == {str(number): {"points": number} for number in range(10)}
    assert report.streams["issues"].created == 10
    assert report.cursor == {"issues": {"seen": 10}}
    assert bench.told() == [["0", "1", "2"], ["3", "4", "5"], ["6", "7", "8"], ["9"]]


def test_a_second_reading_takes_only_what_changed_and_keeps_the_history(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    bench.source.put("4", points=44)

    report = bench.sync()

    assert (report.streams["issues"].read, report.streams["issues"].updated) == (1, 1)
    assert bench.told()[-1] == ["4"]
    with bench.database.read() as session:
        (before,) = session.scalars(select(RecordVersion))
        assert (before.number, before.data) == (1, {"points": 4})


def test_reading_again_what_is_known_is_no_news(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    told = bench.told()

    report = bench.sync(full=True)

    counts = report.streams["issues"]
    assert (counts.read, counts.created, counts.updated, counts.deleted) == (10, 0, 0, 0)
    assert bench.told() == told


def test_a_full_reading_finds_what_is_gone(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    bench.source.remove("3")

    assert "3" in bench.records()
    report = bench.sync(full=True)

    assert report.streams["issues"].deleted == 1
    assert "3" not in bench.records()
    assert bench.told()[-1] == ["3"]


def test_a_lagging_census_deletes_nothing_that_is_still_there(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    bench.source.hidden_from_census = {"3", "4"}

    report = bench.sync(full=True)

    assert report.streams["issues"].deleted == 0
    assert len(bench.records()) == 10


def test_a_census_comes_by_itself_after_a_day(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    bench.source.remove("3")
    bench.clock.advance(hours=23)
    bench.sync()
    assert "census" not in bench.source.calls

    bench.clock.advance(hours=1)
    bench.sync()

    assert "3" not in bench.records()


def test_a_record_that_comes_back_is_kept_again(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    bench.source.remove("3")
    bench.sync(full=True)
    bench.source.put("3", points=3)

    bench.sync()

    assert bench.records()["3"] == {"points": 3}


@pytest.mark.parametrize("label", ["syncing.page_read", "syncing.page_committed"])
@pytest.mark.parametrize("page", [1, 4])
def test_a_reading_that_dies_at_any_page_ends_like_one_that_does_not(bench: SyncBench, label: str, page: int) -> None:
    fill(bench)
    passes = 0

    def die(passed: str) -> None:
        nonlocal passes
        passes += passed == label
        if passed == label and passes == page:
            bench.source.put("2", points=222)
            raise ProcessDeathError

    bench.failpoint = die
    with pytest.raises(ProcessDeathError):
        bench.sync()
    stood = bench.cursor()

    report = bench.sync()

    assert bench.records() == {key: data for key, (_, data) in bench.source.records.items()}
    assert bench.cursor() == {"seen": 11}
    seen = 0 if stood is None else int(stood["seen"])
    assert report.streams["issues"].read == sum(number > seen for number, _ in bench.source.records.values())


def test_a_full_reading_that_died_still_owes_its_census(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    bench.source.remove("3")

    def die(passed: str) -> None:
        if passed == "syncing.page_committed":
            raise ProcessDeathError

    bench.failpoint = die
    with pytest.raises(ProcessDeathError):
        bench.sync(full=True)
    bench.failpoint = lambda _label: None

    bench.sync()

    assert "3" not in bench.records()


def test_a_newer_reading_takes_over_and_the_older_one_stops(bench: SyncBench) -> None:
    fill(bench)
    began = False

    def overtake(page: int) -> None:
        nonlocal began
        if page == 1 and not began:
            began = True
            bench.sync()

    bench.source.before_page = overtake
    with pytest.raises(SupersededError):
        bench.sync()

    assert len(bench.records()) == 10
    assert bench.cursor() == {"seen": 10}


def test_what_was_read_earlier_does_not_overwrite_what_was_read_later(bench: SyncBench) -> None:
    """A webhook's record is fetched while a page with its older state is still under way."""
    fill(bench, 3)
    old = dict(bench.source.records)

    def overtake(label: str) -> None:
        if label != "syncing.page_read" or bench.source.changes > 3:
            return
        bench.source.put("1", points=111)
        fetch(bench.place(), bench.connection_id, {"issues": ["1"]})

    bench.failpoint = overtake
    bench.sync()

    assert old["1"][1] == {"points": 1}
    assert bench.records()["1"] == {"points": 111}


def test_fetching_a_record_that_is_gone_marks_it_gone(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    bench.source.remove("5")

    fetch(bench.place(), bench.connection_id, {"issues": ["5", "6"], "unknown": ["1"]})

    assert "5" not in bench.records()


def test_one_unreadable_record_does_not_stop_the_fetching_of_others(bench: SyncBench) -> None:
    fill(bench)
    bench.source.broken = {"5"}

    fetch(bench.place(), bench.connection_id, {"issues": ["4", "5", "6"]})

    assert set(bench.records()) == {"4", "6"}
    assert [item.record_key for item in bench.quarantined()] == ["5"]


def test_our_own_writing_coming_back_is_kept_and_not_told(bench: SyncBench) -> None:
    """R12."""
    fill(bench, 2)
    bench.sync()
    told = bench.told()
    write = Write(stream="issues", change=Change(id="c", op=Op.UPDATE, key="1", fields={"points": 8}))
    with bench.database.write() as session:
        note_written(session, bench.connection_id, write, now=bench.clock())
    bench.source.put("1", points=8.0)
    bench.sync()
    assert bench.records()["1"] == {"points": 8}
    assert bench.told() == told

    bench.source.put("1", points=9)
    bench.sync()

    assert bench.told()[-1] == ["1"]


def test_a_ticket_that_plumbline_made_is_known_as_ours(bench: SyncBench) -> None:
    bench.source.put("1", marker="0123456789abcdefghjkmnpqrs", points=1)
    bench.source.put("2", marker=None, points=1)

    bench.sync()

    with bench.database.read() as session:
        assert {row.key: row.ours for row in session.scalars(select(Record))} == {"1": True, "2": False}


def test_health_says_when_reading_began_and_what_went_wrong(bench: SyncBench) -> None:
    fill(bench)
    bench.sync()
    worked_at = bench.clock()
    bench.source.fails_with = TransientError("Connection refused.", retry_after=600)
    with pytest.raises(TransientError):
        bench.sync()

    with bench.database.read() as session:
        health = session.scalars(select(ConnectionHealth)).one()
        budget = session.scalars(select(RateBudget)).one()
        runs = session.scalars(select(SyncRun).order_by(SyncRun.id)).all()
    assert (health.last_success_at, health.last_attempt_at) == (worked_at, bench.clock())
    assert (health.error_class, health.message) == ("TransientError", "Connection refused.")
    assert health.requests == 4
    assert budget.held_until == bench.clock() + timedelta(seconds=600)
    assert [run.error_class for run in runs] == [None, "TransientError"]


def test_refused_credentials_pause_the_connection(bench: SyncBench) -> None:
    bench.source.fails_with = AuthError("The token has expired: make a new one.")
    with pytest.raises(AuthError):
        bench.sync()

    with bench.database.read() as session:
        assert session.scalars(select(Connection.paused_reason)).one() == "The token has expired: make a new one."
    with pytest.raises(PausedError, match="Resume it first"):
        bench.sync()


def test_a_removed_connection_is_not_read(bench: SyncBench) -> None:
    with bench.database.write() as session:
        made = connections.find_connection(session, "source")
        connections.remove_connection(session, made, by="system:test", now=bench.clock())

    with pytest.raises(PausedError, match="removed"):
        bench.sync()


def test_what_a_removed_connection_read_is_forgotten_after_a_year(bench: SyncBench) -> None:
    """R47."""
    fill(bench, 3)
    bench.sync()
    bench.source.put("1", points=11)
    bench.sync()
    with bench.database.write() as session:
        made = connections.find_connection(session, "source")
        connections.remove_connection(session, made, by="system:test", now=bench.clock())
    with bench.database.write() as session:
        forget_old(session, now=bench.clock() + timedelta(days=364))
        assert len(session.scalars(select(Record)).all()) == 3

    with bench.database.write() as session:
        forget_old(session, now=bench.clock() + timedelta(days=366))

        assert session.scalars(select(Record)).all() == []
        assert session.scalars(select(RecordVersion)).all() == []
