"""Ask the rules about the ledger, and keep what they say: read in one transaction, think in none, write in another."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.instants import from_micros
from hub.findings.models import Alert, Rule, TestedCases
from hub.findings.service.alerts import Home, Judged, Privacy, find_homes, read_state, take_step
from hub.findings.service.rules import Installed, install_rules, list_rules
from hub.metrics.history import build_history, related_series
from rules.alerts import AlertKey
from rules.calendars import Calendar
from rules.engine import ENGINE, evaluate
from rules.history import History
from rules.lifecycle import AlertState, advance
from rules.results import Evaluation, RuleResult
from rules.snapshot import Cases


@dataclass(frozen=True)
class Question:
    """Everything a run needs, as one transaction saw it."""

    installed: tuple[Installed, ...]
    snapshot: Mapping[str, Cases | None]
    states: Mapping[AlertKey, AlertState]
    history: History
    complete: bool
    """Whether the history holds every subject there is: an alert on one that is not there ends."""

    @property
    def asked_at(self) -> datetime:
        """The instant that the run is about."""
        return from_micros(self.history.as_of)


def read_question(
    session: Session, *, now: datetime, series_ids: Iterable[int] | None = None, rules: Sequence[str] | None = None
) -> Question:
    """Read rules, their last results, open alerts and the history of some series, or (None) of all."""
    installed = tuple(one for one in list_rules(session) if rules is None or one.rule.name in rules)
    chosen = None if series_ids is None else related_series(session, series_ids)
    return Question(
        installed=installed,
        snapshot={one.rule.name: _read_cases(session, one.rule.id) for one in installed},
        states=_read_states(session, installed),
        history=build_history(session, now, chosen),
        complete=chosen is None,
    )


def answer(question: Question) -> Evaluation:
    """Run the engine: pure, so no transaction has to wait for it."""
    return evaluate(
        [one.text for one in question.installed],
        question.history,
        snapshot=question.snapshot,
        open_alerts=frozenset(key for key, state in question.states.items() if state.is_open),
        complete=question.complete,
    )


def store_answer(session: Session, question: Question, evaluation: Evaluation, privacy: Privacy) -> int:
    """Keep tested cases and bring every alert forward; give how many steps were taken.

    Each rule is locked first: of two runs at the same time the later one judges on what the earlier one left. An older
    run than the stored one changes nothing.
    """
    by_name = {one.rule.name: one for one in question.installed}
    steps = 0
    for result in evaluation.results:
        installed = by_name.get(result.rule.name) or _engine_rule(session, result, question.asked_at)
        if installed is not None and _store_cases(session, installed.rule.id, result, question):
            steps += _store_alerts(session, installed, result, question, privacy)
    return steps


def _store_alerts(
    session: Session, installed: Installed, result: RuleResult, question: Question, privacy: Privacy
) -> int:
    rows = {
        AlertKey(installed.rule.name, row.subject_kind, row.subject_id, row.slot): row
        for row in session.scalars(select(Alert).where(Alert.rule_id == installed.rule.id))
    }
    open_keys = [key for key, row in rows.items() if read_state(row).is_open]
    verdicts = result.verdicts(open_keys)
    homes = find_homes(session, {(key.subject_kind, key.subject) for key in verdicts})
    calendars = question.history.calendars
    steps = 0
    for key, verdict in verdicts.items():
        row = rows.get(key)
        home = homes.get((key.subject_kind, key.subject)) if row is None else Home(row.org_unit_id, "")
        if home is None:
            continue  # the subject was removed while the rules were thinking
        state = None if row is None else read_state(row)
        named = verdict.finding.calendar if verdict.finding else state.calendar if state else None
        if named is None:
            continue
        step = advance(state, verdict, question.history.as_of, installed.text, calendars.get(named, Calendar()))
        steps += take_step(session, row, Judged(installed, home, verdict, step, privacy, question.asked_at))
    return steps


def _engine_rule(session: Session, result: RuleResult, now: datetime) -> Installed | None:
    """Give the rule under which the engine reports on rules; installed when it first has something to say."""
    known = session.scalar(select(Rule).where(Rule.name == ENGINE.name))
    if known is None and not result.findings:
        return None
    install_rules(session, [ENGINE], managed="engine", by="system:findings", now=now)
    return next(one for one in list_rules(session) if one.rule.name == ENGINE.name)


def _read_states(session: Session, installed: Iterable[Installed]) -> dict[AlertKey, AlertState]:
    rules = [one.rule.id for one in installed]
    states = (read_state(row) for row in session.scalars(select(Alert).where(Alert.rule_id.in_(rules))))
    return {state.key: state for state in states}


def _read_cases(session: Session, rule_id: int) -> Cases | None:
    stored = session.get(TestedCases, rule_id)
    return None if stored is None else Cases.from_json(orjson.loads(zlib.decompress(stored.cases)))


def _store_cases(session: Session, rule_id: int, result: RuleResult, question: Question) -> bool:
    as_of = question.asked_at
    session.scalars(select(Rule).where(Rule.id == rule_id).with_for_update()).one()
    stored = session.get(TestedCases, rule_id)
    if stored is not None and stored.as_of > as_of:
        return False
    if stored is None:
        stored = TestedCases(rule_id=rule_id)
        session.add(stored)
    stored.as_of, stored.statement = as_of, _state(result, complete=question.complete)
    stored.cases = zlib.compress(orjson.dumps(result.cases.to_json()), level=1)
    session.flush()
    return True


def _state(result: RuleResult, *, complete: bool) -> str:
    """Say what a run did; one about some subjects says about how many, or it would read like one about all."""
    if complete:
        return str(result.statement)
    known = result.asked.union(result.cases.subject)
    return f"{len(result.asked)} of {len(known)} subjects asked: {result.statement}"
