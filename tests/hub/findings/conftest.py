from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from hub.core.area import resolve
from hub.core.database import Database
from hub.findings.models import Alert
from hub.metrics import history
from hub.ownership import AREA as OWNERSHIP
from hub.strategy import AREA as STRATEGY
from hub.work.events import Event
from hub.work.service import SUBSCRIBERS
from tests.factories import Cast, SettableClock
from tests.hub.findings.desk import Desk


@pytest.fixture
def desk(database: Database, clock: SettableClock, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hooks = [resolve(area.history) for area in (OWNERSHIP, STRATEGY) if area.history]
    history.install(database.info, hooks)
    found = Desk(database, clock, cast)

    def tell(_session: Session, happened: Event) -> list[int]:
        found.told.append((happened.name, happened.model_dump()))
        return []

    for module in ("alerts", "verification"):
        monkeypatch.setattr(f"hub.findings.service.{module}.publish", tell)
    database.info[SUBSCRIBERS] = {}
    return found


@pytest.fixture
def late(desk: Desk) -> Callable[[], Alert]:
    """Record one old week of the win rate, ask, and give the alert that this makes."""

    def make() -> Alert:
        desk.install()
        desk.observe("win-rate", datetime(2026, 2, 2, tzinfo=UTC), 0.4)
        desk.ask()
        return next(alert for alert in desk.alerts() if alert.slot == "")

    return make
