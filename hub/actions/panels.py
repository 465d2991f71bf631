"""What actions show on pages of lower areas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from hub.actions import service
from hub.actions.models import ActionItem, ActionState
from hub.core.access import Permission, Principal
from hub.findings.models import Alert

MOST = 5


def overview(session: Session, principal: Principal) -> tuple[str, Mapping[str, Any]] | None:
    """Show the newest open action items."""
    if not principal.may(Permission.ACTIONS_READ):
        return None
    statement = service.list_visible(principal, Permission.ACTIONS_READ)
    waiting = statement.where(ActionItem.state.in_([ActionState.OPEN, ActionState.ESCALATED, ActionState.DONE]))
    items = list(session.scalars(waiting.order_by(ActionItem.id.desc()).limit(MOST)))
    return "actions/overview_panel.html", {"items": items, "tickets": service.tickets_of_items(session, items)}


def tickets_of_finding(session: Session, principal: Principal, alert: Alert) -> tuple[str, Mapping[str, Any]] | None:
    """Show the tickets about a finding."""
    if not principal.may(Permission.ACTIONS_READ):
        return None
    tickets = service.tickets_of_finding(session, alert)
    why_none = None if tickets else service.why_no_ticket(session, alert)
    return "actions/finding_panel.html", {"tickets": tickets, "why_none": why_none}
