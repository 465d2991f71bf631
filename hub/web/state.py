"""What the web app was built from; one object, in `app.extensions["plumbline"]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from hub.core.access import Principal
from hub.core.area import Area
from hub.core.database import Database
from hub.core.instants import Clock
from hub.settings import Settings
from hub.web.figures import Figures
from hub.web.limits import Limiter

EXTENSION = "plumbline"

Probe = Callable[[], None]
"""Looks at one dependency; raises `hub.core.errors.UnavailableError` with a sentence that names no secret."""


@dataclass(frozen=True)
class Admission:
    """Somebody who may come in, and what remains to be noted about the visit after the reply."""

    principal: Principal
    note_visit: Callable[[Session], None] | None = None
    """Called in a short transaction of its own; None = nothing to note yet."""


class Doorkeeper(Protocol):
    """Knows people by what they show; the area `people` has it, above this floor."""

    def admit_token(self, session: Session, token: str, now: datetime) -> Admission | None:
        """Admit a program by its API token."""

    def admit_session(self, session: Session, session_id: str, now: datetime) -> Admission | None:
        """Admit a browser by the id in its cookie."""


@dataclass(frozen=True)
class AppState:
    """Everything a view may need that is not in its request."""

    settings: Settings
    database: Database
    clock: Clock
    areas: tuple[Area, ...]
    doorkeeper: Doorkeeper
    probes: Mapping[str, Probe] = field(default_factory=dict)
    """Dependency -> how to look at it, for /readyz."""
    figures: Figures = field(default_factory=Figures)
    limiter: Limiter = field(default_factory=Limiter)
