"""A finding's life: inactive, pending, firing, resolved. Pure: the state before and a verdict in, the state after out.

Missing data are a state of their own beside the phase: an open alert that can no longer be judged keeps its phase, is
marked `missing_since` and says what it `needs`; it neither fires nor resolves until data are back. A clock that runs
(`for`, `keep_firing_for`) begins anew then, because nothing shows what happened in between.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from rules.alerts import AlertKey, Finding, Standing, Verdict
from rules.calendars import Calendar
from rules.durations import Duration
from rules.errors import LifecycleError
from rules.schema import Rule

REOPEN_WINDOW = Duration(days=14)
"""A condition that returns within it reopens the same occurrence; later it is a new one."""
REFUSALS = 2
"""So often an alert that was called done, but still holds, goes back with the reason; the next time it goes up."""
DEFAULT = Calendar()


class Phase(StrEnum):
    """Where an alert stands."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Transition(StrEnum):
    """What a step changed, for whoever acts on it."""

    NONE = "none"
    OPENED_PENDING = "opened_pending"
    LAPSED = "lapsed"
    FIRED = "fired"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    DATA_MISSING = "data_missing"
    DATA_RETURNED = "data_returned"
    STILL_HOLDS = "still_holds"
    ESCALATED = "escalated"


class Ending(StrEnum):
    """Why an alert ended."""

    CONDITION_GONE = "condition_gone"
    ANSWERED = "answered"
    CORRECTED = "corrected"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class AlertState(BaseModel):
    """The life of one alert so far; instants are microseconds in UTC.

    `occurrence` counts from 1 once it has fired. `calendar` names the calendar in which its waiting times count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    subject_kind: str
    subject: str
    slot: str
    clears: Literal["condition", "event"]
    calendar: str = ""
    phase: Phase
    since: int
    seen_at: int
    occurrence: int = 0
    pending_since: int | None = None
    fired_at: int | None = None
    clear_since: int | None = None
    resolved_at: int | None = None
    ended_by: Ending | None = None
    missing_since: int | None = None
    needs: str = ""
    refusals: int = 0

    @property
    def key(self) -> AlertKey:
        """Identity of the alert."""
        return AlertKey(self.rule, self.subject_kind, self.subject, self.slot)

    @property
    def is_open(self) -> bool:
        """Tell whether the next run has to say something about it."""
        return self.phase in (Phase.PENDING, Phase.FIRING)

    def changed(self, **fields: Any) -> AlertState:  # noqa: ANN401 - any of the fields above
        """Return the state with other fields."""
        return self.model_copy(update=fields)


class Step(NamedTuple):
    """The state after a verdict, and what changed."""

    state: AlertState
    transition: Transition


def advance(previous: AlertState | None, verdict: Verdict, now: int, rule: Rule, calendar: Calendar = DEFAULT) -> Step:
    """Take one verdict into account; `calendar` is the subject's and counts business days.

    A verdict older than the state changes nothing, so runs may come twice or out of order.
    """
    if previous and now < previous.seen_at:
        return Step(previous, Transition.NONE)
    state = (previous or _begun(verdict, now)).changed(seen_at=now)
    if verdict.standing is Standing.UNKNOWN:
        return _missing(state, verdict.needs, now)
    if verdict.standing is Standing.GONE:
        return _gone(state, now)
    returned = state.missing_since is not None
    if returned:
        pending_since = None if state.pending_since is None else now
        state = state.changed(missing_since=None, needs="", pending_since=pending_since)
    if verdict.standing is Standing.FOUND and verdict.finding:
        step = _found(state, verdict.finding, now, rule, calendar)
    else:
        step = _clear(state, now, rule, calendar)
    return Step(step.state, Transition.DATA_RETURNED) if returned and step.transition is Transition.NONE else step


def settle(state: AlertState, how: Ending, now: int) -> AlertState:
    """End an alert about the past by an answer, a correction or an acceptance."""
    if state.clears != "event" or how not in (Ending.ANSWERED, Ending.CORRECTED, Ending.ACCEPTED):
        raise LifecycleError(
            f"{state.rule} on {state.subject} ends when its condition is gone: change that, or silence it"
        )
    return _resolved(state.changed(seen_at=max(now, state.seen_at)), how, now) if state.is_open else state


def verify(state: AlertState, verdict: Verdict, now: int) -> Step:
    """Check a firing alert that somebody called done: it ends, or goes back, and after two times back it goes up."""
    if state.phase is not Phase.FIRING:
        return Step(state, Transition.NONE)
    state = state.changed(seen_at=max(now, state.seen_at))
    if state.clears == "event":
        return Step(_resolved(state, Ending.ANSWERED, now), Transition.RESOLVED)
    if verdict.standing is Standing.UNKNOWN:
        return _missing(state, verdict.needs, now)
    if verdict.standing is Standing.FOUND:
        refused = state.changed(refusals=state.refusals + 1)
        goes_up = refused.refusals > REFUSALS
        return Step(refused, Transition.ESCALATED if goes_up else Transition.STILL_HOLDS)
    return Step(_resolved(state, Ending.CONDITION_GONE, now), Transition.RESOLVED)


def _begun(verdict: Verdict, now: int) -> AlertState:
    if not verdict.finding:
        raise LifecycleError("only a finding begins an alert: leave verdicts without a state and a finding out")
    key = verdict.finding.key
    return AlertState(
        **key._asdict(),
        clears=verdict.finding.clears,
        calendar=verdict.finding.calendar,
        phase=Phase.INACTIVE,
        since=now,
        seen_at=now,
    )


def _found(state: AlertState, finding: Finding, now: int, rule: Rule, calendar: Calendar) -> Step:
    if state.phase is Phase.FIRING:
        return Step(state.changed(clear_since=None), Transition.NONE)
    if state.phase is not Phase.PENDING:
        if finding.clears == "event" and state.resolved_at is not None and finding.known_at <= state.resolved_at:
            return Step(state, Transition.NONE)
        state = state.changed(phase=Phase.PENDING, since=now, pending_since=now, clears=finding.clears)
        opened = Transition.OPENED_PENDING
    else:
        opened = Transition.NONE
    began = state.pending_since if state.pending_since is not None else now
    if now < calendar.add(began, rule.pending):
        return Step(state, opened)
    return _fired(state, began, now, calendar)


def _fired(state: AlertState, began: int, now: int, calendar: Calendar) -> Step:
    fired = state.changed(
        phase=Phase.FIRING, since=now, fired_at=now, pending_since=None, clear_since=None, ended_by=None
    )
    if state.resolved_at is not None and began <= calendar.add(state.resolved_at, REOPEN_WINDOW):
        return Step(fired, Transition.REOPENED)
    return Step(fired.changed(occurrence=state.occurrence + 1, refusals=0), Transition.FIRED)


def _clear(state: AlertState, now: int, rule: Rule, calendar: Calendar) -> Step:
    if state.phase is Phase.PENDING:
        return _lapsed(state, now)
    if state.phase is not Phase.FIRING or state.clears == "event":
        return Step(state, Transition.NONE)
    began = state.clear_since if state.clear_since is not None else now
    if now < calendar.add(began, rule.keep_firing_for):
        return Step(state.changed(clear_since=began), Transition.NONE)
    return Step(_resolved(state, Ending.CONDITION_GONE, now), Transition.RESOLVED)


def _gone(state: AlertState, now: int) -> Step:
    if state.phase is Phase.PENDING:
        return _lapsed(state, now)
    if state.phase is Phase.FIRING:
        return Step(_resolved(state, Ending.WITHDRAWN, now), Transition.WITHDRAWN)
    return Step(state, Transition.NONE)


def _missing(state: AlertState, needs: str, now: int) -> Step:
    if not state.is_open:
        return Step(state, Transition.NONE)
    if state.missing_since is not None:
        return Step(state.changed(needs=needs), Transition.NONE)
    return Step(state.changed(missing_since=now, needs=needs, clear_since=None), Transition.DATA_MISSING)


def _lapsed(state: AlertState, now: int) -> Step:
    phase = Phase.RESOLVED if state.resolved_at is not None else Phase.INACTIVE
    return Step(
        state.changed(phase=phase, since=now, pending_since=None, missing_since=None, needs=""), Transition.LAPSED
    )


def _resolved(state: AlertState, how: Ending, now: int) -> AlertState:
    return state.changed(
        phase=Phase.RESOLVED,
        since=now,
        resolved_at=now,
        ended_by=how,
        pending_since=None,
        clear_since=None,
        missing_since=None,
        needs="",
    )
