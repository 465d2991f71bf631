"""What the driver of a delivery has to do next, and what it may find out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.connections.bodies import Body
from hub.connections.models import DeliveryKind


@dataclass(frozen=True)
class Sending:
    """Send this. It is committed as `sending`: whatever happens now, it is answered or ambiguous."""

    id: int
    connection_id: int
    kind: DeliveryKind
    body: Body
    marker: str
    attempt: int
    committed_at: datetime


@dataclass(frozen=True)
class LookUp:
    """Look for tickets by their marker; the hint is the one that a webhook, or the tool's own answer, named."""

    id: int
    connection_id: int
    marker: str
    hint_key: str | None


@dataclass(frozen=True)
class Later:
    """Do nothing before `at`."""

    at: datetime
    reason: str


Step = Sending | LookUp | Later | None
"""None = nothing more for this driver."""


@dataclass(frozen=True)
class Applied:
    """The tool has it."""

    key: str | None = None
    label: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Refused:
    """Certainly not applied, and repeating it would not help."""

    reason: str


@dataclass(frozen=True)
class Postponed:
    """Certainly not applied, and worth repeating; `retry_after` seconds hold for the whole connection."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True)
class Stopped:
    """Certainly not applied, and nothing will be until a person has done something about the connection."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """Nobody knows whether it was applied."""

    reason: str


Outcome = Applied | Refused | Postponed | Stopped | Unknown
