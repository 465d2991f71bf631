"""A desk at which tests ask one live rule by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.area import resolve
from hub.core.database import Database
from hub.findings import service
from hub.findings.models import Alert
from hub.findings.service import Privacy
from hub.metrics import history
from hub.metrics.service import ObservationDraft, record_observations
from hub.ownership import AREA as OWNERSHIP
from hub.strategy import AREA as STRATEGY
from hub.work.events import Event
from hub.work.service import SUBSCRIBERS
from rules.loader import load_text
from tests.factories import Cast, SettableClock

RULE = """
- name: late-series
  detector: stale
  description: A value that was promised and is not there cannot be decided on.
  scope: {subject: series}
  severity: warning
  stage: live
  actions: [{type: ticket, to: steward, due: 5bd}]
"""


@dataclass
class Desk:
    """One organisation with one live rule, asked by hand."""

    database: Database
    clock: SettableClock
    cast: Cast
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def install(self, text: str = RULE) -> None:
        with self.database.write() as session:
            rules = load_text(text, "rules.yaml").rules
            service.install_rules(session, rules, managed="file", by="system:tests", now=self.clock())

    def observe(self, series: str, start: datetime, value: float) -> None:
        with self.database.write() as session:
            draft = ObservationDraft(series_id=self.cast.series[series], period_start=start, value=value)
            record_observations(session, [draft], now=self.clock())

    def ask(self, series: str | None = None) -> int:
        with self.database.read() as session:
            chosen = None if series is None else [self.cast.series[series]]
            question = service.read_question(session, now=self.clock(), series_ids=chosen)
        evaluation = service.answer(question)
        with self.database.write() as session:
            return service.store_answer(session, question, evaluation, Privacy(5))

    def verify(self, alert_id: int) -> bool | None:
        with self.database.read() as session:
            alert = service.get_alert(session, alert_id)
            question = service.read_verification(session, alert, now=self.clock())
        evaluation = service.answer(question)
        with self.database.write() as session:
            return service.store_verification(session, alert_id, question, evaluation, Privacy(5))

    def alerts(self) -> list[Alert]:
        with self.database.read() as session:
            return list(session.scalars(select(Alert).order_by(Alert.id)))


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
