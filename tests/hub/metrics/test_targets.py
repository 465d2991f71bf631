"""Targets: what was wanted, each revision kept with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.core.database import Database
from hub.core.errors import InvalidInputError
from hub.metrics.models import Target
from hub.metrics.service import ObservationDraft, TargetDraft, record_observations, record_targets, targets_as_of
from tests.factories import Cast, SettableClock

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def want(cast: Cast, number: int, target: float | None, recorded_at: datetime | None = None) -> TargetDraft:
    return TargetDraft(cast.series["win-rate"], MONDAY + number * WEEK, target, recorded_at=recorded_at)


def test_a_revision_keeps_what_was_wanted_before_and_why_it_changed(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    series = cast.series["win-rate"]
    with database.write() as session:
        record_targets(session, [want(cast, 0, 0.5)], now=clock())
        before = clock()
        eased = replace(want(cast, 0, 0.4), threshold=0.3, set_by="dee", reason="market fell")
        record_targets(session, [eased], now=clock.advance(days=1))
        assert [row.target for row in targets_as_of(session, series, before)] == [0.5]
        now = targets_as_of(session, series)
        assert [(row.target, row.threshold, row.reason) for row in now] == [(0.4, 0.3, "market fell")]


def test_the_same_target_again_is_no_news(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        assert record_targets(session, [want(cast, 0, 0.5)], now=clock()).created == 1
        again = record_targets(session, [want(cast, 0, 0.5)], now=clock.advance(days=1))
        assert (again.created, again.unchanged, again.series_ids) == (0, 1, ())


def test_a_first_import_blames_nobody_for_setting_targets_late(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    ahead = 20
    with database.write() as session:
        record_targets(session, [want(cast, 0, 0.5), want(cast, ahead, 0.6)], now=clock())
        past, future = targets_as_of(session, cast.series["win-rate"])
        assert (past.recorded_at, past.recorded_imputed) == (MONDAY, True)
        assert (future.recorded_at, future.recorded_imputed) == (clock(), False)


def test_a_target_that_comes_while_we_watch_is_known_when_it_came(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    series = cast.series["win-rate"]
    with database.write() as session:
        record_observations(session, [ObservationDraft(series, MONDAY, 0.4)], now=clock())
        late = clock.advance(days=60)
        record_targets(session, [want(cast, 10, 0.5)], now=late)
        (target,) = targets_as_of(session, series)
        assert (target.recorded_at, target.recorded_imputed) == (late, False)


def test_a_target_that_is_no_number_is_refused(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session, pytest.raises(InvalidInputError, match="leave it empty"):
        record_targets(session, [want(cast, 0, float("nan"))], now=clock())


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([None, 0.1, 0.2]), st.integers(0, 20)), max_size=8))
def test_targets_as_known_on_a_day_equal_the_replay_until_that_day(
    database: Database, cast: Cast, said: list[tuple[int, float | None, int]]
) -> None:
    series, now = cast.series["calls"], MONDAY + timedelta(days=400)
    with database.write() as session:
        for place, target, day in said:
            draft = TargetDraft(
                series, MONDAY + timedelta(days=place), target, recorded_at=MONDAY + timedelta(days=day)
            )
            record_targets(session, [draft], now=now)
            assert record_targets(session, [draft], now=now).created == 0
        rows = session.scalars(select(Target).where(Target.series_id == series)).all()
        for day in range(-1, 22):
            until = MONDAY + timedelta(days=day)
            replayed: dict[datetime, float | None] = {}
            for row in sorted(rows, key=lambda row: (row.recorded_at, row.id)):
                if row.recorded_at <= until:
                    replayed[row.period_start] = row.target
            assert {row.period_start: row.target for row in targets_as_of(session, series, until)} == replayed
        session.rollback()
