"""Twins: two tickets with one marker, made where a lost answer outlasted the settle window. All but one are closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from connectors.sdk.protocol import Ticket, TicketState
from hub.audit.service import record
from hub.connections.bodies import Comment, Transition
from hub.connections.events import DeliveryApplied
from hub.connections.models import ENDED, Delivery, DeliveryKind, DeliveryState
from hub.connections.service.ending import applied_as, choose_ticket, end_applied, name_ticket, tell
from hub.connections.service.steps import LookUp
from hub.connections.service.submitting import log_step, submit
from hub.core.ids import new_marker

SUSPECT_FOR = timedelta(hours=48)
SWEEP_EVERY = timedelta(minutes=5)
FIRST_SWEEP = timedelta(minutes=15)
"""What was sent once can have a twin only where something between us and the tool repeats requests: looked at once."""
SWEEP_BATCH = 50


def list_suspects(session: Session, connection_id: int, *, now: datetime) -> list[LookUp]:
    """List ended creations that may have a twin, or may have been applied after all; the longest unseen first."""
    more_than_once = and_(
        or_(Delivery.attempt > 1, Delivery.state != DeliveryState.APPLIED),
        or_(Delivery.swept_at.is_(None), Delivery.swept_at <= now - SWEEP_EVERY),
    )
    once = and_(Delivery.swept_at.is_(None), Delivery.ended_at <= now - FIRST_SWEEP)
    found = session.execute(
        select(Delivery.id, Delivery.connection_id, Delivery.marker, Delivery.external_key)
        .where(
            Delivery.connection_id == connection_id,
            Delivery.kind == DeliveryKind.CREATE_TICKET,
            Delivery.state.in_(ENDED),
            Delivery.sent_at > now - SUSPECT_FOR,
            or_(more_than_once, once),
        )
        .order_by(Delivery.swept_at.is_not(None), Delivery.swept_at, Delivery.id)
        .limit(SWEEP_BATCH)
    )
    return [LookUp(row.id, row.connection_id, row.marker, row.external_key) for row in found]


def note_sweep(session: Session, suspect: LookUp, found: Sequence[Ticket], *, now: datetime) -> int:
    """Keep the oldest open ticket of a marker and have the others closed as its duplicates; say how many."""
    delivery = session.get_one(Delivery, suspect.id, with_for_update=True)
    delivery.swept_at = now
    if not found or delivery.state not in ENDED:
        return 0
    if delivery.state != DeliveryState.APPLIED:
        end_applied(session, delivery, applied_as(choose_ticket(found)), "found by its marker after its end", now=now)
    kept = _choose_kept(delivery, found)
    if kept.key != delivery.external_key:
        name_ticket(delivery, applied_as(kept))
        tell(session, delivery, DeliveryApplied, corrected=True)
    twins = [ticket for ticket in found if ticket.key != kept.key and ticket.state != TicketState.CLOSED]
    for twin in twins:
        _close(session, delivery, kept, twin, now)
    return len(twins)


def _choose_kept(delivery: Delivery, found: Sequence[Ticket]) -> Ticket:
    """Keep the oldest open ticket; but where the one that people know is closed, no twin brings the matter back."""
    known = next((ticket for ticket in found if ticket.key == delivery.external_key), None)
    return known if known is not None and known.state == TicketState.CLOSED else choose_ticket(found)


def _close(session: Session, delivery: Delivery, kept: Ticket, twin: Ticket, now: datetime) -> None:
    text = f"This is a duplicate of {kept.label} ({kept.url}), made when an answer was lost. Please go on there."
    name = f"twin:{delivery.connection_id}:{twin.key}"
    submit(
        session,
        delivery.connection_id,
        DeliveryKind.COMMENT,
        name,
        Comment(key=twin.key, text=text),
        marker=new_marker(),
        dedupe_key=f"{name}:comment",
        now=now,
    )
    submit(
        session,
        delivery.connection_id,
        DeliveryKind.TRANSITION,
        name,
        Transition(key=twin.key, state=TicketState.CLOSED),
        dedupe_key=f"{name}:close",
        now=now,
    )
    log_step(session, delivery, "merged", f"{twin.label} is a duplicate of {kept.label}", now=now)
    record(
        session,
        action="ticket.merged",
        subject=("delivery", delivery.public_id),
        by="system:connections",
        detail={"kept": kept.key, "closed": twin.key},
        now=now,
    )
