"""What the body of a delivery is, by its kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.sdk.protocol import Change, Message, Op, TicketDraft, TicketState
from hub.connections.models import DeliveryKind
from hub.core.errors import InvalidInputError


class Body(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CreateTicket(Body):
    """A ticket to be made; it carries the delivery's marker from its first moment."""

    draft: TicketDraft


class OnTicket(Body):
    """Base of what is done to a ticket; without a key it is the one that this item's own creation made."""

    key: str | None = None


class Comment(OnTicket):
    """A comment; it carries the delivery's marker."""

    text: str


class Transition(OnTicket):
    """Bring a ticket to a state."""

    state: TicketState


class UpdateTicket(OnTicket):
    """Bring a ticket's text, assignee and due date to a draft."""

    draft: TicketDraft


class Write(Body):
    """Write fields of a record."""

    stream: str
    change: Change


class SendMessage(Body):
    """Send a message to a person or channel."""

    message: Message


BODIES: Mapping[DeliveryKind, type[Body]] = MappingProxyType(
    {
        DeliveryKind.CREATE_TICKET: CreateTicket,
        DeliveryKind.COMMENT: Comment,
        DeliveryKind.TRANSITION: Transition,
        DeliveryKind.UPDATE: UpdateTicket,
        DeliveryKind.WRITE: Write,
        DeliveryKind.MESSAGE: SendMessage,
    }
)
NEEDS_MARKER = frozenset({DeliveryKind.CREATE_TICKET, DeliveryKind.COMMENT})


def read_body(kind: DeliveryKind, body: Mapping[str, Any] | Body) -> Body:
    """Check a body against its kind; an error names the field."""
    try:
        return BODIES[kind].model_validate(body)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, fault["loc"]))
        raise InvalidInputError(f"The body of a {kind} is not right: {field}: {fault['msg']}") from None


def may_repeat(body: Body) -> bool:
    """Say whether sending it twice does no more than once, because the tool is read first or the result is the same."""
    if isinstance(body, Write):
        return body.change.op != Op.CREATE
    return isinstance(body, OnTicket)


def hash_body(body: Mapping[str, Any]) -> str:
    """Give the hash of a body, however its keys are ordered."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
