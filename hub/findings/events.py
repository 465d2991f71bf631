"""What findings tell the areas above them."""

from __future__ import annotations

from typing import ClassVar

from hub.work.events import Event


class AlertFired(Event):
    """A finding holds and is to be acted on: its first firing, or a new occurrence after the reopen window."""

    name: ClassVar[str] = "alert.fired"

    alert_id: int
    occurrence: int


class AlertResolved(Event):
    """A finding's condition is gone, or people ended it."""

    name: ClassVar[str] = "alert.resolved"

    alert_id: int
    occurrence: int
    reason: str


class AlertVerified(Event):
    """Somebody said *done* and the evidence was looked at again."""

    name: ClassVar[str] = "alert.verified"

    alert_id: int
    occurrence: int
    holds: bool
    escalated: bool = False
    """It still holds although it went back twice: it goes to the steward and the tier above."""
    reason: str
