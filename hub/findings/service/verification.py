"""Look again: somebody said *done*, and the evidence decides."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.errors import NotFoundError
from hub.findings.events import AlertVerified
from hub.findings.models import Alert, Rule
from hub.findings.service.alerts import Home, Judged, Privacy, log_step, read_state, take_step
from hub.findings.service.evaluation import Question, read_question
from hub.metrics.models import Series
from hub.work.service import enqueue, publish
from rules.alerts import Standing, Verdict
from rules.lifecycle import Transition, verify
from rules.results import Evaluation

BACK = frozenset({Transition.STILL_HOLDS, Transition.ESCALATED})


def request_verification(session: Session, alert_id: int, *, asked_at: datetime) -> None:
    """Have the evidence of a finding looked at again, in this transaction's wake."""
    enqueue(session, "findings.verify", {"alert_id": alert_id, "asked_at": asked_at.isoformat()})


def get_alert(session: Session, alert_id: int) -> Alert:
    """Give a finding by its internal id."""
    row = session.get(Alert, alert_id)
    if row is None:
        raise NotFoundError("This finding no longer exists.")
    return row


def feeding_connection(session: Session, alert: Alert) -> int | None:
    """Give the connection that feeds the subject: it is read again before anybody is told that nothing changed."""
    if alert.subject_kind != "series":
        return None
    return session.scalar(select(Series.connection_id).where(Series.public_id == alert.subject_id))


def read_verification(session: Session, alert: Alert, *, now: datetime) -> Question:
    """Read what is needed to judge one finding again."""
    rule = session.get_one(Rule, alert.rule_id)
    series = None
    if alert.subject_kind == "series":
        series = list(session.scalars(select(Series.id).where(Series.public_id == alert.subject_id)))
    return read_question(session, now=now, series_ids=series, rules=[rule.name])


def store_verification(
    session: Session, alert_id: int, question: Question, evaluation: Evaluation, privacy: Privacy
) -> bool | None:
    """Keep what the second look says and tell it: True = it still holds; None = it cannot be judged now."""
    row = session.scalars(select(Alert).where(Alert.id == alert_id).with_for_update()).one()
    state = read_state(row)
    now = question.asked_at
    if not state.is_open:
        _tell(session, row, holds=False, reason="The finding had ended before.")
        return False
    installed = next((one for one in question.installed if one.rule.id == row.rule_id), None)
    if installed is None:
        return None
    result = evaluation.result(installed.rule.name)
    verdict = result.verdicts([state.key]).get(state.key) or Verdict(Standing.UNKNOWN, needs="the subject's history")
    step = verify(state, verdict, question.history.as_of)
    take_step(session, row, Judged(installed, Home(row.org_unit_id, ""), verdict, step, privacy, now))
    if verdict.standing is Standing.UNKNOWN and step.state.is_open:
        return None
    holds = step.transition in BACK
    reason = row.summary if holds else "The evidence was looked at again: the condition is gone."
    _tell(session, row, holds=holds, reason=reason, escalated=step.transition is Transition.ESCALATED)
    return holds


def note_waiting(session: Session, alert: Alert, reason: str, *, now: datetime) -> None:
    """Write down that a verification waits, and for what."""
    log_step(session, alert, "waiting", reason, now)


def _tell(session: Session, row: Alert, *, holds: bool, reason: str, escalated: bool = False) -> None:
    happened = AlertVerified(
        alert_id=row.id, occurrence=row.occurrence, holds=holds, escalated=escalated, reason=reason
    )
    publish(session, happened)
