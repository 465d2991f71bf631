"""One call of a tool for one delivery, and what its errors mean."""

from __future__ import annotations

import os
from collections.abc import Sequence

from connectors.sdk.errors import (
    AmbiguousError,
    AuthError,
    ConfigError,
    ConnectorError,
    NotAppliedError,
    RecordError,
    TransientError,
)
from connectors.sdk.process import ConnectorProcess
from connectors.sdk.protocol import Outcome as Result
from connectors.sdk.protocol import Receipt, Ticket
from hub.connections.bodies import Comment, CreateTicket, SendMessage, Transition, UpdateTicket, Write
from hub.connections.service.steps import (
    Applied,
    LookUp,
    Outcome,
    Postponed,
    Refused,
    Sending,
    Stopped,
    Unknown,
)

MUTANT = "PLUMBLINE_TEST_MUTANT"
NO_MARKER_LOOKUP = "no-marker-lookup"
"""Planted by the kill harness to prove itself: with it, lost answers make duplicates and the harness has to say so."""


def perform(tool: ConnectorProcess, sending: Sending) -> Outcome:
    """Make the call that a delivery asks for; raises ConnectorError."""
    match sending.body:
        case CreateTicket(draft=draft):
            return _applied(tool.create(draft, sending.marker))
        case Comment(key=str(key), text=text):
            return _said(tool.comment(key, text, sending.marker))
        case Transition(key=str(key), state=state):
            return _applied(tool.transition(key, state))
        case UpdateTicket(key=str(key), draft=draft):
            return _applied(tool.update(key, draft))
        case SendMessage(message=message):
            return _said(tool.send(message))
        case Write() as write:
            return _write(tool, write)
    raise TypeError(f"{type(sending.body).__name__} cannot be sent")


def _write(tool: ConnectorProcess, write: Write) -> Outcome:
    stream = next((stream for stream in tool.discover() if stream.name == write.stream), None)
    if stream is None:
        return Refused(f"The connection has no stream {write.stream!r} any more.")
    (receipt,) = tool.write(stream, [write.change])
    return _said(receipt)


def find_ticket(tool: ConnectorProcess, look: LookUp) -> Sequence[Ticket]:
    """Find what became of a creation; raises ConnectorError. A hint is read by id, which never lags."""
    if _is_blind():
        return ()
    hinted = tool.get(look.hint_key) if look.hint_key is not None else None
    return [hinted] if hinted is not None and hinted.marker == look.marker else tool.find(look.marker)


def find_twins(tool: ConnectorProcess, look: LookUp) -> Sequence[Ticket]:
    """Find all tickets that carry a marker, and the known one also where the search does not show it yet."""
    if _is_blind():
        return ()
    found = list(tool.find(look.marker))
    if found and look.hint_key is not None and all(ticket.key != look.hint_key for ticket in found):
        known = tool.get(look.hint_key)
        found += [known] if known is not None else []
    return found


def _is_blind() -> bool:
    return os.environ.get(MUTANT) == NO_MARKER_LOOKUP


def meaning_of(error: ConnectorError) -> Outcome:
    """Say what an error means for the delivery that met it."""
    match error:
        case AmbiguousError():
            return Unknown(str(error))
        case AuthError() | ConfigError():
            return Stopped(str(error))
        case NotAppliedError() | RecordError():
            return Refused(str(error))
        case TransientError(retry_after=retry_after):
            return Postponed(str(error), retry_after)
    return Postponed(str(error))  # a bug in a connector: kept until there is a version without it


def _applied(ticket: Ticket) -> Applied:
    return Applied(ticket.key, ticket.label, ticket.url)


def _said(receipt: Receipt) -> Outcome:
    reason = receipt.reason or "The tool gave no reason."
    if receipt.outcome == Result.APPLIED:
        return Applied(receipt.key, None, receipt.url)
    if receipt.outcome == Result.AMBIGUOUS:
        return Unknown(reason)
    return Refused(reason) if receipt.retry_after is None else Postponed(reason, receipt.retry_after)
