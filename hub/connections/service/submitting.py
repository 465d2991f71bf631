"""Ask for something to be written to a tool, and have what waits looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.connections.bodies import NEEDS_MARKER, Body, hash_body, read_body
from hub.connections.models import Connection, Delivery, DeliveryKind, DeliveryState, DeliveryStep
from hub.connections.service.gates import closed_gate
from hub.core.errors import ConflictError, InvalidInputError
from hub.core.ids import new_public_id
from hub.work.models import WorkState
from hub.work.service import enqueue, find_item

RELEASE_BATCH = 500
RETRIABLE = frozenset({DeliveryState.NOT_APPLIED, DeliveryState.GIVEN_UP, DeliveryState.AMBIGUOUS})


def submit(
    session: Session,
    connection_id: int,
    kind: DeliveryKind,
    item_key: str,
    body: Mapping[str, Any] | Body,
    *,
    dedupe_key: str,
    now: datetime,
    marker: str | None = None,
    origin: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> int:
    """Ask for something to be written to a tool, in the transaction that wants it; give the delivery's id.

    The same `dedupe_key` is the same delivery, however often it is asked for. Deliveries of one `item_key` leave in
    order. `origin` comes back in the events. A dry run is only kept, to show what would be written.
    """
    if kind in NEEDS_MARKER and marker is None:
        raise InvalidInputError(f"A {kind} needs a marker, or nobody could tell whether it was applied.")
    content = read_body(kind, body).model_dump(mode="json")
    key = f"dry-run:{dedupe_key}" if dry_run else dedupe_key
    values = {
        "public_id": new_public_id("dlv"),
        "connection_id": connection_id,
        "item_key": item_key,
        "kind": kind,
        "body": content,
        "body_hash": hash_body(content),
        "marker": marker,
        "dedupe_key": key,
        "origin": dict(origin or {}),
        "state": DeliveryState.DRY_RUN if dry_run else DeliveryState.QUEUED,
        "attempt": 0,
        "failures": 0,
        "ambiguities": 0,
        "created_at": now,
        "ended_at": now if dry_run else None,
    }
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    made: int | None = session.scalar(
        dialect.insert(Delivery)
        .values(values)
        .on_conflict_do_nothing(index_elements=["dedupe_key"])
        .returning(Delivery.id)
    )
    if made is None:
        return session.scalars(select(Delivery.id).where(Delivery.dedupe_key == key)).one()
    delivery = session.get_one(Delivery, made)
    log_step(session, delivery, "dry run" if dry_run else "asked for", "", now=now)
    if not dry_run:
        drive(session, delivery)
    return made


def drive(session: Session, delivery: Delivery) -> bool:
    """Give a delivery a new driver, which is due now; False while the present one is sending."""
    if delivery.state == DeliveryState.SENDING and delivery.work_item_id is not None:
        driver = find_item(session, delivery.work_item_id)
        if driver is not None and driver.state == WorkState.READY:
            return False
    delivery.work_item_id = enqueue(session, "connections.deliver", {"delivery_id": delivery.id})
    return True


def wake_next(session: Session, ended: Delivery) -> None:
    """Let the next delivery of an item go, now that this one has ended."""
    following = session.scalar(
        select(Delivery)
        .where(
            Delivery.connection_id == ended.connection_id,
            Delivery.item_key == ended.item_key,
            Delivery.id > ended.id,
            Delivery.state == DeliveryState.QUEUED,
        )
        .order_by(Delivery.id)
        .limit(1)
        .with_for_update()
    )
    if following is not None:
        drive(session, following)


def release_held(session: Session, connection: Connection, *, now: datetime) -> bool:
    """Let held deliveries of a connection go on, if nothing holds them any more; say whether there are more."""
    if closed_gate(session, connection) is not None:
        return False
    held = session.scalars(
        select(Delivery)
        .where(Delivery.connection_id == connection.id, Delivery.state == DeliveryState.HELD)
        .order_by(Delivery.id)
        .limit(RELEASE_BATCH)
        .with_for_update()
    ).all()
    for delivery in held:
        delivery.state, delivery.held_reason = waiting_state(delivery), None
        log_step(session, delivery, "released", "", now=now)
        drive(session, delivery)
    return len(held) == RELEASE_BATCH


def retry_delivery(session: Session, delivery: Delivery, *, by: Actor, now: datetime) -> None:
    """Try an ended or ambiguous delivery again because a person asks for it."""
    if delivery.state not in RETRIABLE:
        raise ConflictError(f"This delivery is {delivery.state}: only what ended without success can be tried again.")
    delivery.state = waiting_state(delivery)
    delivery.failures = delivery.ambiguities = 0
    delivery.ended_at = delivery.slot_at = None
    if delivery.state == DeliveryState.QUEUED:
        delivery.ambiguous_at = None  # a person takes it upon them that it may be done twice
    log_step(session, delivery, "retried", "a person asked for it", now=now)
    record(session, action="delivery.retried", subject=("delivery", delivery.public_id), by=by, detail={}, now=now)
    drive(session, delivery)


def expect_ticket(session: Session, connection_id: int, marker: str, key: str) -> bool:
    """Take a webhook's hint that a ticket of ours exists: its ambiguity is looked into at once."""
    delivery = session.scalar(
        select(Delivery)
        .where(
            Delivery.connection_id == connection_id,
            Delivery.marker == marker,
            Delivery.kind == DeliveryKind.CREATE_TICKET,
            Delivery.state == DeliveryState.AMBIGUOUS,
        )
        .with_for_update()
    )
    if delivery is None:
        return False
    delivery.hint_key = key
    return drive(session, delivery)


def waiting_state(delivery: Delivery) -> DeliveryState:
    """Give the state in which a delivery waits: a creation that may have been applied is looked for first."""
    unsure = delivery.ambiguous_at is not None and delivery.kind == DeliveryKind.CREATE_TICKET
    return DeliveryState.AMBIGUOUS if unsure else DeliveryState.QUEUED


def log_step(session: Session, delivery: Delivery, step: str, detail: str, *, now: datetime) -> None:
    """Write down one step in a delivery's life."""
    session.add(DeliveryStep(delivery_id=delivery.id, at=now, step=step, detail=detail))
