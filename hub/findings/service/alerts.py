"""Bring one alert forward: what the lifecycle decided becomes a row, a step people can read, and an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from hub.core.access import Permission, Principal, visible
from hub.core.errors import NotFoundError
from hub.core.ids import new_public_id
from hub.core.instants import from_micros, to_micros
from hub.findings.events import AlertFired, AlertResolved
from hub.findings.models import Alert, AlertStatus, AlertStep
from hub.findings.service.rules import Installed
from hub.metrics.models import Series
from hub.ownership.models import Assignment
from hub.ownership.service import terms_as_of
from hub.people.service import top_org_unit
from hub.strategy.models import KeyResult, Objective
from hub.work.service import publish
from rules.alerts import Verdict
from rules.calendars import Calendar
from rules.durations import Duration
from rules.lifecycle import AlertState, Phase, Step, Transition

DATA_PATTERNS = frozenset(
    {
        "stale",
        "ownership_gap",
        "missing_reporting",
        "anomaly",
        "level_shift",
        "redundant_metric",
        "definition_conflict",
        "engine",
    }
)
"""Patterns about data and duties. All others are about the integrity of a number, and are asked of its owner first."""

EVIDENCE = {"title", "score", "effect", "p", "start", "end", "as_of", "facts", "evidence", "withheld"}
"""What is kept of a finding beside its alert."""


@dataclass(frozen=True)
class Home:
    """Where a subject belongs."""

    org_unit_id: int
    title: str


@dataclass(frozen=True)
class Privacy:
    """How long an integrity finding is shown to owner and steward only."""

    owner_first_business_days: int
    calendar: Calendar = field(default_factory=Calendar)

    def visible_from(self, detector: str, fired_at: datetime) -> datetime:
        """Give the instant from which others may see a finding of this pattern."""
        if detector in DATA_PATTERNS:
            return fired_at
        window = Duration(business_days=self.owner_first_business_days)
        return from_micros(self.calendar.add(to_micros(fired_at), window))


def read_state(row: Alert) -> AlertState:
    """Read the lifecycle's state as it was stored."""
    return AlertState.model_validate(row.lifecycle)


@dataclass(frozen=True)
class Judged:
    """What a run decided about one alert."""

    installed: Installed
    home: Home
    verdict: Verdict
    step: Step
    privacy: Privacy
    at: datetime

    @property
    def transition(self) -> Transition:
        """What changed."""
        return self.step.transition


def take_step(session: Session, row: Alert | None, judged: Judged) -> int:
    """Store what was decided and tell the areas above what they have to act on; 1 = something changed."""
    row = row or _new_alert(session, judged)
    _describe(row, judged)
    if judged.transition in (Transition.FIRED, Transition.REOPENED):
        row.fired_at = judged.at
        row.visible_from = judged.privacy.visible_from(judged.installed.text.detector, judged.at)
        row.announced = min(row.announced, row.occurrence - 1)
    session.flush()
    if judged.transition is not Transition.NONE:
        log_step(session, row, judged.transition, _reason(judged), judged.at)
    _announce(session, row, judged)
    return int(judged.transition is not Transition.NONE)


def log_step(session: Session, row: Alert, step: str, reason: str, now: datetime) -> None:
    """Write down one step in a finding's life."""
    session.add(AlertStep(alert_id=row.id, occurrence=row.occurrence, at=now, step=step, reason=reason))


def find_homes(session: Session, subjects: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Home]:
    """Find the org unit and the title of subjects given as (kind, public id); what is gone is left out."""
    wanted: dict[str, set[str]] = {}
    for kind, subject in subjects:
        wanted.setdefault(kind, set()).add(subject)
    statements: Mapping[str, Select[str, int, str]] = {
        "series": select(Series.public_id, Series.org_unit_id, Series.key),
        "objective": select(Objective.public_id, Objective.org_unit_id, Objective.name),
        "key_result": select(KeyResult.public_id, Objective.org_unit_id, KeyResult.key).join(
            Objective, Objective.id == KeyResult.objective_id
        ),
    }
    ids = {"series": Series.public_id, "objective": Objective.public_id, "key_result": KeyResult.public_id}
    homes: dict[tuple[str, str], Home] = {}
    for kind, statement in statements.items():
        if kind in wanted:
            rows = session.execute(statement.where(ids[kind].in_(wanted[kind])))
            homes |= {(kind, public_id): Home(unit, title) for public_id, unit, title in rows}
    if "rule" in wanted:
        top = top_org_unit(session)
        homes |= {("rule", name): Home(top.id, name) for name in wanted["rule"]}
    return homes


def list_visible(
    session: Session, principal: Principal, *, now: datetime, permission: Permission | None = None
) -> Select[Alert]:
    """Select what a principal may see now: an integrity finding is its owner's and steward's alone at first."""
    mine = _answered_for_by(session, principal.person_id, now)
    told_first = or_(*(_about(kind, ids) for kind, ids in mine.items())) if mine else None
    due = Alert.visible_from <= now
    statement = visible(select(Alert), principal, Alert, permission)
    return statement.where(due if told_first is None else or_(due, told_first))


def get_visible(session: Session, principal: Principal, public_id: str, *, now: datetime) -> Alert:
    """Give one finding, if the principal may see it; who may not is told that there is none."""
    row = session.scalar(list_visible(session, principal, now=now).where(Alert.public_id == public_id))
    if row is None:
        raise NotFoundError(f"There is no finding {public_id}.")
    return row


def list_steps(session: Session, alert: Alert) -> list[AlertStep]:
    """List what became of a finding, oldest first."""
    return list(session.scalars(select(AlertStep).where(AlertStep.alert_id == alert.id).order_by(AlertStep.id)))


def _answered_for_by(session: Session, person_id: int, at: datetime) -> dict[str, set[str]]:
    """Give the subjects whose owner or steward somebody is, as public ids by kind."""
    ever = session.execute(
        select(Assignment.subject_kind, Assignment.subject_id).where(Assignment.person_id == person_id).distinct()
    )
    mine: dict[str, set[str]] = {}
    for kind, subject in ever:
        terms = terms_as_of(session, kind, [subject])
        if any(term.person_id == person_id and term.covers(at) for term in terms):
            mine.setdefault(kind, set()).add(subject)
    return mine


def _about(kind: str, public_ids: Iterable[str]) -> Any:  # noqa: ANN401  # SQLAlchemy's clause types do not compose
    return (Alert.subject_kind == kind) & Alert.subject_id.in_(list(public_ids))


def _new_alert(session: Session, judged: Judged) -> Alert:
    detector, state = judged.installed.text.detector, judged.step.state
    row = Alert(
        public_id=new_public_id("fnd"),
        org_unit_id=judged.home.org_unit_id,
        rule_id=judged.installed.rule.id,
        subject_kind=state.subject_kind,
        subject_id=state.subject,
        slot=state.slot,
        integrity=detector not in DATA_PATTERNS,
        visible_from=judged.privacy.visible_from(detector, judged.at),
        announced=0,
        summary="",
        evidence={},
        opened_at=judged.at,
    )
    session.add(row)
    return row


def _describe(row: Alert, judged: Judged) -> None:
    state, finding = judged.step.state, judged.verdict.finding
    row.rule_version_id = judged.installed.version.id
    row.severity = judged.installed.text.severity
    row.lifecycle = state.model_dump(mode="json")
    row.status = _status(state.phase)
    row.occurrence = state.occurrence
    row.resolved_at = from_micros(state.resolved_at) if state.resolved_at and not state.is_open else None
    row.tested_at = judged.at
    if finding is not None:
        row.summary = finding.summary
        row.evidence = finding.model_dump(mode="json", include=EVIDENCE)


def _status(phase: Phase) -> AlertStatus:
    if phase in (Phase.PENDING, Phase.INACTIVE):
        return AlertStatus.PENDING if phase is Phase.PENDING else AlertStatus.RESOLVED
    return AlertStatus.FIRING if phase is Phase.FIRING else AlertStatus.RESOLVED


def _reason(judged: Judged) -> str:
    verdict = judged.verdict
    if verdict.finding is not None:
        held = [one.value for one in verdict.finding.withheld]
        return verdict.finding.summary + (f" (not pushed: {', '.join(held)})" if held else "")
    if verdict.needs:
        return f"It cannot be judged now: needs {verdict.needs}."
    return "The condition is gone." if judged.transition is Transition.RESOLVED else "It is no longer asked."


def _announce(session: Session, row: Alert, judged: Judged) -> None:
    """Publish what the areas above act on; what a rule withholds is announced once it no longer does."""
    finding = judged.verdict.finding
    pushed = finding is not None and not finding.withheld
    if row.status == AlertStatus.FIRING and pushed and row.announced < row.occurrence:
        row.announced = row.occurrence
        publish(session, AlertFired(alert_id=row.id, occurrence=row.occurrence))
    elif judged.transition in (Transition.RESOLVED, Transition.WITHDRAWN) and row.announced == row.occurrence:
        publish(session, AlertResolved(alert_id=row.id, occurrence=row.occurrence, reason=_reason(judged)))
