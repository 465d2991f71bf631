"""What rules say about the ledger becomes alerts, once, and only the newest answer counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from hub.core.access import Granted, Permission, Principal, Role
from hub.findings import models, service
from hub.findings.models import Alert, AlertStatus, AlertStep
from hub.findings.service import Privacy
from hub.metrics.models import Series
from hub.metrics.service import CalendarDraft, define_calendar
from tests.hub.desk import RULE, Desk

FEBRUARY_16 = datetime(2026, 2, 16, tzinfo=UTC)
FEBRUARY_23 = datetime(2026, 2, 23, tzinfo=UTC)


def test_an_overdue_series_becomes_a_firing_alert_in_its_org_unit(desk: Desk, late: Callable[[], Alert]) -> None:
    alert = late()
    assert alert.status == AlertStatus.FIRING
    assert alert.org_unit_id == desk.cast.org_units["sales"]
    assert alert.occurrence == 1
    assert alert.evidence["evidence"]
    assert desk.told == [("alert.fired", {"alert_id": alert.id, "occurrence": 1})]


def test_asking_again_changes_nothing_and_tells_nobody(desk: Desk, late: Callable[[], Alert]) -> None:
    late()
    desk.told.clear()
    desk.clock.advance(hours=1)
    assert desk.ask() == 0
    assert desk.told == []
    assert len(desk.alerts()) == 1


def test_new_observations_end_the_alert(desk: Desk, late: Callable[[], Alert]) -> None:
    alert = late()
    desk.observe("win-rate", FEBRUARY_16, 0.5)
    desk.observe("win-rate", FEBRUARY_23, 0.5)
    desk.ask("win-rate")
    assert desk.alerts()[0].status == AlertStatus.RESOLVED
    assert desk.told[-1][0] == "alert.resolved"
    assert desk.told[-1][1]["alert_id"] == alert.id


def test_an_incremental_run_leaves_other_series_alone(desk: Desk, late: Callable[[], Alert]) -> None:
    late()
    desk.clock.advance(hours=1)
    desk.ask("backlog")
    assert desk.alerts()[0].status == AlertStatus.FIRING


def test_the_alert_of_a_subject_that_is_gone_ends_with_a_run_over_everything(
    desk: Desk, late: Callable[[], Alert]
) -> None:
    alert = late()
    with desk.database.write() as session:
        row = session.get_one(Alert, alert.id)
        row.subject_id = "ser_gone"
        row.lifecycle = {**row.lifecycle, "subject": "ser_gone"}
    desk.observe("win-rate", FEBRUARY_16, 0.5)
    desk.observe("win-rate", FEBRUARY_23, 0.5)
    desk.clock.advance(hours=1)
    desk.ask("win-rate")
    assert desk.alerts()[0].status == AlertStatus.FIRING
    desk.clock.advance(hours=1)
    desk.ask()
    assert desk.alerts()[0].status == AlertStatus.RESOLVED
    assert desk.told[-1] == (
        "alert.resolved",
        {"alert_id": alert.id, "occurrence": 1, "reason": "It is no longer asked."},
    )


def test_business_days_after_the_condition_is_gone_are_those_of_the_series(
    desk: Desk, late: Callable[[], Alert]
) -> None:
    """`keep_firing_for: 1bd` on a Tuesday before a holiday lasts until Thursday."""
    holiday = desk.clock().date() + timedelta(days=1)
    with desk.database.write() as session:
        draft = CalendarDraft(key="bridge", days_off=(holiday,))
        calendar = define_calendar(session, draft, by="system:tests", now=desk.clock())
        session.get_one(Series, desk.cast.series["win-rate"]).calendar_id = calendar.id
    late()
    desk.install(RULE + "  keep_firing_for: 1bd\n")
    desk.observe("win-rate", FEBRUARY_16, 0.5)
    desk.observe("win-rate", FEBRUARY_23, 0.5)
    for days, status in ((0, AlertStatus.FIRING), (1.5, AlertStatus.FIRING), (0.6, AlertStatus.RESOLVED)):
        desk.clock.advance(days=days)
        desk.ask("win-rate")
        assert desk.alerts()[0].status == status


def test_an_older_answer_never_overwrites_a_newer_one(desk: Desk, late: Callable[[], Alert]) -> None:
    late()
    with desk.database.read() as session:
        old = service.read_question(session, now=desk.clock())
    desk.clock.advance(hours=1)
    desk.observe("win-rate", FEBRUARY_16, 0.5)
    desk.observe("win-rate", FEBRUARY_23, 0.5)
    desk.ask()
    with desk.database.write() as session:
        assert service.store_answer(session, old, service.answer(old), Privacy(5)) == 0
    assert desk.alerts()[0].status == AlertStatus.RESOLVED


def test_a_rule_in_shadow_finds_and_tells_nobody_until_it_is_live(desk: Desk) -> None:

    desk.install(RULE.replace("stage: live", "stage: shadow"))
    desk.observe("win-rate", datetime(2026, 2, 2, tzinfo=UTC), 0.4)
    desk.ask()
    assert desk.alerts()[0].status == AlertStatus.FIRING
    assert desk.told == []
    desk.install(RULE)
    desk.clock.advance(hours=1)
    desk.ask()
    assert [name for name, _ in desk.told] == ["alert.fired"]


def test_each_step_is_written_down_with_its_reason(desk: Desk, late: Callable[[], Alert]) -> None:
    alert = late()
    with desk.database.read() as session:
        steps = session.scalars(select(AlertStep).where(AlertStep.alert_id == alert.id)).all()
    assert [step.step for step in steps] == ["fired"]
    assert steps[0].reason == alert.summary


def test_the_statement_of_the_last_run_says_what_was_tested_and_what_is_needed(
    desk: Desk, late: Callable[[], Alert]
) -> None:
    late()
    with desk.database.read() as session:
        statements = session.scalars(select(models.TestedCases.statement)).all()
    assert len(statements) == 1
    assert "1 found" in statements[0]
    assert "needs" in statements[0]


def test_those_of_another_org_unit_do_not_see_the_finding(desk: Desk, late: Callable[[], Alert]) -> None:
    alert = late()

    def seen_by(unit: str) -> list[int]:
        granted = Granted(Role.VIEWER, within=frozenset({desk.cast.org_units[unit]}))
        person = Principal(desk.cast.persons["cy"], "per_x", "Cy", (granted,), purpose=Permission.FINDINGS_READ)
        with desk.database.read() as session:
            return [row.id for row in session.scalars(service.list_visible(session, person, now=desk.clock()))]

    assert seen_by("sales") == [alert.id]
    assert seen_by("support") == []
