"""What was known on a day is what was recorded until that day: for any order in which statements come in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.database import Database
from hub.core.instants import from_micros, to_micros
from hub.metrics.columns import PACKED, Columns
from hub.metrics.history import build_history
from hub.metrics.models import Metric, Observation, SeriesColumn
from hub.metrics.service import (
    ObservationDraft,
    SeriesDraft,
    define_series,
    observations_as_of,
    rebuild_columns,
    record_observations,
)
from tests.factories import Cast

START = datetime(2025, 1, 6, tzinfo=UTC)
NUMBERS = st.sampled_from([None, 0.0, 1.0, 2.5])
Statement = tuple[int, float | None, int | None, str | None]
"""Week, value, day of the source's own timestamp, who."""
Batches = list[tuple[int, list[Statement]]]
"""Days passed since the batch before, statements."""


def statements(day: st.SearchStrategy[int | None]) -> st.SearchStrategy[list[Statement]]:
    who = st.sampled_from([None, "ada", "bo"])
    return st.lists(st.tuples(st.integers(0, 3), NUMBERS, day, who), min_size=1, max_size=6)


# a source has timestamps or it has none
BATCH = st.one_of(statements(st.none()), statements(st.integers(0, 60)))
BATCHES = st.lists(st.tuples(st.integers(0, 20), BATCH), min_size=1, max_size=5)
QUICK = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


def new_series(session: Session, cast: Cast, cadence: str = "weekly") -> int:
    number = len(session.scalars(select(Observation.series_id).distinct()).all())
    metric = session.get_one(Metric, cast.metrics["win-rate"])
    draft = SeriesDraft(
        key=f"tried-{number}",
        metric_id=metric.id,
        org_unit_id=cast.org_units["sales"],
        segment=f"tried-{number}",
        cadence=cadence,
    )
    return define_series(session, draft, by="system:tests", now=START).id


def drafts(series_id: int, said: Iterable[Statement]) -> list[ObservationDraft]:
    return [
        ObservationDraft(
            series_id,
            START + timedelta(weeks=week),
            value,
            numerator=value,
            recorded_at=None if day is None else START + timedelta(days=day),
            reported_by=who,
        )
        for week, value, day, who in said
    ]


def replay(session: Session, series_id: int, until: datetime) -> dict[datetime, float | None]:
    """Apply what was recorded until a day, one statement after the other."""
    rows = session.scalars(select(Observation).where(Observation.series_id == series_id)).all()
    known: dict[datetime, float | None] = {}
    for row in sorted(rows, key=lambda row: (row.recorded_at, row.id)):
        if row.recorded_at <= until:
            known[row.period_start] = row.value
    return known


def columns_of(session: Session, series_id: int) -> list[dict[str, object]]:
    rows = session.scalars(
        select(SeriesColumn).where(SeriesColumn.series_id == series_id).order_by(SeriesColumn.stretch)
    )
    return [{name: getattr(row, name) for name in SeriesColumn.__table__.columns.keys()} for row in rows]  # noqa: SIM118  # the columns' names


@QUICK
@given(batches=BATCHES, days=st.lists(st.integers(0, 130), min_size=1, max_size=3))
def test_as_known_on_a_day_equals_the_replay_until_that_day(
    database: Database, cast: Cast, batches: Batches, days: list[int]
) -> None:
    now = START + timedelta(days=30)
    with database.write() as session:
        series_id = new_series(session, cast)
        for passed, said in batches:
            now += timedelta(days=passed)
            record_observations(session, drafts(series_id, said), now=now)
    with database.read() as session:
        recorded = session.scalars(select(Observation.recorded_at).where(Observation.series_id == series_id)).all()
        assert all(at <= now for at in recorded)
        for at in [START + timedelta(days=day) for day in days]:  # everything above happens at the turn of a day
            for until in (at, at - timedelta(microseconds=1)):
                expected = replay(session, series_id, until)
                seen = observations_as_of(session, series_id, until)
                assert {one.period_start: one.value for one in seen} == expected
                known = build_history(session, until, [series_id]).observations.latest
                pairs = zip(known.start, known.value, strict=True)
                of_columns = {from_micros(int(at)): None if np.isnan(value) else float(value) for at, value in pairs}
                assert of_columns == expected


@QUICK
@given(batches=BATCHES)
def test_the_columns_kept_beside_the_ledger_equal_those_derived_from_it(
    database: Database, cast: Cast, batches: Batches
) -> None:
    now = START + timedelta(days=30)
    with database.write() as session:
        series_id = new_series(session, cast)
        for days, said in batches:
            now += timedelta(days=days)
            record_observations(session, drafts(series_id, said), now=now)
        kept = columns_of(session, series_id)
        rebuild_columns(session, series_id)
        session.expire_all()
        assert columns_of(session, series_id) == kept


@QUICK
@given(batches=BATCHES)
def test_the_same_batch_again_adds_nothing(database: Database, cast: Cast, batches: Batches) -> None:
    now = START + timedelta(days=70)
    with database.write() as session:
        series_id = new_series(session, cast)
        for days, said in batches:
            now += timedelta(days=days)
            record_observations(session, drafts(series_id, said), now=now)
            assert record_observations(session, drafts(series_id, said), now=now).created == 0
            later = now + timedelta(days=1)
            assert record_observations(session, drafts(series_id, said), now=later).created == 0


@QUICK
@given(batches=BATCHES)
def test_news_without_a_timestamp_never_changes_what_was_known(
    database: Database, cast: Cast, batches: Batches
) -> None:
    now = START + timedelta(days=70)
    with database.write() as session:
        series_id = new_series(session, cast)
        first = [(week, 9.0, None, None) for week in range(4)]
        record_observations(session, drafts(series_id, first), now=now)
        for days, said in batches:
            before = replay(session, series_id, now)
            yesterday, now = now, now + timedelta(days=days + 1)
            untold = [(week, value, None, who) for week, value, _, who in said]
            record_observations(session, drafts(series_id, untold), now=now)
            assert replay(session, series_id, yesterday) == before


@QUICK
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 9)), min_size=1, max_size=8), min_size=1, max_size=4
    )
)
def test_a_fast_series_is_kept_in_stretches_that_join_without_a_seam(
    database: Database, cast: Cast, batches: list[list[tuple[int, int]]]
) -> None:
    now = START + timedelta(days=200)
    with database.write() as session:
        series_id = new_series(session, cast, "PT5M")
        for batch in batches:
            told = [
                ObservationDraft(series_id, START + timedelta(minutes=5 * place), float(value))
                for place, value in batch
            ]
            record_observations(session, told, now=now)
        observations = build_history(session, now, [series_id]).observations
        expected = replay(session, series_id, now)
        assert observations.latest.start.tolist() == sorted(map(to_micros, expected))
        assert observations.latest.value.tolist() == [
            expected[from_micros(at)] for at in observations.latest.start.tolist()
        ]


def test_columns_read_back_what_was_packed() -> None:
    rows = [
        (2, 3, 5, True, None, 1.5, None, "ada", None, "sagt: »ja«"),
        (1, 2, 9, False, 0.1, None, None, None, "rec_1", None),
        (1, 2, 4, False, float("-0.0"), None, None, "bo", "rec_1", None),
    ]
    columns = Columns.of(rows).sorted()
    packed = columns.pack()
    read = Columns.unpack([[packed[name] for name in PACKED]])
    assert packed["denominators"] == b""
    assert read.starts.tolist() == [1, 1, 2]
    assert read.recorded.tolist() == [4, 9, 5]
    assert read.imputed.tolist() == [False, False, True]
    assert read.reported_by.tolist() == ["bo", "", "ada"]
    assert read.note.tolist() == ["", "", "sagt: »ja«"]
    np.testing.assert_array_equal(read.values, [-0.0, 0.1, np.nan])
    np.testing.assert_array_equal(read.denominators, [np.nan] * 3)


def test_columns_without_rows_say_nothing() -> None:
    packed = Columns.of(()).pack()
    assert len(Columns.unpack([[packed[name] for name in PACKED]])) == 0
    assert len(Columns.unpack([])) == 0
