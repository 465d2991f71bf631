"""Every step a delivery may take on its way to the tool.

    queued -> sending -> applied | not applied      (the answer said so)
                      -> ambiguous -> applied       (found by its marker)
                                   -> sending       (not found in the settle window, or harmless to repeat)
                                   -> given up      (nobody can tell, and repeating could do it twice)
    queued, ambiguous <-> held                      (paused, observe-only, writes off)

A delivery is driven by one work item at a time (`work_item_id`); what another one brings comes too late. `sending` is
committed before anything leaves, so whoever finds it there knows that the driver died and nobody knows the outcome.
Rows are locked in the order of their ids, so that two deliveries of one item cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zlib import crc32

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.sdk.protocol import Ticket
from hub.connections.bodies import Body, OnTicket, Write, may_repeat, read_body
from hub.connections.models import ENDED, Connection, ConnectionHealth, Delivery, DeliveryKind, DeliveryState
from hub.connections.service.budget import held_until, hold_back, reserve_slot
from hub.connections.service.configured import stop_broken_connection
from hub.connections.service.echo import note_written
from hub.connections.service.ending import applied_as, choose_ticket, end_applied, give_up, refuse
from hub.connections.service.gates import PAUSED, closed_gate
from hub.connections.service.health import note_lag
from hub.connections.service.steps import (
    Applied,
    Later,
    LookUp,
    Outcome,
    Postponed,
    Refused,
    Sending,
    Step,
    Stopped,
    Unknown,
)
from hub.connections.service.submitting import log_step, waiting_state

LOOKUPS = (5, 15, 30, 60, 120, 300, 600)
"""Seconds after an ambiguous creation at which it is looked for; then every ten minutes until it has settled."""
FIRST_PAUSE, PAUSE_FACTOR, LONGEST_PAUSE = 5.0, 3.0, 3600.0
"""At most five attempts in the first ten minutes (R7)."""
SPREAD = 0.25
"""What was refused together comes back spread over this part of the pause."""
MAX_FAILURES = 130
"""About five days of a tool that cannot be reached."""
MAX_AMBIGUITIES = 10


def take(session: Session, delivery_id: int, *, driver: int, now: datetime) -> Step:
    """Decide what the driver of a delivery does next; where that is sending, it is committed with this transaction."""
    delivery, is_first = _lock_in_order(session, delivery_id)
    if delivery is None or delivery.state in ENDED or delivery.work_item_id != driver:
        return None
    if delivery.state == DeliveryState.SENDING:
        _become_ambiguous(session, delivery, "The process that sent it ended before the answer was written down.", now)
    if not is_first:
        return None  # woken again when the earlier one has ended
    connection = session.get_one(Connection, delivery.connection_id, with_for_update={"read": True})
    if connection.paused_at is not None:
        _hold(session, delivery, PAUSED, now)
        return None
    if delivery.ambiguous_at is not None and delivery.kind == DeliveryKind.CREATE_TICKET:
        return _look_up(session, delivery, now)
    if delivery.ambiguous_at is not None and not may_repeat(_body(delivery)):
        give_up(session, delivery, f"{delivery.last_error} Sending it again could do it twice.", now=now)
        return None
    return _send(session, delivery, connection, now)


def settle(session: Session, sent: Sending, outcome: Outcome, *, driver: int, now: datetime, window: float) -> Step:
    """Write down what became of an attempt, and say what its driver does next."""
    delivery = session.get_one(Delivery, sent.id, with_for_update=True)
    if delivery.work_item_id != driver or delivery.attempt != sent.attempt:
        return None
    if isinstance(outcome, Applied):
        end_applied(session, delivery, outcome, "the tool said so", now=now)
    elif delivery.state != DeliveryState.SENDING:
        return None  # its connection was removed meanwhile
    elif isinstance(outcome, Refused):
        refuse(session, delivery, outcome.reason, now=now)
    elif isinstance(outcome, Stopped):
        stop_broken_connection(session, delivery.connection_id, reason=outcome.reason, now=now)
        _hold(session, delivery, PAUSED, now)
        return None
    elif isinstance(outcome, Postponed):
        return _postpone(session, delivery, outcome, now)
    else:
        return _settle_unknown(session, delivery, outcome, now, window)
    return None


def note_lookup(
    session: Session, look: LookUp, found: Sequence[Ticket], *, driver: int, now: datetime, window: float
) -> Step:
    """Write down whether a creation was found by its marker; if not by the end of the settle window, send it again."""
    delivery = session.get_one(Delivery, look.id, with_for_update=True)
    if delivery.work_item_id != driver or delivery.state != DeliveryState.AMBIGUOUS or delivery.ambiguous_at is None:
        return None
    if found:
        if delivery.looked_at is not None and delivery.sent_at is not None:
            note_lag(session, delivery.connection_id, (delivery.looked_at - delivery.sent_at).total_seconds())
        end_applied(session, delivery, applied_as(choose_ticket(found)), "found by its marker", now=now)
        return None
    delivery.looked_at, delivery.hint_key = now, None
    log_step(session, delivery, "not found", "looked for by its marker", now=now)
    lag = session.get_one(ConnectionHealth, delivery.connection_id).worst_lag_seconds
    until = delivery.ambiguous_at + timedelta(seconds=max(window, 2 * lag))
    if now < until:
        return _look_again(delivery, until, now)
    if delivery.ambiguities >= MAX_AMBIGUITIES:
        give_up(session, delivery, "Sent many times without a clear answer, and never found by its marker.", now=now)
        return None
    connection = session.get_one(Connection, delivery.connection_id, with_for_update={"read": True})
    return _send(session, delivery, connection, now)


def note_failed_lookup(
    session: Session, look: LookUp, outcome: Postponed | Stopped, *, driver: int, now: datetime
) -> Step:
    """Write down that a creation could not be looked for: nothing was learned, so nothing is sent again."""
    delivery = session.get_one(Delivery, look.id, with_for_update=True)
    if delivery.work_item_id != driver or delivery.state != DeliveryState.AMBIGUOUS:
        return None
    log_step(session, delivery, "lookup failed", outcome.reason, now=now)
    if isinstance(outcome, Stopped):
        stop_broken_connection(session, delivery.connection_id, reason=outcome.reason, now=now)
        _hold(session, delivery, PAUSED, now)
        return None
    delivery.failures += 1
    return _come_back(session, delivery, outcome, now)


def _lock_in_order(session: Session, delivery_id: int) -> tuple[Delivery | None, bool]:
    """Lock a delivery after the earlier ones of its item; say whether it is the first that has not ended."""
    place = session.execute(
        select(Delivery.connection_id, Delivery.item_key).where(Delivery.id == delivery_id)
    ).one_or_none()
    if place is None:
        return None, False
    waiting = session.scalars(
        select(Delivery)
        .where(
            Delivery.connection_id == place.connection_id,
            Delivery.item_key == place.item_key,
            Delivery.id <= delivery_id,
            Delivery.state.not_in(ENDED),
        )
        .order_by(Delivery.id)
        .with_for_update()
    ).all()
    mine = next((delivery for delivery in waiting if delivery.id == delivery_id), None)
    return mine, mine is not None and waiting[0] is mine


def _look_up(session: Session, delivery: Delivery, now: datetime) -> Step:
    until = held_until(session, delivery.connection_id, now=now)
    if until is not None:
        return Later(until, "the tool asked to be left alone")
    delivery.state = DeliveryState.AMBIGUOUS
    return LookUp(delivery.id, delivery.connection_id, str(delivery.marker), delivery.hint_key)


def _send(session: Session, delivery: Delivery, connection: Connection, now: datetime) -> Step:
    gate = closed_gate(session, connection, keep=True)
    if gate is not None:
        _hold(session, delivery, gate, now)
        return None
    body = _complete(session, delivery)
    if body is None:
        refuse(session, delivery, "The ticket that it belongs to was never made.", now=now)
        return None
    slot = _slot(session, delivery, connection, now)
    if slot > now:
        return Later(slot, "the connection's rate budget")
    delivery.slot_at = None
    delivery.state, delivery.sent_at = DeliveryState.SENDING, now
    delivery.attempt += 1
    if isinstance(body, Write):
        note_written(session, connection.id, body, now=now)  # its echo may be back before its answer
    log_step(session, delivery, "sending", f"attempt {delivery.attempt}", now=now)
    return Sending(
        delivery.id, connection.id, DeliveryKind(delivery.kind), body, delivery.marker or "", delivery.attempt, now
    )


def _slot(session: Session, delivery: Delivery, connection: Connection, now: datetime) -> datetime:
    held = held_until(session, connection.id, now=now)
    if delivery.slot_at is None or (held is not None and delivery.slot_at < held):
        delivery.slot_at = reserve_slot(session, connection, now=now)
    return delivery.slot_at


def _complete(session: Session, delivery: Delivery) -> Body | None:
    """Give the body, with the ticket that this item's own creation made; None if there is no such ticket."""
    body = _body(delivery)
    if not isinstance(body, OnTicket) or body.key is not None:
        return body
    key = session.scalar(
        select(Delivery.external_key).where(
            Delivery.connection_id == delivery.connection_id,
            Delivery.item_key == delivery.item_key,
            Delivery.kind == DeliveryKind.CREATE_TICKET,
            Delivery.state == DeliveryState.APPLIED,
        )
    )
    return None if key is None else body.model_copy(update={"key": key})


def _body(delivery: Delivery) -> Body:
    return read_body(DeliveryKind(delivery.kind), delivery.body)


def _hold(session: Session, delivery: Delivery, reason: str, now: datetime) -> None:
    delivery.state, delivery.held_reason, delivery.slot_at = DeliveryState.HELD, reason, None
    log_step(session, delivery, "held", reason, now=now)


def _postpone(session: Session, delivery: Delivery, outcome: Postponed, now: datetime) -> Step:
    delivery.failures += 1
    delivery.last_error = outcome.reason
    log_step(session, delivery, "postponed", outcome.reason, now=now)
    if delivery.failures >= MAX_FAILURES:
        give_up(session, delivery, outcome.reason, now=now)
        return None
    delivery.state = waiting_state(delivery)
    return _come_back(session, delivery, outcome, now)


def _come_back(session: Session, delivery: Delivery, outcome: Postponed, now: datetime) -> Later:
    if outcome.retry_after:  # none and zero say nothing about when
        until = now + timedelta(seconds=outcome.retry_after)
        hold_back(session, delivery.connection_id, until=until, reason=outcome.reason)
        return Later(until, outcome.reason)
    return Later(now + _pause(delivery, delivery.failures), outcome.reason)


def _settle_unknown(session: Session, delivery: Delivery, outcome: Unknown, now: datetime, window: float) -> Step:
    _become_ambiguous(session, delivery, outcome.reason, now)
    if delivery.kind == DeliveryKind.CREATE_TICKET:
        return _look_again(delivery, now + timedelta(seconds=window), now)
    if not may_repeat(_body(delivery)):
        give_up(session, delivery, f"{outcome.reason} Sending it again could do it twice.", now=now)
        return None
    if delivery.ambiguities >= MAX_AMBIGUITIES:
        give_up(session, delivery, outcome.reason, now=now)
        return None
    return Later(now + _pause(delivery, delivery.ambiguities), outcome.reason)


def _become_ambiguous(session: Session, delivery: Delivery, reason: str, now: datetime) -> None:
    delivery.state, delivery.ambiguous_at, delivery.looked_at = DeliveryState.AMBIGUOUS, now, None
    delivery.ambiguities += 1
    delivery.last_error = reason
    log_step(session, delivery, "ambiguous", reason, now=now)


def _look_again(delivery: Delivery, until: datetime, now: datetime) -> Later:
    """Come back at the next of the times to look, and at the end of the settle window in any case."""
    since = delivery.ambiguous_at or now
    waited = (now - since).total_seconds()
    following = next((seconds for seconds in LOOKUPS if seconds > waited), waited + LOOKUPS[-1])
    return Later(min(since + timedelta(seconds=following), until), "nobody knows yet whether it was applied")


def _pause(delivery: Delivery, times: int) -> timedelta:
    seconds = min(FIRST_PAUSE * PAUSE_FACTOR ** (times - 1), LONGEST_PAUSE)
    share = crc32(f"{delivery.public_id}:{times}".encode()) / 2**32  # the same on every machine and every run
    return timedelta(seconds=seconds * (1 + SPREAD * share))
