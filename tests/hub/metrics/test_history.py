"""What rules see of the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.core.database import Database
from hub.core.instants import to_micros
from hub.metrics.history import Filled, Known, build_history, install, related_series
from hub.metrics.latest import latest_of
from hub.metrics.models import Metric, Series, Status
from hub.metrics.service import ObservationDraft, TargetDraft, record_observations, record_targets
from hub.people.models import OrgUnit, Person
from rules.calendars import Calendar
from rules.durations import Duration
from rules.history import History
from tests.factories import Cast, SettableClock

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def fill_ledger(session: Session, cast: Cast, now: datetime) -> None:
    rate, calls = cast.series["win-rate"], cast.series["calls"]
    told = ObservationDraft(
        rate, MONDAY, 0.4, numerator=4, denominator=10, reported_by="p-1", source="rec_1", note="ok"
    )
    drafts = [
        replace(told, recorded_at=MONDAY + WEEK),
        replace(told, value=0.5, numerator=5, recorded_at=MONDAY + 3 * WEEK, note=None),
        ObservationDraft(calls, MONDAY, 12, recorded_at=MONDAY + timedelta(days=1)),
    ]
    record_observations(session, reversed(drafts), now=now)
    record_targets(session, [TargetDraft(calls, MONDAY, 20, threshold=15, recorded_at=MONDAY)], now=now)


def test_every_series_is_described_by_public_ids_and_its_org_unit_by_key(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    with database.write() as session:
        fill_ledger(session, cast, clock())
        history = build_history(session, clock())
        rows = {row.key: row for row in session.query(Series)}
        metrics = {row.key: row.public_id for row in session.query(Metric)}
    series = history.series
    assert series.id.tolist() == [rows[key].public_id for key in ("win-rate", "calls", "backlog")]
    assert series.metric.tolist() == [metrics[key] for key in ("win-rate", "calls", "backlog")]
    assert series.org_unit.tolist() == ["sales", "sales", "support"]
    assert series.function.tolist() == ["sales", "sales", "support"]
    assert series.direction.tolist() == ["up", "up", "down"]
    assert series.latency.tolist() == [Duration(days=3), None, Duration(days=5)]
    assert series.labels.tolist() == [{"key": key} for key in ("win-rate", "calls", "backlog")]
    assert history.calendars["berlin"] == Calendar(name="berlin", zone="Europe/Berlin")


def test_all_versions_stand_by_series_period_and_when_they_were_known(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    with database.write() as session:
        fill_ledger(session, cast, clock())
        history = build_history(session, clock())
    seen = history.observations
    assert seen.offsets.tolist() == [0, 2, 3, 3]
    assert seen.value.tolist() == [0.4, 0.5, 12.0]
    np.testing.assert_array_equal(seen.denominator, [10, 10, np.nan])
    assert seen.reported_by.tolist() == ["p-1", "p-1", ""]
    assert seen.note.tolist() == ["ok", "", ""]
    assert seen.end[0] - seen.start[0] == WEEK // timedelta(microseconds=1)
    assert history.targets.offsets.tolist() == [0, 0, 1, 1]
    assert history.targets.threshold.tolist() == [15]
    assert history.definitions.wording.tolist().count("What sales means by calls.") == 1


def test_nothing_recorded_later_is_seen(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        fill_ledger(session, cast, clock())
        early = build_history(session, MONDAY + 2 * WEEK)
        nothing = build_history(session, MONDAY - WEEK)
    assert early.observations.value.tolist() == [0.4, 12.0]
    assert early.as_of == to_micros(MONDAY + 2 * WEEK)
    for table in (nothing.observations, nothing.targets, nothing.definitions):
        assert len(table) == 0


def test_a_part_is_the_same_as_in_the_whole(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        fill_ledger(session, cast, clock())
        part = build_history(session, clock(), [cast.series["calls"]])
        none = build_history(session, clock(), [])
    assert len(part.series) == 1
    assert part.observations.value.tolist() == [12.0]
    assert part.targets.target.tolist() == [20.0]
    assert (len(none.series), len(none.observations)) == (0, 0)


def test_a_person_who_left_was_active_before(database: Database, cast: Cast, clock: SettableClock) -> None:
    left = MONDAY + WEEK
    with database.write() as session:
        session.execute(update(Person).where(Person.id == cast.persons["ada"]).values(active=False, left_at=left))
        before, after = (build_history(session, at).people for at in (left - WEEK, clock()))
    assert before.active.tolist() == [True, True, True, True]
    assert after.active.tolist() == [False, True, True, True]
    assert after.left_at[0] == to_micros(left)


def test_a_function_counts_for_the_parts_below(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        session.execute(update(OrgUnit).where(OrgUnit.key == "acme").values(function="operations"))
        session.execute(update(OrgUnit).where(OrgUnit.key == "support").values(function=None))
        assert build_history(session, clock()).series.function.tolist() == ["sales", "sales", "operations"]


def test_a_retired_series_is_marked(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        session.execute(update(Metric).where(Metric.key == "calls").values(status=Status.RETIRED))
        assert build_history(session, clock()).series.retired.tolist() == [False, True, False]


def test_areas_above_fill_tables_and_columns_of_their_own(database: Database, cast: Cast, clock: SettableClock) -> None:
    def fill(_session: Session, known: Known) -> Filled:
        first = next(islice(known.series.values(), 1))
        return Filled(series={"owner": {first: "per_1"}}, more={"deals": ({"id": 1},)})

    install(database.info, [fill])
    with database.read() as session:
        history: History = build_history(session, clock())
    assert history.series.owner.tolist() == ["per_1", "", ""]
    assert history.more == {"deals": ({"id": 1},)}


def test_rules_get_what_they_compare_a_series_with(database: Database, cast: Cast) -> None:
    rate, calls, backlog = (cast.series[key] for key in ("win-rate", "calls", "backlog"))
    with database.write() as session:
        session.get_one(Series, rate).guardrail_id = backlog
        session.flush()
        assert related_series(session, [rate]) == {rate, backlog}
        assert related_series(session, [backlog]) == {rate, backlog}
        assert related_series(session, [calls]) == {calls}
        session.get_one(Series, rate).peers = session.get_one(Series, calls).peers = "sales"
        session.flush()
        assert related_series(session, [calls]) == {calls, rate, backlog}


def test_lists_show_the_last_period_that_has_a_value(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        fill_ledger(session, cast, clock())
        withdrawn = ObservationDraft(cast.series["calls"], MONDAY + timedelta(days=1), None, numerator=1)
        record_observations(session, [withdrawn], now=clock())
        last = latest_of(session, cast.series.values(), known_on=clock())
    assert {series: seen.value for series, seen in last.items()} == {
        cast.series["win-rate"]: 0.5,
        cast.series["calls"]: 12.0,
    }
