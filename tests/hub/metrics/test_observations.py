"""The ledger of observations: two times, no update, no doubles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.core.database import Database
from hub.core.errors import InvalidInputError, NotFoundError
from hub.core.instants import to_micros
from hub.metrics.models import Observation, Series
from hub.metrics.service import (
    ObservationDraft,
    Recorded,
    latest,
    observations_as_of,
    record_observations,
    versions_of,
)
from hub.work import service as work
from hub.work.models import WorkItem
from tests.factories import Cast, SettableClock

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def say(database: Database, clock: SettableClock, *drafts: ObservationDraft) -> Recorded:
    with database.write() as session:
        return record_observations(session, drafts, now=clock())


def week(cast: Cast, number: int, value: float | None, **instants: datetime) -> ObservationDraft:
    return replace(ObservationDraft(cast.series["win-rate"], MONDAY + number * WEEK, value), **instants)  # type: ignore[arg-type]  # replace() is typed by its whole class


def values(session: Session, cast: Cast, known_on: datetime | None = None) -> list[float | None]:
    return [seen.value for seen in observations_as_of(session, cast.series["win-rate"], known_on)]


def test_a_value_is_recorded_once(database: Database, cast: Cast, clock: SettableClock) -> None:
    first = say(database, clock, week(cast, 0, 0.4), week(cast, 1, 0.5))
    again = say(database, clock, week(cast, 0, 0.4), week(cast, 1, 0.5))
    assert (first.created, first.unchanged, first.series_ids) == (2, 0, (cast.series["win-rate"],))
    assert (again.created, again.unchanged, again.series_ids) == (0, 2, ())


def test_a_correction_is_a_new_row_and_the_old_one_stays_known(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    say(database, clock, week(cast, 0, 0.4))
    before = clock()
    clock.advance(days=1)
    say(database, clock, week(cast, 0, 0.6))
    with database.read() as session:
        assert values(session, cast) == [0.6]
        assert values(session, cast, before) == [0.4]
        assert [row.value for row in versions_of(session, cast.series["win-rate"])] == [0.4, 0.6]


def test_the_first_import_without_timestamps_imputes_period_end_plus_promise(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    say(database, clock, week(cast, 0, 0.4))
    with database.read() as session:
        seen = latest(session, cast.series["win-rate"])
        assert seen is not None
        assert seen.recorded_imputed
        assert seen.recorded_at == MONDAY + WEEK + timedelta(days=3)
        assert seen.ingested_at == clock()


def test_a_later_page_of_the_first_import_is_imputed_too(database: Database, cast: Cast, clock: SettableClock) -> None:
    say(database, clock, week(cast, 4, 0.4))
    clock.advance(minutes=5)
    say(database, clock, week(cast, 0, 0.3))
    with database.read() as session:
        assert [seen.recorded_imputed for seen in observations_as_of(session, cast.series["win-rate"])] == [True, True]


def test_once_we_watch_our_own_clock_counts(database: Database, cast: Cast, clock: SettableClock) -> None:
    say(database, clock, week(cast, 0, 0.4))
    now = clock.advance(days=40)
    say(database, clock, week(cast, 9, 0.5))
    with database.read() as session:
        seen = latest(session, cast.series["win-rate"])
        assert seen is not None
        assert (seen.recorded_at, seen.recorded_imputed) == (now, False)


def test_a_value_before_its_promise_is_known_when_it_came(database: Database, cast: Cast, clock: SettableClock) -> None:
    clock.set(MONDAY + WEEK + timedelta(hours=1))
    say(database, clock, week(cast, 0, 0.4))
    with database.read() as session:
        seen = latest(session, cast.series["win-rate"])
        assert seen is not None
        assert (seen.recorded_at, seen.recorded_imputed) == (clock(), False)


def test_the_sources_own_timestamp_wins_and_is_never_imputed(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    told = MONDAY + WEEK + timedelta(days=20)
    say(database, clock, week(cast, 0, 0.4, recorded_at=told))
    with database.read() as session:
        seen = latest(session, cast.series["win-rate"])
        assert seen is not None
        assert (seen.recorded_at, seen.recorded_imputed, seen.ingested_at) == (told, False, clock())


def test_a_source_whose_clock_is_ahead_records_nothing_in_the_future(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    ahead = clock() + timedelta(minutes=10)
    say(database, clock, week(cast, 0, 0.4, recorded_at=ahead))
    clock.advance(hours=1)
    again = say(database, clock, week(cast, 0, 0.4, recorded_at=ahead))
    assert again.created == 0
    with database.read() as session:
        assert values(session, cast, ahead - timedelta(minutes=10)) == [0.4]


def test_a_whole_file_of_versions_can_be_read_again(database: Database, cast: Cast, clock: SettableClock) -> None:
    days = [MONDAY + WEEK + timedelta(days=number) for number in range(3)]
    file = [week(cast, 0, value, recorded_at=day) for value, day in zip((0.1, 0.2, 0.1), days, strict=True)]
    assert say(database, clock, *reversed(file)).created == 3
    assert say(database, clock, *file).created == 0
    with database.read() as session:
        assert [values(session, cast, day) for day in days] == [[0.1], [0.2], [0.1]]


def test_of_two_statements_of_one_instant_the_last_counts(database: Database, cast: Cast, clock: SettableClock) -> None:
    told = MONDAY + WEEK
    file = [week(cast, 0, 0.1, recorded_at=told), week(cast, 0, 0.2, recorded_at=told)]
    assert say(database, clock, *file).created == 1
    assert say(database, clock, *file).created == 0
    with database.read() as session:
        assert values(session, cast) == [0.2]


def test_a_source_that_changes_its_mind_without_a_new_timestamp_is_believed(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    told = MONDAY + WEEK
    for value in (0.1, 0.2, 0.1):
        assert say(database, clock, week(cast, 0, value, recorded_at=told)).created == 1
    with database.read() as session:
        assert values(session, cast) == [0.1]


def test_a_back_dated_correction_changes_what_was_known_then_and_not_what_is_known_now(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    early, late = MONDAY + WEEK, MONDAY + 2 * WEEK
    say(database, clock, week(cast, 0, 0.9, recorded_at=late))
    say(database, clock, week(cast, 0, 0.1, recorded_at=early))
    with database.read() as session:
        assert values(session, cast, early) == [0.1]
        assert values(session, cast) == [0.9]


def test_a_value_out_of_quarantine_is_recorded_when_released(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    say(database, clock, week(cast, 0, 0.4))
    released = clock() - timedelta(hours=1)
    say(database, clock, week(cast, 1, 7.0, recorded_at=MONDAY + 2 * WEEK, released_at=released))
    with database.read() as session:
        assert values(session, cast, released - timedelta(seconds=1)) == [0.4]
        assert values(session, cast, released) == [0.4, 7.0]


def test_a_value_can_be_withdrawn(database: Database, cast: Cast, clock: SettableClock) -> None:
    say(database, clock, week(cast, 0, 0.4), week(cast, 1, 0.5))
    clock.advance(days=1)
    say(database, clock, week(cast, 1, None))
    with database.read() as session:
        assert values(session, cast) == [0.4, None]
        last = latest(session, cast.series["win-rate"])
        assert last is not None
        assert last.value == 0.4


def test_a_period_with_nothing_in_it_says_nothing(database: Database, cast: Cast, clock: SettableClock) -> None:
    assert say(database, clock, week(cast, 0, None)).created == 0


def test_of_two_statements_without_a_timestamp_the_last_counts(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    say(database, clock, week(cast, 0, 0.4), week(cast, 0, 0.5))
    with database.read() as session:
        assert [row.value for row in versions_of(session, cast.series["win-rate"])] == [0.5]


@pytest.mark.parametrize(
    ("month", "hours"), [(3, 31 * 24 - 1), (10, 31 * 24 + 1), (1, 31 * 24)], ids=["spring", "autumn", "winter"]
)
def test_a_month_in_berlin_is_as_long_as_its_clocks_make_it(
    database: Database, cast: Cast, clock: SettableClock, month: int, hours: int
) -> None:
    from zoneinfo import ZoneInfo

    start = datetime(2025, month, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    say(database, clock, ObservationDraft(cast.series["backlog"], start, 12))
    with database.read() as session:
        seen = latest(session, cast.series["backlog"])
        assert seen is not None
        assert seen.period_end - seen.period_start == timedelta(hours=hours)
        assert seen.period_end.astimezone(ZoneInfo("Europe/Berlin")).hour == 0


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(database: Database, cast: Cast, clock: SettableClock, number: float) -> None:
    with pytest.raises(InvalidInputError, match="leave it empty"):
        say(database, clock, week(cast, 0, number))


def test_a_period_that_ends_before_it_begins_is_refused(database: Database, cast: Cast, clock: SettableClock) -> None:
    with pytest.raises(InvalidInputError, match="ends before it begins"):
        say(database, clock, week(cast, 0, 1.0, period_end=MONDAY))


def test_a_series_that_nobody_defined_is_named(database: Database, cast: Cast, clock: SettableClock) -> None:
    with pytest.raises(NotFoundError, match="999"):
        say(database, clock, ObservationDraft(999, MONDAY, 1.0))


def test_one_event_a_batch_names_the_changed_series(database: Database, cast: Cast, clock: SettableClock) -> None:
    work.install(
        database.info,
        work.WorkTables(dispatch=lambda _items: None, subscribers={"observations.recorded": ("test.look",)}),
    )
    both = [week(cast, 0, 0.4), ObservationDraft(cast.series["calls"], MONDAY, 12)]
    say(database, clock, *both)
    say(database, clock, *both)
    with database.read() as session:
        items = session.scalars(select(WorkItem)).all()
        expected: list[Mapping[str, Any]] = [
            {"series_ids": sorted([cast.series["win-rate"], cast.series["calls"]])},
        ]
        assert [item.payload for item in items] == expected


def test_the_ledger_remembers_since_when_it_watches(database: Database, cast: Cast, clock: SettableClock) -> None:
    first = clock()
    say(database, clock, week(cast, 0, 0.4))
    clock.advance(days=1)
    say(database, clock, week(cast, 1, 0.5))
    with database.read() as session:
        assert session.get_one(Series, cast.series["win-rate"]).first_ingested_at == first


def test_instants_are_exact_to_the_microsecond(database: Database, cast: Cast, clock: SettableClock) -> None:
    told = datetime(2026, 2, 1, 12, 0, 0, 123_457, tzinfo=UTC)
    say(database, clock, week(cast, 0, 0.1 + 0.2, recorded_at=told))
    with database.read() as session:
        seen = latest(session, cast.series["win-rate"])
        assert seen is not None
        assert (to_micros(seen.recorded_at), seen.value) == (to_micros(told), 0.1 + 0.2)
        assert session.scalar(select(func.count()).select_from(Observation)) == 1
