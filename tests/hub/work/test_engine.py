"""One work item: claimed once, fenced, retried with growing waits, parked when a person is needed (R1, R2, R16)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from connectors.sdk.errors import TransientError
from hub.core.errors import InvalidInputError
from hub.core.instants import utc_now
from hub.settings import Settings
from hub.work import claims
from hub.work.claims import MAX_DEATHS, POISON
from hub.work.context import Context, LostLeaseError, Park, RetryLater
from hub.work.engine import FIRST_WAIT, JITTER, MAX_FAILURES, Outcome, describe
from hub.work.models import LeaderLease, WorkState
from hub.work.service import enqueue
from tests.hub.work.conftest import MakeEngine
from tests.workbench import Bench

LONG_AGO = utc_now() - timedelta(days=1)


def _raise(error: Exception) -> Any:  # noqa: ANN401  # a handler
    def handler(_context: Context, _payload: dict[str, Any]) -> None:
        raise error

    return handler


def mark(context: Context, payload: dict[str, Any]) -> None:
    """Leave a trace in the database, inside the fence."""
    with context.transaction() as session:
        session.execute(insert(LeaderLease).values(role=payload["role"], owner="handler", until=context.clock()))


def roles(bench: Bench) -> list[str]:
    with bench.database.read() as session:
        return list(session.scalars(select(LeaderLease.role).order_by(LeaderLease.role)))


def test_an_item_is_handled_with_its_payload_and_done(bench: Bench, make_engine: MakeEngine) -> None:
    seen: list[dict[str, Any]] = []
    item = bench.add(payload={"record": "rec_1"})

    outcome = make_engine({"test.do": lambda _context, payload: seen.append(payload)}).run_item(item)

    row = bench.row(item)
    assert outcome == Outcome.DONE
    assert seen == [{"record": "rec_1"}]
    assert (row.state, row.attempt, row.lease_owner, row.lease_until) == (WorkState.DONE, 1, None, None)
    assert row.finished_at is not None


def test_an_item_is_done_once_however_often_the_queue_says_its_id(bench: Bench, make_engine: MakeEngine) -> None:
    seen: list[int] = []
    item = bench.add()
    engine = make_engine({"test.do": lambda context, _payload: seen.append(context.attempt)})

    assert [engine.run_item(item) for _ in range(3)] == [Outcome.DONE, Outcome.SKIPPED, Outcome.SKIPPED]
    assert seen == [1]


def test_an_id_that_nobody_committed_is_skipped(make_engine: MakeEngine) -> None:
    assert make_engine().run_item(404) == Outcome.SKIPPED


def test_an_item_waits_until_it_is_due(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add(due_at=utc_now() + timedelta(hours=1))

    assert make_engine({"test.do": lambda *_: None}).run_item(item) == Outcome.SKIPPED
    assert bench.row(item).attempt == 0


def test_an_item_under_a_live_lease_is_left_to_its_holder(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    other = make_engine({"test.do": lambda *_: None}, owner="other")
    outcomes: list[Outcome] = []

    make_engine({"test.do": lambda *_: outcomes.append(other.run_item(item))}, owner="holder").run_item(item)

    assert outcomes == [Outcome.SKIPPED]
    assert bench.row(item).state == WorkState.DONE


def test_eight_claims_at_once_give_one_attempt(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    start = threading.Barrier(8)
    outcomes: list[Outcome] = []

    def work(number: int) -> None:
        engine = make_engine({"test.do": lambda *_: None}, owner=f"worker {number}")
        start.wait()
        outcomes.append(engine.run_item(item))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [Outcome.DONE, *[Outcome.SKIPPED] * 7]
    assert bench.row(item).attempt == 1


def test_r2_a_stale_attempt_commits_nothing_once_another_has_taken_over(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add(payload={"role": "effect"})
    taker = make_engine({"test.do": mark}, owner="taker")

    def freeze_beyond_the_lease(context: Context, payload: dict[str, Any]) -> None:
        bench.expire_lease(item, at=LONG_AGO)
        assert taker.run_item(item) == Outcome.DONE
        mark(context, {"role": f"{payload['role']} of a zombie"})

    outcome = make_engine({"test.do": freeze_beyond_the_lease}, owner="zombie").run_item(item)

    assert outcome == Outcome.LOST
    assert roles(bench) == ["effect"]
    assert (bench.row(item).attempt, bench.row(item).deaths) == (2, 1)


def test_r2_a_stale_attempt_that_fails_does_not_put_the_item_back(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    taker = make_engine({"test.do": lambda *_: None}, owner="taker")

    def freeze_and_fail(_context: Context, _payload: dict[str, Any]) -> None:
        bench.expire_lease(item, at=LONG_AGO)
        taker.run_item(item)
        raise ValueError("woke up")

    assert make_engine({"test.do": freeze_and_fail}, owner="zombie").run_item(item) == Outcome.LOST
    assert bench.row(item).state == WorkState.DONE


def take_over(bench: Bench, item: int) -> claims.Claim:
    bench.expire_lease(item, at=LONG_AGO)
    with bench.database.write() as session:
        taken = claims.claim(session, item, owner="taker", lease=timedelta(hours=1))
    assert taken is not None
    return taken


def write(context: Context, _payload: dict[str, Any]) -> None:
    mark(context, {"role": "of a zombie"})


@pytest.mark.parametrize(
    "awake",
    [
        pytest.param(lambda *_: None, id="ends"),
        pytest.param(_raise(ValueError("no")), id="fails"),
        pytest.param(_raise(Park("look")), id="parks"),
        pytest.param(_raise(LostLeaseError("slept")), id="gives up"),
        pytest.param(write, id="writes"),
    ],
)
def test_r2_a_zombie_changes_nothing_of_what_another_holds_now(
    bench: Bench, make_engine: MakeEngine, awake: Callable[..., None]
) -> None:
    item = bench.add()

    def sleep_and_wake(context: Context, payload: dict[str, Any]) -> None:
        take_over(bench, item)
        awake(context, payload)

    assert make_engine({"test.do": sleep_and_wake}, owner="zombie").run_item(item) == Outcome.LOST

    row = bench.row(item)
    assert (row.state, row.attempt, row.lease_owner, row.failures) == (WorkState.READY, 2, "taker", 0)
    assert roles(bench) == []


@pytest.mark.parametrize("awake", [pytest.param(lambda *_: None, id="ends"), pytest.param(write, id="writes")])
def test_a_zombie_does_not_touch_an_item_that_was_parked_meanwhile(
    bench: Bench, make_engine: MakeEngine, awake: Callable[..., None]
) -> None:
    item = bench.add()

    def sleep_and_wake(context: Context, payload: dict[str, Any]) -> None:
        bench.change(item, state=WorkState.PARKED)
        awake(context, payload)

    assert make_engine({"test.do": sleep_and_wake}).run_item(item) == Outcome.LOST
    assert (bench.row(item).state, roles(bench)) == (WorkState.PARKED, [])


def test_a_lease_is_renewed_by_its_holder_only(bench: Bench) -> None:
    item = bench.add()
    lease = timedelta(minutes=5)
    with bench.database.write() as session:
        held = claims.claim(session, item, owner="zombie", lease=lease)
    assert held is not None
    with bench.database.write() as session:
        assert claims.renew(session, held, owner="zombie", lease=lease)
    taken = take_over(bench, item)
    until = bench.row(item).lease_until
    with bench.database.write() as session:
        assert not claims.renew(session, held, owner="zombie", lease=2 * lease)
        assert claims.is_done(session, taken) is False
    assert bench.row(item).lease_until == until


def test_a_handler_may_end_the_item_in_its_own_last_transaction(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()

    def finish(context: Context, _payload: dict[str, Any]) -> None:
        with context.transaction() as session:
            context.finish(session)

    assert make_engine({"test.do": finish}).run_item(item) == Outcome.DONE
    assert bench.row(item).state == WorkState.DONE


def test_nothing_of_a_transaction_remains_when_the_handler_raises_in_it(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()

    def fail(context: Context, _payload: dict[str, Any]) -> None:
        with context.transaction() as session:
            enqueue(session, "test.follow", {})
            raise ValueError("half way")

    assert make_engine({"test.do": fail}).run_item(item) == Outcome.RETRY
    assert bench.row(item).state == WorkState.READY
    assert make_engine().run_item(item + 1) == Outcome.SKIPPED


@pytest.mark.parametrize(("failures", "chance"), [(0, 0.0), (3, 0.0), (3, 1.0)])
def test_waits_double_with_each_failure_and_carry_jitter(
    bench: Bench, make_engine: MakeEngine, failures: int, chance: float
) -> None:
    item = bench.add()
    bench.change(item, failures=failures)

    before = utc_now()
    outcome = make_engine({"test.do": _raise(ValueError("no"))}, chance=lambda: chance).run_item(item)
    wait = FIRST_WAIT * 2**failures * (1 + JITTER * chance)

    row = bench.row(item)
    assert outcome == Outcome.RETRY
    assert before + wait <= row.due_at <= utc_now() + wait
    assert (row.failures, row.lease_until) == (failures + 1, None)


def test_r7_at_most_six_attempts_fall_into_ten_minutes() -> None:
    starts = [timedelta(0)]
    for failures in range(MAX_FAILURES - 1):
        starts.append(starts[-1] + FIRST_WAIT * 2**failures)
    assert len([start for start in starts if start < timedelta(minutes=10)]) <= 6


def test_a_tool_that_asks_for_a_pause_gets_it(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    before = utc_now()

    make_engine({"test.do": _raise(TransientError("slow down", retry_after=900))}).run_item(item)

    assert bench.row(item).due_at >= before + timedelta(seconds=900)


def test_later_is_no_failure(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    at = utc_now().replace(microsecond=0) + timedelta(hours=2)

    outcome = make_engine({"test.do": _raise(RetryLater("search lags", at=at))}).run_item(item)

    row = bench.row(item)
    assert outcome == Outcome.LATER
    assert (row.due_at, row.failures, row.state, row.last_error) == (at, 0, WorkState.READY, "search lags")


def test_an_item_is_parked_after_the_last_failure(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    bench.change(item, failures=MAX_FAILURES - 1)

    assert make_engine({"test.do": _raise(ValueError("again"))}).run_item(item) == Outcome.PARKED
    assert (bench.row(item).state, bench.row(item).failures) == (WorkState.PARKED, MAX_FAILURES)


def test_a_handler_can_park_its_item_with_a_sentence(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()

    assert make_engine({"test.do": _raise(Park("Two tickets carry one marker: choose."))}).run_item(item) == (
        Outcome.PARKED
    )
    assert bench.row(item).last_error == "Two tickets carry one marker: choose."


def test_work_of_an_unknown_kind_waits_for_a_newer_version(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add("test.of_the_next_version")

    assert make_engine().run_item(item) == Outcome.RETRY
    assert "test.of_the_next_version" in (bench.row(item).last_error or "")


def test_r30_an_error_of_a_library_is_kept_without_its_message(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add(payload={"token": "canary-7f3a"})

    def choke(_context: Context, payload: dict[str, Any]) -> None:
        int(payload["token"])

    make_engine({"test.do": choke}).run_item(item)

    kept = bench.row(item).last_error or ""
    assert kept.startswith("ValueError at ")
    assert "canary" not in kept


def test_our_own_errors_keep_their_sentence() -> None:
    assert describe(InvalidInputError("Give a date.")) == "InvalidInputError: Give a date."


def test_r16_an_item_whose_workers_die_is_parked_as_poison(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    engine = make_engine({"test.do": lambda *_: None})
    assert MAX_DEATHS == 3
    bench.change(item, attempt=7, deaths=MAX_DEATHS - 1, lease_owner="gone", lease_until=LONG_AGO)

    assert engine.run_item(item) == Outcome.SKIPPED
    assert (bench.row(item).state, bench.row(item).last_error) == (WorkState.PARKED, POISON)


def test_a_lease_that_is_over_counts_a_death_and_the_item_goes_on(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    bench.change(item, attempt=1, lease_owner="gone", lease_until=LONG_AGO)

    assert make_engine({"test.do": lambda *_: None}).run_item(item) == Outcome.DONE
    assert (bench.row(item).deaths, bench.row(item).attempt) == (1, 2)


def test_a_long_handler_keeps_its_lease(bench: Bench, make_engine: MakeEngine, settings: Settings) -> None:
    item = bench.add()
    renewed = threading.Event()

    def work_until_renewed(_context: Context, _payload: dict[str, Any]) -> None:
        first = bench.row(item).lease_until
        while not renewed.wait(0.05):
            if bench.row(item).lease_until != first:
                renewed.set()

    engine = make_engine({"test.do": work_until_renewed})
    engine._lease = timedelta(seconds=0.3)
    assert engine.run_item(item) == Outcome.DONE
    assert bench.row(item).attempt == 1


def test_r16_a_hung_handler_is_told_and_its_lease_ends(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    hung = threading.Event()
    engine = make_engine({"test.do": lambda *_: _wait(hung)}, on_hang=hung.set)
    engine._lease = timedelta(seconds=0.02)

    engine.run_item(item)

    assert hung.is_set()


def test_a_worker_that_is_told_to_stop_gives_its_item_back(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    free_again: list[object] = []
    taker = make_engine({"test.do": lambda *_: free_again.append(bench.row(item).deaths)}, owner="taker")

    def give_back(_context: Context, _payload: dict[str, Any]) -> None:
        engine.release_current()
        taker.run_item(item)

    engine = make_engine({"test.do": give_back}, owner="leaver")
    assert engine.run_item(item) == Outcome.LOST
    assert free_again == [0]
    assert bench.row(item).state == WorkState.DONE


def test_r4_the_end_of_an_item_is_written_when_the_database_is_back(
    bench: Bench, make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = bench.add()
    pauses: list[float] = []
    engine = make_engine({"test.do": lambda *_: None}, pause=pauses.append)
    write_ending = engine._write_ending
    faults = iter([OperationalError("", None, Exception()), OperationalError("", None, Exception())])

    def flicker(*arguments: Any) -> Outcome:  # noqa: ANN401
        for fault in faults:
            raise fault
        return write_ending(*arguments)

    monkeypatch.setattr(engine, "_write_ending", flicker)

    assert engine.run_item(item) == Outcome.DONE
    assert len(pauses) == 2
    assert bench.row(item).state == WorkState.DONE


def test_a_handler_that_gives_up_its_lease_leaves_the_item_free(bench: Bench, make_engine: MakeEngine) -> None:
    item = bench.add()
    assert make_engine({"test.do": _raise(LostLeaseError("slept"))}).run_item(item) == Outcome.LOST
    assert (bench.row(item).failures, bench.row(item).deaths, bench.row(item).lease_until) == (0, 0, None)
    assert make_engine({"test.do": lambda *_: None}).run_item(item) == Outcome.DONE


def _wait(until: threading.Event) -> None:
    until.wait(30)
