"""The outbox: every step of a delivery, with a tool that drops answers, lags, refuses, and dies with its caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from connectors.sdk.errors import TransientError
from connectors.sdk.protocol import Change, Message, Op, TicketState
from hub.audit.models import AuditEntry
from hub.connections import service
from hub.connections.models import Connection, ConnectionHealth, Delivery, DeliveryKind, DeliveryState, Stage
from hub.connections.service import driving
from hub.core.errors import ConflictError, InvalidInputError
from tests.hub.connections import lying_tool
from tests.hub.connections.lying_tool import Fault
from tests.hub.connections.outbox_bench import DRAFT, OutboxBench


@dataclass(frozen=True)
class Someone:
    """Whoever answers for a change."""

    audit_name: str


ADA = Someone("per_ada")
COMMENT = {"text": "The finding still holds."}
CLOSE = {"state": TicketState.CLOSED}


def test_a_ticket_is_made_and_told(bench: OutboxBench) -> None:
    jira = bench.connect()
    asked = bench.ask(origin={"ticket": "tkt_1"})

    bench.run_due()

    row = bench.row(asked)
    assert (row.state, row.external_key, row.external_label) == (DeliveryState.APPLIED, "10001", "T-10001")
    (told,) = bench.events("delivery.applied")
    assert (told["external_key"], told["marker"], told["origin"]) == ("10001", asked.marker, {"ticket": "tkt_1"})
    assert len(jira.tickets) == 1


def test_an_address_that_is_none_of_the_web_is_never_a_link(
    bench: OutboxBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R35: a connector of somebody else may answer anything."""
    bench.connect()
    monkeypatch.setattr(lying_tool, "ADDRESS", "javascript:alert(1)//")
    asked = bench.ask()

    bench.run_due()

    assert (bench.row(asked).external_label, bench.row(asked).external_url) == ("T-10001", None)


def test_asking_twice_with_one_dedupe_key_is_one_delivery(bench: OutboxBench) -> None:
    jira = bench.connect()
    first = bench.ask(dedupe_key="finding-1")
    second = bench.ask(dedupe_key="finding-1")

    bench.run_due()

    assert first.id == second.id
    assert len(jira.tickets) == 1


def test_a_creation_without_a_marker_is_refused_at_the_door(bench: OutboxBench) -> None:
    bench.connect()
    with pytest.raises(InvalidInputError, match="needs a marker"):
        bench.change(
            lambda session, made: service.submit(
                session,
                made.id,
                DeliveryKind.CREATE_TICKET,
                "item",
                {"draft": DRAFT},
                dedupe_key="a",
                now=bench.clock(),
            )
        )


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.DIES_AFTER])
def test_a_lost_answer_is_found_by_its_marker_and_never_sent_again(bench: OutboxBench, fault: Fault) -> None:
    jira = bench.connect()
    jira.faults.append(fault)
    asked = bench.ask()

    bench.run()

    row = bench.row(asked)
    assert (row.state, row.external_key, row.attempt) == (DeliveryState.APPLIED, "10001", 1)
    assert len(jira.tickets) == 1
    assert "ambiguous" in bench.steps(asked)


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.DIES_BEFORE])
def test_what_was_never_applied_is_sent_again_after_the_settle_window(bench: OutboxBench, fault: Fault) -> None:
    jira = bench.connect()
    jira.faults.append(fault)
    asked = bench.ask()

    bench.run()

    first, second = (at for at, call in jira.calls if call == "create")
    assert second - first >= timedelta(seconds=bench.settings.settle_seconds)
    assert (bench.row(asked).state, bench.row(asked).attempt) == (DeliveryState.APPLIED, 2)
    assert len(jira.tickets) == 1


def test_an_ambiguous_creation_is_looked_for_at_growing_distances(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.faults.append(Fault.LOST_BEFORE)
    bench.ask()

    bench.run()

    sent = next(at for at, call in jira.calls if call == "create")
    looked = [(at - sent).total_seconds() for at, call in jira.calls if call == "find"]
    assert looked == [5, 15, 30, 60, 120, 300, 600]


@pytest.mark.parametrize("lag", [5, 599])
def test_search_lag_within_the_settle_window_makes_no_twin(bench: OutboxBench, lag: int) -> None:
    """R9."""
    jira = bench.connect()
    jira.lag = timedelta(seconds=lag)
    jira.faults.append(Fault.LOST_AFTER)
    asked = bench.ask()

    bench.run()

    assert len(jira.tickets) == 1
    assert bench.row(asked).state == DeliveryState.APPLIED


def test_a_lag_that_was_seen_once_makes_the_settle_window_twice_as_long(bench: OutboxBench) -> None:
    jira = bench.connect()
    with bench.database.write() as session:
        session.scalars(select(ConnectionHealth)).one().worst_lag_seconds = 1000
    jira.faults.append(Fault.LOST_BEFORE)
    bench.ask()

    bench.run()

    first, second = (at for at, call in jira.calls if call == "create")
    assert second - first >= timedelta(seconds=2000)


def test_the_lag_of_a_ticket_that_was_found_late_is_remembered(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.lag = timedelta(seconds=100)
    jira.faults.append(Fault.LOST_AFTER)
    bench.ask()

    bench.run()

    with bench.database.read() as session:
        assert session.scalars(select(ConnectionHealth.worst_lag_seconds)).one() == 60


def test_twins_beyond_the_settle_window_are_merged_into_the_oldest(bench: OutboxBench) -> None:
    """R9: at a lag of an hour every twin is closed within ten minutes of being seen, and it is all written down."""
    jira = bench.connect()
    jira.lag = timedelta(hours=1)
    jira.faults.append(Fault.LOST_AFTER)
    asked = bench.ask()
    bench.run()
    assert len(jira.open_with(str(asked.marker))) == 2
    bench.clock.advance(minutes=65)

    bench.sweep()
    bench.run()

    (kept,) = jira.open_with(str(asked.marker))
    assert kept.number == 10001
    assert "duplicate of T-10001" in next(iter(jira.tickets["10002"].comments.values()))
    assert bench.row(asked).external_key == "10001"
    assert [event["external_key"] for event in bench.events("delivery.applied") if event["corrected"]] == ["10001"]
    assert "merged" in bench.steps(asked)
    with bench.database.read() as session:
        assert session.scalar(select(func.count()).where(AuditEntry.action == "ticket.merged")) == 1


def test_a_ticket_that_was_closed_is_not_brought_back_by_a_twin(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.lag = timedelta(hours=1)
    jira.faults.append(Fault.LOST_AFTER)
    asked = bench.ask()
    bench.ask(DeliveryKind.TRANSITION, CLOSE)
    bench.run()
    bench.clock.advance(minutes=65)

    bench.sweep()
    bench.run()

    assert jira.open_with(str(asked.marker)) == []


def test_a_sweep_that_runs_twice_closes_a_twin_once(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.lag = timedelta(hours=1)
    jira.faults.append(Fault.LOST_AFTER)
    bench.ask()
    bench.run()
    bench.clock.advance(minutes=65)

    for _ in range(2):
        bench.sweep()
        bench.run()
        bench.clock.advance(minutes=6)

    assert len(jira.tickets["10002"].comments) == 1


def test_what_was_sent_once_and_answered_is_looked_at_once(bench: OutboxBench) -> None:
    jira = bench.connect()
    bench.ask()
    bench.run()
    for _ in range(3):
        bench.clock.advance(minutes=20)
        bench.sweep()

    assert [call for _, call in jira.calls].count("find") == 1


def test_a_ticket_that_shows_up_after_its_delivery_was_refused_is_taken_over(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.lag = timedelta(hours=1)
    jira.faults.extend([Fault.LOST_AFTER, Fault.REFUSED])
    asked = bench.ask()
    bench.run()
    assert bench.row(asked).state == DeliveryState.NOT_APPLIED
    bench.clock.advance(minutes=60)

    bench.sweep()

    assert (bench.row(asked).state, bench.row(asked).external_key) == (DeliveryState.APPLIED, "10001")


def test_a_lookup_that_fails_teaches_nothing_and_nothing_is_sent_again(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.faults.append(Fault.LOST_AFTER)
    jira.find_error = TransientError("Connection refused.")
    asked = bench.ask()
    bench.run(until=bench.clock() + timedelta(hours=3))
    assert [call for _, call in jira.calls].count("create") == 1

    jira.find_error = None
    bench.run()

    assert bench.row(asked).state == DeliveryState.APPLIED
    assert len(jira.tickets) == 1


def test_a_webhook_with_the_marker_ends_an_ambiguity_at_once(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.lag = timedelta(hours=1)
    jira.faults.append(Fault.LOST_AFTER)
    asked = bench.ask()
    bench.run_due()

    bench.change(lambda session, made: service.expect_ticket(session, made.id, str(asked.marker), "10001"))
    bench.run_due()

    assert (bench.row(asked).state, bench.row(asked).external_key) == (DeliveryState.APPLIED, "10001")
    assert [call for _, call in jira.calls] == ["create", "get"]


def test_a_webhook_that_lies_about_the_marker_changes_nothing(bench: OutboxBench) -> None:
    jira = bench.connect()
    other = bench.ask(item="other")
    bench.run_due()
    jira.faults.append(Fault.LOST_BEFORE)
    asked = bench.ask()
    bench.run_due()

    bench.change(lambda session, made: service.expect_ticket(session, made.id, str(asked.marker), "10001"))
    bench.run_due()

    assert bench.row(asked).state == DeliveryState.AMBIGUOUS
    assert bench.row(other).external_key == "10001"


def test_a_refusal_is_final_and_told(bench: OutboxBench) -> None:
    bench.connect().faults.append(Fault.REFUSED)
    asked = bench.ask()

    bench.run()

    row = bench.row(asked)
    assert (row.state, row.last_error) == (DeliveryState.NOT_APPLIED, "The project has no such issue type.")
    assert [event["delivery_id"] for event in bench.events("delivery.not_applied")] == [asked.id]


def test_a_tool_that_is_away_is_asked_again_at_most_six_times_in_ten_minutes(bench: OutboxBench) -> None:
    """R7."""
    jira = bench.connect()
    jira.faults.extend([Fault.AWAY] * 20)
    asked = bench.ask()
    began = bench.clock()

    bench.run()

    assert sum(at - began <= timedelta(minutes=10) for at, _ in jira.calls) <= 6
    assert bench.row(asked).state == DeliveryState.APPLIED


def test_a_tool_that_stays_away_is_given_up_at_last_and_told(
    bench: OutboxBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=driving.MAX_FAILURES * driving.LONGEST_PAUSE) > timedelta(days=5)
    monkeypatch.setattr(driving, "MAX_FAILURES", 10)
    jira = bench.connect()
    jira.faults.extend([Fault.AWAY] * 20)
    asked = bench.ask()

    bench.run()

    assert bench.row(asked).state == DeliveryState.GIVEN_UP
    assert [call for _, call in jira.calls] == ["create"] * 10
    assert [event["delivery_id"] for event in bench.events("delivery.given_up")] == [asked.id]


def test_retry_after_holds_the_whole_connection_and_no_other(bench: OutboxBench) -> None:
    """R8."""
    jira, planner = bench.connect(), bench.connect("planner")
    jira.retry_after = 120
    jira.faults.append(Fault.BUSY)
    began = bench.clock()
    for number in range(5):
        bench.ask(item=f"a{number}")
        bench.ask(item=f"b{number}", connection="planner")

    bench.run()

    early = [call for at, call in jira.calls if at < began + timedelta(seconds=120)]
    assert early == ["create"]
    assert {at for at, _ in planner.calls} == {began}
    assert len(jira.tickets) == len(planner.tickets) == 5


def test_what_waits_for_a_slow_budget_comes_out_one_by_one(bench: OutboxBench) -> None:
    jira = bench.connect(writes_per_minute=6)
    began = bench.clock()
    for number in range(14):
        bench.ask(item=str(number))

    bench.run()

    waited = [(at - began).total_seconds() for at, _ in jira.calls]
    assert waited[:10] == [0.0] * 10
    assert waited[10:] == [10.0, 20.0, 30.0, 40.0]


def test_deliveries_of_one_item_leave_in_the_order_they_were_asked_for(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.faults.extend([Fault.LOST_BEFORE, Fault.AWAY, Fault.NONE, Fault.AWAY])
    bench.ask()
    bench.ask(DeliveryKind.COMMENT, COMMENT)
    bench.ask(DeliveryKind.TRANSITION, CLOSE)

    bench.run()

    assert list(dict.fromkeys(call for _, call in jira.calls if call != "find")) == ["create", "comment", "transition"]
    (kept,) = jira.tickets.values()
    assert (len(kept.comments), kept.state) == (1, TicketState.CLOSED)


def test_one_item_never_waits_for_another(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.faults.append(Fault.LOST_BEFORE)
    bench.ask(item="slow")
    quick = bench.ask(item="quick")

    bench.run_due()

    assert bench.row(quick).state == DeliveryState.APPLIED


def test_a_comment_on_a_ticket_that_was_never_made_is_not_applied(bench: OutboxBench) -> None:
    bench.connect().faults.append(Fault.REFUSED)
    bench.ask()
    comment = bench.ask(DeliveryKind.COMMENT, COMMENT)

    bench.run()

    assert bench.row(comment).state == DeliveryState.NOT_APPLIED
    assert bench.row(comment).last_error == "The ticket that it belongs to was never made."


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.LOST_BEFORE, Fault.DIES_AFTER, Fault.DIES_BEFORE])
def test_a_comment_of_unknown_fate_is_repeated_and_appears_once(bench: OutboxBench, fault: Fault) -> None:
    jira = bench.connect()
    jira.faults.extend([Fault.NONE, fault])
    bench.ask()
    comment = bench.ask(DeliveryKind.COMMENT, COMMENT)

    bench.run()

    assert bench.row(comment).state == DeliveryState.APPLIED
    assert [len(kept.comments) for kept in jira.tickets.values()] == [1]


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.DIES_AFTER])
def test_a_message_of_unknown_fate_is_not_repeated_until_a_person_asks(bench: OutboxBench, fault: Fault) -> None:
    jira = bench.connect()
    jira.faults.append(fault)
    message = Message(id="m1", to="room", subject="s", body="b")
    asked = bench.ask(DeliveryKind.MESSAGE, {"message": message})
    bench.run()
    assert bench.row(asked).state == DeliveryState.GIVEN_UP
    assert jira.messages == ["m1"]

    bench.change(
        lambda session, _: service.retry_delivery(
            session, session.get_one(Delivery, asked.id), by=ADA, now=bench.clock()
        )
    )
    bench.run()

    assert bench.row(asked).state == DeliveryState.APPLIED
    assert jira.messages == ["m1", "m1"]


def test_an_expired_token_pauses_the_connection_and_keeps_what_waits(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.faults.append(Fault.UNAUTHORISED)
    asked, other = bench.ask(), bench.ask(item="other")
    bench.run()

    assert {bench.row(asked).state, bench.row(other).state} == {DeliveryState.HELD}
    assert [call for _, call in jira.calls] == ["create"]
    assert len(bench.events("connection.broken")) == 1
    with bench.database.read() as session:
        assert session.scalars(select(Connection.paused_reason)).one() == "The token has expired."

    bench.change(lambda session, made: service.resume_connection(session, made, by=ADA, now=bench.clock()))
    bench.run()

    assert {bench.row(asked).state, bench.row(other).state} == {DeliveryState.APPLIED}


def test_an_observe_only_connection_keeps_what_is_asked_until_it_may_write(bench: OutboxBench) -> None:
    jira = bench.connect(stage=Stage.OBSERVE_ONLY)
    asked = bench.ask()
    bench.run()
    assert (bench.row(asked).state, bench.row(asked).held_reason) == (DeliveryState.HELD, "observe_only")
    assert not jira.calls

    bench.change(lambda session, made: service.set_stage(session, made, Stage.WRITING, by=ADA, now=bench.clock()))
    bench.run()

    assert bench.row(asked).state == DeliveryState.APPLIED


def test_writes_off_holds_everything_and_on_lets_it_out_in_order(bench: OutboxBench) -> None:
    jira = bench.connect()
    bench.change(lambda session, _: service.switch_writes(session, on=False, by=ADA, now=bench.clock()))
    asked = [bench.ask(), bench.ask(DeliveryKind.COMMENT, COMMENT), bench.ask(DeliveryKind.TRANSITION, CLOSE)]
    bench.run()
    assert [bench.row(one).state for one in asked[:1]] == [DeliveryState.HELD]
    assert not jira.calls

    bench.change(lambda session, _: service.switch_writes(session, on=True, by=ADA, now=bench.clock()))
    bench.run()

    assert [call for _, call in jira.calls] == ["create", "comment", "transition"]


def test_writes_off_does_not_send_an_ambiguous_creation_again_but_still_finds_it(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.lag = timedelta(seconds=100)
    jira.faults.append(Fault.LOST_AFTER)
    asked = bench.ask()
    bench.run_due()

    bench.change(lambda session, _: service.switch_writes(session, on=False, by=ADA, now=bench.clock()))
    bench.run()

    assert bench.row(asked).state == DeliveryState.APPLIED
    assert len(jira.tickets) == 1


def test_an_ambiguous_creation_that_was_held_is_looked_for_again_before_it_is_sent(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.lag = timedelta(hours=1)
    jira.faults.append(Fault.LOST_AFTER)
    asked = bench.ask()
    bench.run_due()
    bench.change(lambda session, _: service.switch_writes(session, on=False, by=ADA, now=bench.clock()))
    bench.run()
    assert bench.row(asked).state == DeliveryState.HELD
    bench.clock.advance(hours=2)

    bench.change(lambda session, _: service.switch_writes(session, on=True, by=ADA, now=bench.clock()))
    bench.run()

    assert bench.row(asked).state == DeliveryState.APPLIED
    assert len(jira.tickets) == 1


def test_a_dry_run_is_kept_and_never_sent_and_leaves_the_real_thing_free(bench: OutboxBench) -> None:
    jira = bench.connect()
    dry = bench.ask(dedupe_key="finding-1", dry_run=True)
    bench.run()
    assert bench.row(dry).state == DeliveryState.DRY_RUN
    assert not jira.calls

    real = bench.ask(dedupe_key="finding-1")
    bench.run()

    assert bench.row(real).state == DeliveryState.APPLIED


def test_a_delivery_that_worked_cannot_be_retried(bench: OutboxBench) -> None:
    bench.connect()
    asked = bench.ask()
    bench.run()

    with bench.database.write() as session, pytest.raises(ConflictError, match="only what ended without success"):
        service.retry_delivery(session, session.get_one(Delivery, asked.id), by=ADA, now=bench.clock())


def test_a_second_work_item_for_a_delivery_leaves_it_to_its_driver(bench: OutboxBench) -> None:
    jira = bench.connect()
    jira.faults.append(Fault.LOST_BEFORE)
    asked = bench.ask()
    bench.run_due()
    driver = bench.row(asked).work_item_id

    with bench.database.write() as session:
        step = service.take(session, asked.id, driver=int(driver or 0) + 1, now=bench.clock())

    assert step is None
    assert bench.row(asked).state == DeliveryState.AMBIGUOUS


def test_a_driver_that_slept_past_its_lease_sends_nothing(bench: OutboxBench) -> None:
    """R2: SIGSTOP between the commit and the socket, SIGCONT after the lease."""
    jira = bench.connect()
    asked = bench.ask()

    def sleep_once(label: str) -> None:
        if label == "connections.sending_committed" and bench.row(asked).attempt == 1:
            bench.clock.advance(seconds=bench.settings.lease_seconds)

    bench.failpoint = sleep_once
    bench.run_due()
    assert not jira.calls

    bench.run()

    assert len(jira.tickets) == 1
    assert bench.row(asked).state == DeliveryState.APPLIED


def test_removing_a_connection_gives_up_what_waits_and_forgets_its_secrets(bench: OutboxBench) -> None:
    jira = bench.connect(stage=Stage.OBSERVE_ONLY)
    asked = bench.ask()
    bench.run()

    bench.change(lambda session, made: service.remove_connection(session, made, by=ADA, now=bench.clock()))
    bench.run()

    assert bench.row(asked).state == DeliveryState.GIVEN_UP
    assert not jira.calls


def test_what_we_wrote_is_known_as_an_echo_even_before_its_answer(bench: OutboxBench) -> None:
    """R12."""
    jira = bench.connect()
    jira.faults.append(Fault.LOST_AFTER)
    change = Change(id="c1", op=Op.UPDATE, key="7", fields={"points": 5, "note": "Café\r\n"})
    bench.ask(DeliveryKind.WRITE, {"stream": "issues", "change": change})
    bench.run_due()

    with bench.database.read() as session:
        made = service.find_connection(session, "jira")
        assert service.is_echo(session, made.id, "issues", "7", {"points": 5.0, "note": "Cafe\u0301"})
        assert not service.is_echo(session, made.id, "issues", "7", {"points": 6})
        assert not service.is_echo(session, made.id, "issues", "7", {"points": 5, "owner": "x"})
        assert not service.is_echo(session, made.id, "issues", "8", {"points": 5})
    bench.run()
    assert jira.values["7", "points"] == 5


def test_deliveries_that_ended_a_year_ago_are_forgotten(bench: OutboxBench) -> None:
    """R47."""
    bench.connect()
    bench.ask()
    waiting = bench.ask(DeliveryKind.COMMENT, COMMENT, item="other", connection="jira", dry_run=False)
    bench.change(lambda session, made: service.set_stage(session, made, Stage.OBSERVE_ONLY, by=ADA, now=bench.clock()))
    done = bench.ask(dry_run=True, item="dry")
    bench.clock.advance(days=366)

    with bench.database.write() as session:
        service.prune_deliveries(session, now=bench.clock())
        left = set(session.scalars(select(Delivery.id)))

    assert waiting.id in left
    assert done.id not in left
