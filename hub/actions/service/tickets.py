"""One ticket per finding group: intent and marker are committed first, everything else follows from events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.sdk.protocol import TicketState
from hub.actions.models import ActionItem, ActionState, ActionStep, Ticket, TicketAlert
from hub.actions.service.drafting import draft_ticket
from hub.actions.service.routing import find_ticketing
from hub.connections.models import ENDED as ENDED_DELIVERIES
from hub.connections.models import Delivery, DeliveryKind
from hub.connections.service import submit
from hub.core.ids import new_marker, new_public_id
from hub.core.instants import from_micros, to_micros
from hub.findings.models import Alert, AlertStatus, Rule
from hub.findings.service import get_rule, request_verification
from hub.syncing.models import Record
from rules.calendars import Calendar
from rules.schema import Ticket as TicketAction

ENDED = frozenset({ActionState.VERIFIED, ActionState.CANCELLED})


class NoRouteError(Exception):
    """No connection takes tickets here yet; the ticket is made as soon as one does."""


def open_for_finding(
    session: Session, alert_id: int, occurrence: int, *, public_url: str | None, now: datetime
) -> Ticket | None:
    """Open the action item and ticket that the finding's rule asks for; the same occurrence never gets a second one."""
    alert = session.get(Alert, alert_id)
    if alert is None or alert.status != AlertStatus.FIRING or alert.occurrence != occurrence or alert.integrity:
        return None  # an integrity finding goes to its owner and steward, never into a ticket by itself
    rule = session.get_one(Rule, alert.rule_id)
    if rule.retired_at is not None:
        return None
    installed = get_rule(session, rule.name)
    action = next((one for one in installed.text.actions if isinstance(one, TicketAction)), None)
    if action is None:
        return None
    known = _ticket_about(session, alert_id, occurrence)
    if known is not None:
        return _bring_back(session, known, f"It is back: {alert.summary}", now=now)
    connection = find_ticketing(session, alert.org_unit_id)
    if connection is None:
        raise NoRouteError("No connection that may write takes tickets for this org unit.")
    due_at = from_micros(Calendar().add(to_micros(now), action.due)) if action.due else None
    item = _open_item(session, alert, due_at, now)
    ticket = Ticket(
        public_id=new_public_id("tkt"),
        action_item_id=item.id,
        connection_id=connection.id,
        group_key=group_key(alert),
        occurrence=occurrence,
        marker=new_marker(),
        created_at=now,
    )
    session.add(ticket)
    session.flush()
    session.add(TicketAlert(ticket_id=ticket.id, alert_id=alert.id))
    body = {"draft": draft_ticket(alert, installed, public_url=public_url, due_at=due_at).model_dump(mode="json")}
    _submit(session, ticket, DeliveryKind.CREATE_TICKET, body, "create", marker=ticket.marker, now=now)
    return ticket


def group_key(alert: Alert) -> str:
    """Give the key of the findings that share a ticket: one rule, one subject, one slot."""
    return f"{alert.rule_id}/{alert.subject_kind}/{alert.subject_id}/{alert.slot}"[:200]


def note_created(
    session: Session, marker: str, *, key: str | None, label: str | None, url: str | None, now: datetime
) -> None:
    """Write down what the tool made of a ticket."""
    ticket = session.scalar(select(Ticket).where(Ticket.marker == marker).with_for_update())
    if ticket is None or key is None:
        return
    changed = ticket.external_key != key
    ticket.external_key, ticket.label, ticket.url = key, label, url
    ticket.state = ticket.state or TicketState.OPEN
    if changed:
        _log(session, session.get_one(ActionItem, ticket.action_item_id), "ticket_created", label or key, now)


def note_record(session: Session, connection_id: int, stream: str, key: str, *, now: datetime) -> None:
    """Take over what a changed record says about a ticket of ours; records that are no ticket of ours are left alone.

    A ticket is known by its id, or by its marker where the record came in before the answer to its creation.
    """
    record = session.scalar(
        select(Record).where(Record.connection_id == connection_id, Record.stream == stream, Record.key == key)
    )
    if record is None:
        return
    known = Ticket.external_key == key
    marker = record.data.get("marker")
    if isinstance(marker, str):
        known = known | ((Ticket.marker == marker) & Ticket.external_key.is_(None))
    ticket = session.scalar(select(Ticket).where(Ticket.connection_id == connection_id, known))
    if ticket is None:
        return
    if _is_moving(session, ticket):
        return  # what was read is older than our own transition, whose webhook brings the news
    state = TicketState.CLOSED if record.deleted else TicketState(record.data.get("state", TicketState.OPEN))
    note_state(session, ticket.id, state, now=now)


def note_state(session: Session, ticket_id: int, state: TicketState, *, now: datetime) -> None:
    """Take over a ticket's state; one that was closed has its findings verified."""
    ticket = session.scalars(select(Ticket).where(Ticket.id == ticket_id).with_for_update()).one()
    before, ticket.state = ticket.state, state
    item = session.scalars(select(ActionItem).where(ActionItem.id == ticket.action_item_id).with_for_update()).one()
    closed = state == TicketState.CLOSED and before != TicketState.CLOSED
    if closed and item.state in {ActionState.OPEN, ActionState.ESCALATED}:
        item.state, item.done_at = ActionState.DONE, now
        _log(session, item, "done", f"{ticket.label} was closed.", now)
        for alert_id in session.scalars(select(TicketAlert.alert_id).where(TicketAlert.ticket_id == ticket.id)):
            request_verification(session, alert_id, asked_at=now)
    elif state != TicketState.CLOSED and before == TicketState.CLOSED and item.state == ActionState.DONE:
        item.state, item.done_at = ActionState.OPEN, None
        _log(session, item, "opened_again", f"{ticket.label} was opened again.", now)


def end_verified(session: Session, alert_id: int, reason: str, *, now: datetime) -> None:
    """End the action of a finding whose condition is gone; a ticket that is still open is closed with the reason.

    A finding that is firing again by the time this is told keeps its ticket.
    """
    if session.get_one(Alert, alert_id).status == AlertStatus.FIRING:
        return
    for ticket, item in _current(session, alert_id):
        if item.state in ENDED:
            continue
        item.state, item.ended_at = ActionState.VERIFIED, now
        _log(session, item, "verified", reason, now)
        _comment(session, ticket, f"Verified: {reason}", f"verified-{item.reopenings}", now=now)
        if ticket.state != TicketState.CLOSED:
            _transition(session, ticket, TicketState.CLOSED, f"verified-{item.reopenings}", now=now)


def send_back(session: Session, alert_id: int, reason: str, *, escalated: bool, now: datetime) -> None:
    """Bring back the ticket of a finding that still holds, with the reason; after two times it goes up instead."""
    for ticket, item in _current(session, alert_id):
        if item.state in ENDED:
            continue
        if escalated:
            item.state = ActionState.ESCALATED
            _log(session, item, "escalated", reason, now)
            text = "The finding still holds after two attempts. It now goes to the steward and the tier above: "
            _comment(session, ticket, text + reason, f"escalated-{item.reopenings}", now=now)
            continue
        _bring_back(session, ticket, f"The finding still holds: {reason}", now=now)


def _bring_back(session: Session, ticket: Ticket, reason: str, *, now: datetime) -> Ticket:
    item = session.get_one(ActionItem, ticket.action_item_id)
    item.reopenings += 1
    item.state, item.done_at, item.ended_at = ActionState.OPEN, None, None
    _log(session, item, "reopened", reason, now)
    # in this order: a comment on a ticket that is still closed would bring it back to us as closed once more
    _transition(session, ticket, TicketState.OPEN, f"reopened-{item.reopenings}", now=now)
    _comment(session, ticket, reason, f"reopened-{item.reopenings}", now=now)
    return ticket


def _is_moving(session: Session, ticket: Ticket) -> bool:
    """Say whether a transition of ours is on its way."""
    waiting = select(Delivery.id).where(
        Delivery.connection_id == ticket.connection_id,
        Delivery.item_key == ticket.public_id,
        Delivery.kind == DeliveryKind.TRANSITION,
        Delivery.state.not_in(ENDED_DELIVERIES),
    )
    return session.scalar(waiting.limit(1)) is not None


def _comment(session: Session, ticket: Ticket, text: str, step: str, *, now: datetime) -> None:
    body = {"key": ticket.external_key, "text": text}
    _submit(session, ticket, DeliveryKind.COMMENT, body, f"comment-{step}", marker=new_marker(), now=now)


def _transition(session: Session, ticket: Ticket, state: TicketState, step: str, *, now: datetime) -> None:
    # taken over at once: the webhook that our own writing causes is then no news
    ticket.state = state
    body = {"key": ticket.external_key, "state": state}
    _submit(session, ticket, DeliveryKind.TRANSITION, body, f"transition-{step}", marker=None, now=now)


def _submit(
    session: Session,
    ticket: Ticket,
    kind: DeliveryKind,
    body: dict[str, Any],
    step: str,
    *,
    marker: str | None,
    now: datetime,
) -> None:
    submit(
        session,
        ticket.connection_id,
        kind,
        ticket.public_id,
        body,
        marker=marker,
        dedupe_key=f"{ticket.public_id}:{step}",
        origin={"ticket": ticket.public_id},
        now=now,
    )


def _current(session: Session, alert_id: int) -> list[tuple[Ticket, ActionItem]]:
    """Give the newest ticket about a finding with its action item, locked; empty where there is none."""
    newest = session.scalar(
        select(Ticket)
        .join(TicketAlert, TicketAlert.ticket_id == Ticket.id)
        .where(TicketAlert.alert_id == alert_id)
        .order_by(Ticket.occurrence.desc(), Ticket.id.desc())
        .limit(1)
    )
    if newest is None:
        return []
    item = session.scalars(select(ActionItem).where(ActionItem.id == newest.action_item_id).with_for_update()).one()
    return [(newest, item)]


def _ticket_about(session: Session, alert_id: int, occurrence: int) -> Ticket | None:
    return session.scalar(
        select(Ticket)
        .join(TicketAlert, TicketAlert.ticket_id == Ticket.id)
        .where(TicketAlert.alert_id == alert_id, Ticket.occurrence == occurrence)
    )


def _open_item(session: Session, alert: Alert, due_at: datetime | None, now: datetime) -> ActionItem:
    item = ActionItem(
        public_id=new_public_id("act"),
        org_unit_id=alert.org_unit_id,
        title=f"{alert.evidence.get('title') or alert.subject_id}: {alert.summary}",
        state=ActionState.OPEN,
        due_at=due_at,
        owner_id=None,
        reopenings=0,
        created_at=now,
    )
    session.add(item)
    session.flush()
    _log(session, item, "opened", alert.summary, now)
    return item


def _log(session: Session, item: ActionItem, step: str, reason: str, now: datetime) -> None:
    session.add(ActionStep(action_item_id=item.id, at=now, step=step, reason=reason))
