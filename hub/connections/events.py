"""What connections tell the areas above them: what became of a delivery, and that a connection needs a person."""

from __future__ import annotations

from typing import Any, ClassVar

from hub.connections.models import DeliveryKind
from hub.work.events import Event


class DeliveryEvent(Event):
    """Base of what a delivery tells: which one, for whom (`origin`), and what it became in the tool."""

    name: ClassVar[str] = "delivery"

    delivery_id: int
    connection_id: int
    kind: DeliveryKind
    item_key: str
    marker: str | None
    origin: dict[str, Any]
    external_key: str | None = None
    external_label: str | None = None
    external_url: str | None = None


class DeliveryApplied(DeliveryEvent):
    """The tool has it. Told again, with `corrected`, when of several twins another one is kept."""

    name: ClassVar[str] = "delivery.applied"

    corrected: bool = False


class DeliveryNotApplied(DeliveryEvent):
    """The tool refused it for good (the delivery says why); nothing was changed there."""

    name: ClassVar[str] = "delivery.not_applied"


class DeliveryGivenUp(DeliveryEvent):
    """Nothing more is tried by itself (the delivery says why); a person may ask for another attempt."""

    name: ClassVar[str] = "delivery.given_up"


class ConnectionChanged(Event):
    """A connection was added, configured anew, paused, resumed or removed."""

    name: ClassVar[str] = "connection.changed"

    connection_id: int


class ConnectionBroken(Event):
    """A connection paused itself: its admin has to do what its reason says."""

    name: ClassVar[str] = "connection.broken"

    connection_id: int
