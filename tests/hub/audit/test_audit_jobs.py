"""The trail's own work: sealing, checkpoints and verification, as the worker runs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from hub.audit import AREA
from hub.audit.jobs import Attempt, checkpoint, seal, verify
from hub.audit.models import AuditLink, AuditVerification
from hub.core.area import resolve
from hub.work.context import Context
from hub.work.service import enqueue
from tests.hub.audit.trails import Trail

if TYPE_CHECKING:
    from pathlib import Path

    from hub.core.database import Database


@pytest.fixture
def trail(sqlite_database: Database, tmp_path: Path) -> Trail:
    return Trail.begin(sqlite_database, tmp_path)


@pytest.fixture
def attempt(trail: Trail) -> Attempt:
    """Give what the worker gives a handler."""
    with trail.database.write() as session:
        item_id = enqueue(session, "audit.seal", {})
    assert item_id is not None
    return Context(trail.database, trail.settings, clock=lambda: trail.now, item_id=item_id, attempt=0)


def count(trail: Trail, model: type) -> int:
    with trail.database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_the_schedules_name_handlers_that_are_there() -> None:
    assert {schedule.kind for schedule in AREA.schedules} == set(AREA.handlers)
    assert [resolve(name) for name in AREA.handlers.values()] == [seal, checkpoint, verify]


def test_sealing_takes_everything_that_waits(trail: Trail, attempt: Attempt) -> None:
    trail.fill(2_500)
    seal(attempt, {})
    assert count(trail, AuditLink) == 2_500


def test_a_checkpoint_is_signed_and_sent(trail: Trail, attempt: Attempt) -> None:
    trail.add(2)
    checkpoint(attempt, {})
    assert len(trail.outside.read()) == 1
    trail.now = datetime.now(UTC)
    assert trail.verify().entries == 2


def test_a_verification_is_remembered_and_an_unsound_trail_is_an_error_in_the_log(
    trail: Trail, attempt: Attempt
) -> None:
    verify(attempt, {})  # nothing has been signed yet: no problem
    trail.add(3)
    trail.checkpoint()
    verify(attempt, {})
    trail.tamper("UPDATE audit_entry SET detail = '{}' WHERE id = 2")
    with capture_logs() as lines:
        verify(attempt, {})
    with trail.database.read() as session:
        found = session.scalars(select(AuditVerification).order_by(AuditVerification.id)).all()
    assert [(one.sound, one.entries) for one in found] == [(True, 0), (True, 3), (False, 3)]
    [line] = lines
    assert (line["log_level"], line["event"]) == ("error", "the audit trail is not sound")
    assert line["first"] == found[-1].finding


def test_old_verifications_are_forgotten(trail: Trail, attempt: Attempt) -> None:
    verify(attempt, {})
    trail.now += timedelta(days=91)
    verify(attempt, {})
    assert count(trail, AuditVerification) == 1
