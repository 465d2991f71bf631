"""Somebody says *done*: the evidence decides, twice it goes back, the third time it goes up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.findings.models import Alert, AlertStatus

if TYPE_CHECKING:
    from tests.hub.desk import Desk


def test_it_ends_when_the_condition_is_gone(desk: Desk, late: Callable[[], Alert]) -> None:
    alert = late()
    desk.clock.advance(hours=1)
    desk.observe("win-rate", datetime(2026, 2, 16, tzinfo=UTC), 0.5)
    desk.observe("win-rate", datetime(2026, 2, 23, tzinfo=UTC), 0.5)
    assert desk.verify(alert.id) is False
    assert desk.alerts()[0].status == AlertStatus.RESOLVED
    assert ("alert.verified", False) in [(name, told.get("holds")) for name, told in desk.told]


def test_it_goes_back_twice_and_then_up(desk: Desk, late: Callable[[], Alert]) -> None:
    alert = late()
    outcomes = []
    for _ in range(3):
        desk.clock.advance(hours=1)
        assert desk.verify(alert.id) is True
        told = desk.told[-1][1]
        outcomes.append((told["holds"], told["escalated"]))
        assert told["reason"] == alert.summary.replace(alert.summary, desk.alerts()[0].summary)
    assert outcomes == [(True, False), (True, False), (True, True)]
    assert desk.alerts()[0].status == AlertStatus.FIRING


def test_a_finding_that_ended_before_is_told_as_ended(desk: Desk, late: Callable[[], Alert]) -> None:
    alert = late()
    desk.observe("win-rate", datetime(2026, 2, 16, tzinfo=UTC), 0.5)
    desk.observe("win-rate", datetime(2026, 2, 23, tzinfo=UTC), 0.5)
    desk.ask()
    desk.clock.advance(hours=1)
    assert desk.verify(alert.id) is False
    assert desk.told[-1][0] == "alert.verified"
