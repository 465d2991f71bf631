"""Verbs of actions: open a ticket for a finding, follow it, end it or bring it back."""

from hub.actions.service.listing import (
    NoTicket,
    findings_of_item,
    get_visible,
    list_steps,
    list_visible,
    tickets_of_finding,
    tickets_of_items,
    why_no_ticket,
)
from hub.actions.service.tickets import (
    NoRouteError,
    end_verified,
    note_created,
    note_record,
    note_state,
    open_for_finding,
    send_back,
)

__all__ = [
    "NoRouteError",
    "NoTicket",
    "end_verified",
    "findings_of_item",
    "get_visible",
    "list_steps",
    "list_visible",
    "note_created",
    "note_record",
    "note_state",
    "open_for_finding",
    "send_back",
    "tickets_of_finding",
    "tickets_of_items",
    "why_no_ticket",
]
