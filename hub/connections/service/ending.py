"""How a delivery ends: written down, told to whoever asked for it, and the next one of its item let go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from connectors.sdk.protocol import Ticket, TicketState
from hub.connections.events import DeliveryApplied, DeliveryEvent, DeliveryGivenUp, DeliveryNotApplied
from hub.connections.models import Delivery, DeliveryKind, DeliveryState
from hub.connections.service.steps import Applied
from hub.connections.service.submitting import log_step, wake_next
from hub.work.service import publish


def end_applied(session: Session, delivery: Delivery, found: Applied, how: str, *, now: datetime) -> None:
    """End a delivery that the tool has."""
    name_ticket(delivery, found)
    _end(session, delivery, DeliveryState.APPLIED, how, now)
    delivery.ambiguous_at = delivery.last_error = None
    tell(session, delivery, DeliveryApplied)


def name_ticket(delivery: Delivery, found: Applied) -> None:
    """Write down what a delivery became; an address that is none of the web's is not shown to anybody as a link."""
    delivery.external_key, delivery.external_label = found.key, found.label
    delivery.external_url = found.url if found.url and urlsplit(found.url).scheme in {"https", "http"} else None


def refuse(session: Session, delivery: Delivery, reason: str, *, now: datetime) -> None:
    """End a delivery that the tool refused for good."""
    delivery.last_error = reason
    _end(session, delivery, DeliveryState.NOT_APPLIED, reason, now)
    tell(session, delivery, DeliveryNotApplied)


def give_up(session: Session, delivery: Delivery, reason: str, *, now: datetime) -> None:
    """End a delivery that is not tried again by itself."""
    delivery.last_error = reason
    _end(session, delivery, DeliveryState.GIVEN_UP, reason, now)
    tell(session, delivery, DeliveryGivenUp)


def tell(session: Session, delivery: Delivery, event: type[DeliveryEvent], **more: bool) -> None:
    """Publish what became of a delivery."""
    told = event(
        delivery_id=delivery.id,
        connection_id=delivery.connection_id,
        kind=DeliveryKind(delivery.kind),
        item_key=delivery.item_key,
        marker=delivery.marker,
        origin=delivery.origin,
        external_key=delivery.external_key,
        external_label=delivery.external_label,
        external_url=delivery.external_url,
        **more,
    )
    publish(session, told)


def choose_ticket(tickets: Sequence[Ticket]) -> Ticket:
    """Choose which of several twins stays: the oldest open one."""
    return min(tickets, key=lambda ticket: (ticket.state == TicketState.CLOSED, age_of(ticket)))


def age_of(ticket: Ticket) -> tuple[int, str]:
    """Order tickets by the number that the tool gave them, where it gave one."""
    return (int(ticket.key) if ticket.key.isdecimal() else 0, ticket.key)


def applied_as(ticket: Ticket) -> Applied:
    """Say what a delivery became."""
    return Applied(ticket.key, ticket.label, ticket.url)


def _end(session: Session, delivery: Delivery, state: DeliveryState, why: str, now: datetime) -> None:
    delivery.state, delivery.ended_at, delivery.slot_at, delivery.hint_key = state, now, None, None
    log_step(session, delivery, state, why, now=now)
    session.flush()  # so that the next one sees this one ended
    wake_next(session, delivery)
