"""A finding's life."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.alerts import CLEAR, GONE, AlertKey, Finding, Standing, Verdict
from rules.calendars import Calendar
from rules.durations import DAY, HOUR
from rules.errors import LifecycleError
from rules.lifecycle import AlertState, Ending, Phase, Step, Transition, advance, settle, verify
from rules.schema import Rule

T0 = Calendar().read("2026-03-30T10:00:00Z")  # a Monday
UNKNOWN = Verdict(Standing.UNKNOWN, needs="a value")


def rule(**changes: Any) -> Rule:  # noqa: ANN401 - the words of a rule
    return Rule.model_validate({"name": "r", "detector": "d", "description": "x"} | changes)


def finding(clears: str = "condition", known_at: int = T0) -> Verdict:
    made = {
        "rule": "r",
        "rule_version": "1",
        "detector": "d",
        "detector_version": 1,
        "clears": clears,
        "subject_kind": "series",
        "subject": "a",
        "slot": "s",
        "title": "",
        "score": 1.0,
        "effect": None,
        "p": None,
        "start": 0,
        "end": 0,
        "as_of": T0,
        "known_at": known_at,
        "severity": "info",
        "stage": "live",
        "labels": {},
        "summary": "",
        "facts": {},
        "evidence": (),
        "calendar": "berlin",
        "org_units": (),
    }
    return Verdict(Standing.FOUND, Finding.model_validate(made))


FOUND = finding()


def live(*verdicts: tuple[Verdict, int], text: Rule | None = None, state: AlertState | None = None) -> list[Step]:
    """Live through verdicts at instants given in hours after T0."""
    steps = []
    for verdict, hours in verdicts:
        step = advance(state, verdict, T0 + hours * HOUR, text or rule())
        state = step.state
        steps.append(step)
    return steps


def transitions(steps: list[Step]) -> list[str]:
    return [str(step.transition) for step in steps]


def firing(clears: str = "condition") -> AlertState:
    return advance(None, finding(clears), T0, rule()).state


class TestOpening:
    def test_without_waiting_a_finding_fires_at_once(self) -> None:
        (step,) = live((FOUND, 0))
        assert step.transition is Transition.FIRED
        state = step.state
        assert (state.phase, state.occurrence, state.fired_at, state.since) == (Phase.FIRING, 1, T0, T0)
        assert state.key == AlertKey("r", "series", "a", "s")
        assert (state.calendar, state.clears, state.pending_since) == ("berlin", "condition", None)
        assert state.is_open

    def test_it_waits_as_long_as_the_rule_says(self) -> None:
        steps = live((FOUND, 0), (FOUND, 23), (FOUND, 24), text=rule(**{"for": "1d"}))
        assert transitions(steps) == ["opened_pending", "none", "fired"]
        assert steps[0].state.phase is Phase.PENDING
        assert steps[1].state.pending_since == T0
        assert steps[2].state.fired_at == T0 + DAY

    def test_business_days_are_those_of_the_subject(self) -> None:
        text = rule(**{"for": "1bd"})
        friday = T0 - 3 * DAY
        begun = advance(None, FOUND, friday, text).state
        assert advance(begun, FOUND, friday + 2 * DAY, text).transition is Transition.NONE
        assert advance(begun, FOUND, friday + 3 * DAY, text).transition is Transition.FIRED
        weekend = Calendar(workdays=frozenset(range(7)))
        assert advance(begun, FOUND, friday + DAY, text, weekend).transition is Transition.FIRED

    def test_a_condition_that_goes_while_it_waits_never_fired(self) -> None:
        steps = live((FOUND, 0), (CLEAR, 1), (FOUND, 2), (FOUND, 25), (FOUND, 26), text=rule(**{"for": "1d"}))
        assert transitions(steps) == ["opened_pending", "lapsed", "opened_pending", "none", "fired"]
        lapsed = steps[1].state
        assert (lapsed.phase, lapsed.pending_since, lapsed.occurrence, lapsed.since) == (
            Phase.INACTIVE,
            None,
            0,
            T0 + HOUR,
        )
        assert not lapsed.is_open

    @pytest.mark.parametrize("verdict", [CLEAR, GONE, UNKNOWN])
    def test_only_a_finding_begins_an_alert(self, verdict: Verdict) -> None:
        with pytest.raises(LifecycleError, match="only a finding begins an alert"):
            advance(None, verdict, T0, rule())


class TestResolving:
    def test_a_condition_that_is_gone_resolves(self) -> None:
        steps = live((FOUND, 0), (CLEAR, 1))
        assert transitions(steps) == ["fired", "resolved"]
        state = steps[1].state
        assert (state.phase, state.resolved_at, state.ended_by) == (Phase.RESOLVED, T0 + HOUR, Ending.CONDITION_GONE)

    def test_it_keeps_firing_as_long_as_the_rule_says(self) -> None:
        text = rule(keep_firing_for="1d")
        steps = live((FOUND, 0), (CLEAR, 1), (CLEAR, 24), (CLEAR, 25), text=text)
        assert transitions(steps) == ["fired", "none", "none", "resolved"]
        assert steps[1].state.clear_since == T0 + HOUR
        assert steps[3].state.clear_since is None

    def test_a_condition_that_flaps_begins_the_wait_anew(self) -> None:
        text = rule(keep_firing_for="1d")
        steps = live((FOUND, 0), (CLEAR, 1), (FOUND, 2), (CLEAR, 3), (CLEAR, 26), (CLEAR, 27), text=text)
        assert transitions(steps) == ["fired", "none", "none", "none", "none", "resolved"]
        assert steps[2].state.clear_since is None

    def test_a_finding_that_goes_on_changes_nothing_but_the_time(self) -> None:
        steps = live((FOUND, 0), (FOUND, 5))
        assert steps[1].transition is Transition.NONE
        assert steps[1].state == steps[0].state.changed(seen_at=T0 + 5 * HOUR)

    def test_a_subject_that_is_not_asked_any_more_is_withdrawn(self) -> None:
        for clears in ("condition", "event"):
            step = advance(firing(clears), GONE, T0 + 1, rule(keep_firing_for="9d"))
            assert step.transition is Transition.WITHDRAWN
            assert (step.state.phase, step.state.ended_by) == (Phase.RESOLVED, Ending.WITHDRAWN)
        pending = live((FOUND, 0), (GONE, 1), text=rule(**{"for": "1d"}))
        assert transitions(pending) == ["opened_pending", "lapsed"]

    @pytest.mark.parametrize("verdict", [CLEAR, GONE, UNKNOWN])
    def test_a_closed_alert_stays_closed(self, verdict: Verdict) -> None:
        closed = live((FOUND, 0), (CLEAR, 1))[-1].state
        step = advance(closed, verdict, T0 + 2 * HOUR, rule())
        assert step == Step(closed.changed(seen_at=T0 + 2 * HOUR), Transition.NONE)


class TestReturning:
    def test_within_two_weeks_the_same_occurrence_reopens(self) -> None:
        steps = live((FOUND, 0), (CLEAR, 1), (FOUND, 1 + 14 * 24))
        assert transitions(steps) == ["fired", "resolved", "reopened"]
        assert (steps[2].state.occurrence, steps[2].state.ended_by) == (1, None)

    def test_later_it_is_a_new_occurrence(self) -> None:
        steps = live((FOUND, 0), (CLEAR, 1), (FOUND, 2 + 14 * 24))
        assert transitions(steps) == ["fired", "resolved", "fired"]
        assert steps[2].state.occurrence == 2

    def test_the_window_is_about_when_the_condition_came_back(self) -> None:
        text = rule(**{"for": "10d"})
        steps = live((FOUND, 0), (FOUND, 240), (CLEAR, 241), (FOUND, 242 + 120), (FOUND, 242 + 360), text=text)
        assert transitions(steps) == ["opened_pending", "fired", "resolved", "opened_pending", "reopened"]

    def test_a_return_that_lapses_leaves_the_alert_resolved(self) -> None:
        steps = live((FOUND, 0), (FOUND, 24), (CLEAR, 25), (FOUND, 26), (CLEAR, 27), text=rule(**{"for": "1d"}))
        assert transitions(steps)[-1] == "lapsed"
        assert (steps[-1].state.phase, steps[-1].state.resolved_at) == (Phase.RESOLVED, T0 + 25 * HOUR)

    def test_a_new_occurrence_forgets_refusals(self) -> None:
        refused = verify(firing(), FOUND, T0 + 1).state
        closed = advance(refused, CLEAR, T0 + 2, rule()).state
        assert advance(closed, FOUND, T0 + 3, rule()).state.refusals == 1
        assert advance(closed, FOUND, T0 + 15 * DAY, rule()).state.refusals == 0


class TestMissingData:
    def test_an_open_alert_waits_and_says_what_it_needs(self) -> None:
        steps = live((FOUND, 0), (UNKNOWN, 1), (Verdict(Standing.UNKNOWN, needs="more"), 2), (FOUND, 3))
        assert transitions(steps) == ["fired", "data_missing", "none", "data_returned"]
        missing = steps[1].state
        assert (missing.phase, missing.missing_since, missing.needs) == (Phase.FIRING, T0 + HOUR, "a value")
        assert (steps[2].state.missing_since, steps[2].state.needs) == (T0 + HOUR, "more")
        assert (steps[3].state.missing_since, steps[3].state.needs) == (None, "")

    def test_what_resolves_or_fires_is_said_before_the_return_of_data(self) -> None:
        assert transitions(live((FOUND, 0), (UNKNOWN, 1), (CLEAR, 2))) == ["fired", "data_missing", "resolved"]

    def test_the_wait_before_firing_begins_anew(self) -> None:
        steps = live((FOUND, 0), (UNKNOWN, 20), (FOUND, 30), (FOUND, 53), (FOUND, 54), text=rule(**{"for": "1d"}))
        assert transitions(steps) == ["opened_pending", "data_missing", "data_returned", "none", "fired"]

    def test_the_wait_before_resolving_begins_anew(self) -> None:
        text = rule(keep_firing_for="1d")
        steps = live((FOUND, 0), (CLEAR, 1), (UNKNOWN, 20), (CLEAR, 30), (CLEAR, 53), (CLEAR, 54), text=text)
        assert transitions(steps) == ["fired", "none", "data_missing", "data_returned", "none", "resolved"]

    def test_a_pending_alert_that_is_gone_forgets_what_was_missing(self) -> None:
        steps = live((FOUND, 0), (UNKNOWN, 1), (GONE, 2), text=rule(**{"for": "1d"}))
        assert (steps[-1].state.missing_since, steps[-1].state.needs) == (None, "")

    def test_the_epoch_is_an_instant_like_any_other(self) -> None:
        text = rule(**{"for": "1d"})
        begun = advance(None, FOUND, 0, text).state
        missing = advance(begun, UNKNOWN, HOUR, text).state
        assert advance(missing, FOUND, 2 * HOUR, text).state.pending_since == 2 * HOUR


class TestEvents:
    def test_an_event_does_not_go_away_by_itself(self) -> None:
        step = advance(firing("event"), CLEAR, T0 + 99 * DAY, rule())
        assert (step.transition, step.state.phase) == (Transition.NONE, Phase.FIRING)

    @pytest.mark.parametrize("how", [Ending.ANSWERED, Ending.CORRECTED, Ending.ACCEPTED])
    def test_it_ends_by_what_a_person_says(self, how: Ending) -> None:
        ended = settle(firing("event"), how, T0 + HOUR)
        assert (ended.phase, ended.ended_by, ended.resolved_at) == (Phase.RESOLVED, how, T0 + HOUR)
        assert settle(ended, how, T0 + 9 * HOUR) == ended

    def test_it_fires_again_only_on_evidence_recorded_afterwards(self) -> None:
        ended = settle(firing("event"), Ending.ACCEPTED, T0 + HOUR)
        old = advance(ended, finding("event", known_at=T0 + HOUR), T0 + DAY, rule())
        assert (old.transition, old.state.phase) == (Transition.NONE, Phase.RESOLVED)
        new = advance(old.state, finding("event", known_at=T0 + HOUR + 1), T0 + 2 * DAY, rule())
        assert (new.transition, new.state.phase) == (Transition.REOPENED, Phase.FIRING)

    def test_a_condition_fires_again_on_the_same_evidence(self) -> None:
        closed = live((FOUND, 0), (CLEAR, 1))[-1].state
        assert advance(closed, FOUND, T0 + 2 * HOUR, rule()).transition is Transition.REOPENED

    def test_a_condition_is_not_settled_by_words(self) -> None:
        with pytest.raises(LifecycleError, match="r on a ends when its condition is gone"):
            settle(firing(), Ending.ACCEPTED, T0)

    @pytest.mark.parametrize("how", [Ending.CONDITION_GONE, Ending.WITHDRAWN])
    def test_only_a_person_settles(self, how: Ending) -> None:
        with pytest.raises(LifecycleError):
            settle(firing("event"), how, T0)


class TestVerifying:
    def test_what_was_called_done_and_is_done_ends_at_once(self) -> None:
        for verdict in (CLEAR, GONE):
            step = verify(firing(), verdict, T0 + HOUR)
            assert (step.transition, step.state.ended_by) == (Transition.RESOLVED, Ending.CONDITION_GONE)
            assert (step.state.phase, step.state.seen_at) == (Phase.RESOLVED, T0 + HOUR)

    def test_what_still_holds_goes_back_twice_and_then_up(self) -> None:
        state, seen = firing(), []
        for _ in range(4):
            state, transition = verify(state, FOUND, T0 + HOUR)
            seen.append(str(transition))
        assert seen == ["still_holds", "still_holds", "escalated", "escalated"]
        assert (state.phase, state.refusals) == (Phase.FIRING, 4)

    def test_without_data_nobody_can_tell(self) -> None:
        step = verify(firing(), UNKNOWN, T0 + HOUR)
        assert (step.transition, step.state.phase, step.state.refusals) == (Transition.DATA_MISSING, Phase.FIRING, 0)

    def test_an_event_is_answered_by_calling_it_done(self) -> None:
        step = verify(firing("event"), finding("event"), T0 + HOUR)
        assert (step.transition, step.state.ended_by) == (Transition.RESOLVED, Ending.ANSWERED)

    def test_what_does_not_fire_cannot_be_called_done(self) -> None:
        pending = live((FOUND, 0), text=rule(**{"for": "1d"}))[0].state
        closed = live((FOUND, 0), (CLEAR, 1))[-1].state
        for state in (pending, closed):
            assert verify(state, FOUND, T0 + DAY) == Step(state, Transition.NONE)

    def test_a_check_at_an_older_instant_does_not_turn_time_back(self) -> None:
        state = firing().changed(seen_at=T0 + DAY)
        assert verify(state, FOUND, T0).state.seen_at == T0 + DAY
        assert settle(firing("event").changed(seen_at=T0 + DAY), Ending.ANSWERED, T0).seen_at == T0 + DAY


verdicts = st.sampled_from([FOUND, CLEAR, GONE, UNKNOWN])
runs = st.lists(st.tuples(verdicts, st.integers(0, 400)), min_size=1, max_size=12)
texts = st.sampled_from(
    [rule(), rule(**{"for": "2bd"}), rule(keep_firing_for="1d"), rule(**{"for": "1d", "keep_firing_for": "2bd"})]
)


@given(runs, texts)
def test_runs_that_come_twice_or_late_change_nothing(steps: list[tuple[Verdict, int]], text: Rule) -> None:
    state: AlertState | None = None
    for verdict, hours in sorted(steps, key=lambda step: step[1]):
        if state is None and verdict is not FOUND:
            continue
        now = T0 + hours * HOUR
        state = advance(state, verdict, now, text).state
        assert advance(state, verdict, now, text) == Step(state, Transition.NONE)
        assert advance(state, FOUND, now - 1, text) == Step(state, Transition.NONE)


@given(runs, texts)
def test_a_state_is_consistent_and_survives_json(steps: list[tuple[Verdict, int]], text: Rule) -> None:
    state: AlertState | None = None
    for verdict, hours in sorted(steps, key=lambda step: step[1]):
        if state is None and verdict is not FOUND:
            continue
        state = advance(state, verdict, T0 + hours * HOUR, text).state
        assert AlertState.model_validate_json(state.model_dump_json()) == state
        assert (state.pending_since is not None) == (state.phase is Phase.PENDING)
        assert (state.occurrence > 0) == (state.fired_at is not None)
        assert state.clear_since is None or state.phase is Phase.FIRING
        assert state.missing_since is None or state.is_open
        assert (state.missing_since is None) == (state.needs == "")
        assert state.is_open == (state.phase in (Phase.PENDING, Phase.FIRING))
        if state.phase is Phase.RESOLVED:
            assert state.resolved_at is not None
            assert state.ended_by is not None
