"""The reconciler: what was lost is told again, what dead workers held comes free, schedules fire once (R3, R15)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select, update

from hub.core.area import Schedule
from hub.core.database import Database, database_now
from hub.core.instants import utc_now
from hub.core.processes import this_process
from hub.work.dispatch import Dispatcher, job_name
from hub.work.leadership import LEASE
from hub.work.models import LeaderLease, ScheduleRow, ScheduleSlot, WorkItem, WorkState
from hub.work.reconciler import Reconciler
from hub.work.schedules import declare_schedules, fire_due, pause_schedule, remove_schedule, set_schedule
from hub.work.service import Ready
from tests.hub.work.conftest import MakeEngine
from tests.workbench import Bench

LONG_AGO = utc_now() - timedelta(days=1)
SOON = timedelta(hours=1)
HOURLY = Schedule("test.hourly", "test.do", every_seconds=3600)


class HeardDispatcher(Dispatcher):
    """Notes what it is told instead of telling a queue server."""

    def __init__(self) -> None:
        super().__init__(Redis())
        self.on_queue: set[str] = set()
        self.told: list[int] = []

    def tell(self, items: Any) -> bool:  # noqa: ANN401  # any iterable of Ready
        ready: list[Ready] = list(items)
        self.told += [item.id for item in ready]
        self.on_queue |= {job_name(item.id, item.attempt) for item in ready}
        return True

    def waiting(self, name: str) -> set[str]:
        return set(self.on_queue)


@pytest.fixture
def dispatcher() -> HeardDispatcher:
    return HeardDispatcher()


@pytest.fixture
def reconciler(database: Database, dispatcher: HeardDispatcher) -> Reconciler:
    return make_reconciler(database, dispatcher, "leader")


def make_reconciler(database: Database, dispatcher: Dispatcher, name: str, *schedules: Schedule) -> Reconciler:
    owner = f"far-away-{name}/1/1"
    return Reconciler(database, dispatcher, owner=owner, kinds=["test.do"], schedules=schedules)


def test_r3_due_work_that_the_queue_lost_is_told_again(
    bench: Bench, reconciler: Reconciler, dispatcher: HeardDispatcher
) -> None:
    items = [bench.add() for _ in range(3)]
    reconciler.tick()
    dispatcher.on_queue.clear()  # FLUSHALL
    reconciler.tick()
    assert dispatcher.told == items * 2


def test_what_waits_on_the_queue_is_not_told_again(
    bench: Bench, reconciler: Reconciler, dispatcher: HeardDispatcher
) -> None:
    items = [bench.add() for _ in range(3)]
    for _ in range(5):
        reconciler.tick()
    assert dispatcher.told == items


def test_work_is_told_when_it_comes_due(bench: Bench, reconciler: Reconciler, dispatcher: HeardDispatcher) -> None:
    item = bench.add(due_at=utc_now() + SOON)
    reconciler.tick()
    assert dispatcher.told == []
    bench.change(item, due_at=LONG_AGO)
    reconciler.tick()
    assert dispatcher.told == [item]


@pytest.mark.parametrize(
    "values",
    [
        {"state": WorkState.DONE},
        {"state": WorkState.PARKED},
        {"lease_owner": "far-away/1/1", "lease_until": utc_now() + timedelta(days=1)},
    ],
)
def test_what_is_done_parked_or_held_is_left_alone(
    bench: Bench, reconciler: Reconciler, dispatcher: HeardDispatcher, values: dict[str, Any]
) -> None:
    bench.change(bench.add(), **values)
    reconciler.tick()
    assert dispatcher.told == []


def test_an_expired_lease_counts_a_death_and_frees_the_item(
    bench: Bench, reconciler: Reconciler, dispatcher: HeardDispatcher
) -> None:
    item = bench.add()
    bench.change(item, attempt=1, lease_owner="far-away/1/1", lease_until=LONG_AGO)
    reconciler.tick()
    assert (bench.row(item).deaths, bench.row(item).lease_until) == (1, None)
    assert dispatcher.told == [item]


def test_r1_what_a_killed_process_of_this_machine_held_comes_free_before_its_lease_ends(
    bench: Bench, reconciler: Reconciler
) -> None:
    script = "from hub.core.processes import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().decode().strip()
        item = bench.add()
        bench.change(item, attempt=1, lease_owner=owner, lease_until=utc_now() + timedelta(days=1))
        reconciler.tick()
        assert bench.row(item).lease_owner == owner
        os.kill(process.pid, signal.SIGKILL)
    reconciler.tick()
    assert (bench.row(item).lease_owner, bench.row(item).deaths) == (None, 1)


def test_a_process_that_lives_keeps_its_item(bench: Bench, reconciler: Reconciler) -> None:
    item = bench.add()
    bench.change(item, attempt=1, lease_owner=this_process(), lease_until=utc_now() + timedelta(days=1))
    reconciler.tick()
    assert bench.row(item).deaths == 0


def test_only_one_process_leads_until_its_lease_is_over(database: Database, dispatcher: HeardDispatcher) -> None:
    first, second = (make_reconciler(database, dispatcher, name) for name in ("first", "second"))
    assert [first.tick(), second.tick(), first.tick()] == [True, False, True]
    set_leader_lease(database, until=LONG_AGO)
    assert [second.tick(), first.tick()] == [True, False]


def test_a_leader_that_resigns_is_followed_at_once(database: Database, dispatcher: HeardDispatcher) -> None:
    first, second = (make_reconciler(database, dispatcher, name) for name in ("first", "second"))
    first.tick()
    first.leadership.resign()
    assert second.tick()


def test_r15_a_lease_from_a_clock_that_went_back_does_not_last(database: Database, dispatcher: HeardDispatcher) -> None:
    make_reconciler(database, dispatcher, "first").tick()
    set_leader_lease(database, until=utc_now() + 2 * LEASE)
    assert make_reconciler(database, dispatcher, "second").tick()


def test_r15_a_schedule_fires_once_a_slot_however_many_schedulers_there_are(
    bench: Bench, database: Database, dispatcher: HeardDispatcher
) -> None:
    for name in ("first", "second", "third"):
        set_leader_lease(database, until=LONG_AGO)
        assert make_reconciler(database, dispatcher, name, HOURLY).tick()
    assert count(database, WorkItem) == 1
    assert bench.row(1).kind == "test.do"


def test_r15_two_schedulers_that_both_believe_to_lead_share_a_slot(database: Database) -> None:
    with database.write() as session:
        declare_schedules(session, [HOURLY])
    for _ in range(2):
        rewind(database)
        with database.write() as session:
            fire_due(session, kinds=["test.do"], now=utc_now())
    assert (count(database, ScheduleSlot), count(database, WorkItem)) == (1, 1)


def test_missed_slots_are_caught_up_by_one_item(database: Database) -> None:
    start = utc_now().replace(microsecond=0)
    with database.write() as session:
        set_schedule(session, "test.hourly", "test.do", every_seconds=3600, payload={"n": 1}, first_at=start)
    with database.write() as session:
        made = fire_due(session, kinds=["test.do"], now=start + timedelta(hours=7, minutes=10))
        row = session.scalars(select(ScheduleRow)).one()
    assert len(made) == 1
    assert row.next_due_at == start + timedelta(hours=8)


def test_r15_after_the_clock_went_back_a_schedule_starts_again_from_now(database: Database) -> None:
    now = utc_now().replace(microsecond=0)
    with database.write() as session:
        set_schedule(session, "test.hourly", "test.do", every_seconds=3600, first_at=now + timedelta(hours=5))
        assert len(fire_due(session, kinds=["test.do"], now=now)) == 1
        assert session.scalars(select(ScheduleRow)).one().next_due_at == now + SOON


def test_a_schedule_that_is_set_again_keeps_its_rhythm(database: Database) -> None:
    with database.write() as session:
        set_schedule(session, "test.hourly", "test.do", every_seconds=3600, first_at=LONG_AGO)
        set_schedule(session, "test.hourly", "test.do", every_seconds=60, payload={"n": 2})
        row = session.scalars(select(ScheduleRow)).one()
    assert (row.next_due_at, row.every_seconds, row.payload) == (LONG_AGO, 60, {"n": 2})


def test_paused_removed_and_unknown_schedules_make_no_work(database: Database) -> None:
    with database.write() as session:
        for name, kind in (("paused", "test.do"), ("removed", "test.do"), ("unknown", "test.of_the_next_version")):
            set_schedule(session, name, kind, every_seconds=60)
        pause_schedule(session, "paused", paused=True)
        remove_schedule(session, "removed")
    with database.write() as session:
        assert fire_due(session, kinds=["test.do"], now=database_now(session)) == []


def test_work_is_forgotten_a_month_after_it_was_done(bench: Bench, make_engine: MakeEngine) -> None:
    from hub.work.jobs import KEPT, prune

    old, fresh, parked = bench.add(), bench.add(), bench.add()
    bench.change(old, state=WorkState.DONE, finished_at=utc_now() - KEPT - SOON)
    bench.change(fresh, state=WorkState.DONE, finished_at=utc_now() - KEPT + SOON)
    bench.change(parked, state=WorkState.PARKED, created_at=utc_now() - 2 * KEPT)

    make_engine({"work.prune": prune}).run_item(bench.add("work.prune"))

    with bench.database.read() as session:
        assert list(session.scalars(select(WorkItem.id).where(WorkItem.kind == "test.do"))) == [fresh, parked]


def count(database: Database, table: type[Any]) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def rewind(database: Database) -> None:
    with database.write() as session:
        session.execute(update(ScheduleRow).values(next_due_at=LONG_AGO.replace(microsecond=0)))


def set_leader_lease(database: Database, *, until: datetime) -> None:
    with database.write() as session:
        session.execute(update(LeaderLease).values(until=until))
