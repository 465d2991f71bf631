"""Read actions and tickets for pages and API."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hub.actions.models import ActionItem, ActionStep, Ticket, TicketAlert
from hub.actions.service.routing import find_ticketing
from hub.core.access import Permission, Principal, visible
from hub.core.errors import NotFoundError
from hub.findings.models import Alert, AlertStatus
from hub.findings.service import list_rules
from rules.schema import Ticket as TicketAction


class NoTicket(StrEnum):
    """Why there is no ticket about a finding."""

    NOT_ASKED = "not asked"
    """Its rule asks for none, or is not in force any more."""
    NOT_FIRING = "not firing"
    INTEGRITY = "integrity"
    """A measurement question goes to owner and steward, never into a ticket by itself."""
    WITHHELD = "withheld"
    """Its rule is not let loose here, or another limit of the rule holds it back."""
    NO_ROUTE = "no route"
    """No connection that may write takes tickets for its org unit."""
    COMING = "coming"


def why_no_ticket(session: Session, alert: Alert) -> NoTicket:
    """Say why a finding without a ticket has none, the lasting reason first."""
    if alert.integrity:
        return NoTicket.INTEGRITY
    rule = next((one for one in list_rules(session) if one.rule.id == alert.rule_id), None)
    if rule is None or not any(isinstance(action, TicketAction) for action in rule.text.actions):
        return NoTicket.NOT_ASKED
    if alert.evidence.get("withheld"):
        return NoTicket.WITHHELD
    if alert.status != AlertStatus.FIRING:
        return NoTicket.NOT_FIRING
    return NoTicket.COMING if find_ticketing(session, alert.org_unit_id) else NoTicket.NO_ROUTE


def list_visible(principal: Principal, permission: Permission | None = None) -> Select[ActionItem]:
    """Select the action items that a principal may see."""
    return visible(select(ActionItem), principal, ActionItem, permission)


def get_visible(session: Session, principal: Principal, public_id: str) -> ActionItem:
    """Give one action item, if the principal may see it."""
    item = session.scalar(list_visible(principal).where(ActionItem.public_id == public_id))
    if item is None:
        raise NotFoundError(f"There is no action {public_id}.")
    return item


def tickets_of_items(session: Session, items: Sequence[ActionItem]) -> dict[int, Ticket]:
    """Give the newest ticket of each action item."""
    rows = session.scalars(
        select(Ticket).where(Ticket.action_item_id.in_([item.id for item in items])).order_by(Ticket.id)
    )
    return {ticket.action_item_id: ticket for ticket in rows}


def tickets_of_finding(session: Session, alert: Alert) -> list[tuple[Ticket, ActionItem]]:
    """List the tickets about a finding with their action items, newest first."""
    rows = session.execute(
        select(Ticket, ActionItem)
        .join(TicketAlert, TicketAlert.ticket_id == Ticket.id)
        .join(ActionItem, ActionItem.id == Ticket.action_item_id)
        .where(TicketAlert.alert_id == alert.id)
        .order_by(Ticket.id.desc())
    )
    return [(ticket, item) for ticket, item in rows]


def findings_of_item(session: Session, principal: Principal, item: ActionItem) -> list[Alert]:
    """List the findings that an action item is about, as far as the principal may see them."""
    return list(
        session.scalars(
            visible(select(Alert), principal, Alert, Permission.FINDINGS_READ)
            .join(TicketAlert, TicketAlert.alert_id == Alert.id)
            .join(Ticket, Ticket.id == TicketAlert.ticket_id)
            .where(Ticket.action_item_id == item.id)
        )
    )


def list_steps(session: Session, item: ActionItem) -> list[ActionStep]:
    """List what became of an action item, oldest first."""
    return list(session.scalars(select(ActionStep).where(ActionStep.action_item_id == item.id).order_by(ActionStep.id)))
