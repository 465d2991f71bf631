"""Rows become observations: series found or founded, cells read, what cannot be used put aside with its remedy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.connections.service import find_connection
from hub.core.errors import InvalidInputError
from hub.core.privacy import PREFIX
from hub.metrics.history import Known as Asked
from hub.metrics.models import Metric, Observation, Series
from hub.metrics.service import MetricDraft, SeriesDraft, define_metric, define_series
from hub.people.models import OrgUnit
from hub.syncing.history import fill
from hub.syncing.mapping import LongLayout, Traits, read_mapping
from hub.syncing.models import Quarantined, QuarantineState, Record
from hub.syncing.service import feeds, reject_quarantined, retry_quarantined, set_mapping
from hub.syncing.service.storing import Known
from hub.syncing.service.subjects import guess_cadence, key_of
from hub.work.models import WorkItem
from tests.factories import Cast
from tests.hub.connections.test_outbox import ADA
from tests.hub.syncing.conftest import SyncBench
from tests.hub.syncing.honest_source import ROWS

WEEKS = ("2026-01-05", "2026-01-12", "2026-01-19")


@pytest.fixture
def rows(bench: SyncBench) -> SyncBench:
    """A tool whose records are rows in the long layout."""
    bench.source.stream = ROWS
    return bench


def values(bench: SyncBench, metric: str = "NPS") -> list[tuple[str, float | None]]:
    """Give what the ledger says now about each period of a metric, oldest version first."""
    with bench.database.read() as session:
        found = session.scalars(
            select(Observation)
            .join(Series, Series.id == Observation.series_id)
            .join(Metric, Metric.id == Series.metric_id)
            .where(Metric.key == key_of(metric))
            .order_by(Observation.period_start, Observation.recorded_at, Observation.id)
        )
        return [(f"{row.period_start:%m-%d}", row.value) for row in found]


def fed(session: Session, bench: SyncBench) -> Series:
    """Give the one series that the connection feeds."""
    return session.scalars(select(Series).where(Series.connection_id == bench.connection_id)).one()


def map_rows(bench: SyncBench, body: dict[str, object]) -> None:
    with bench.database.write() as session:
        set_mapping(session, find_connection(session, "source"), body, by="system:test", now=bench.clock())


def put(bench: SyncBench, key: str, week: str, value: object, **more: object) -> None:
    bench.source.put(key, metric="NPS", period_start=week, value=value, **more)


def test_rows_with_the_right_columns_need_no_mapping(rows: SyncBench) -> None:
    for number, week in enumerate(WEEKS):
        put(rows, str(number), week, 40 + number)

    rows.sync()

    assert values(rows) == [("01-05", 40), ("01-12", 41), ("01-19", 42)]
    with rows.database.read() as session:
        series = fed(session, rows)
        assert (series.key, series.cadence, series.connection_id) == ("NPS", "weekly", rows.connection_id)
        unit = session.scalars(select(OrgUnit.key).where(OrgUnit.id == series.org_unit_id)).one()
        assert unit == "sales"


def test_reading_everything_again_adds_nothing_to_the_ledger(rows: SyncBench) -> None:
    for number, week in enumerate(WEEKS):
        put(rows, str(number), week, 40 + number)
    rows.sync()

    rows.sync(full=True)

    assert len(values(rows)) == 3


def test_a_corrected_row_is_a_new_version_beside_the_old_one(rows: SyncBench) -> None:
    put(rows, "0", WEEKS[0], 40)
    rows.sync()
    put(rows, "0", WEEKS[0], 41)

    rows.sync()

    assert values(rows) == [("01-05", 40), ("01-05", 41)]


def test_a_row_that_is_gone_withdraws_its_value(rows: SyncBench) -> None:
    put(rows, "0", WEEKS[0], 40)
    put(rows, "1", WEEKS[1], 41)
    rows.sync()
    rows.source.remove("0")

    rows.sync(full=True)

    assert values(rows) == [("01-05", 40), ("01-05", None), ("01-12", 41)]


def test_a_row_that_moved_keeps_its_value(rows: SyncBench) -> None:
    put(rows, "0", WEEKS[0], 40)
    rows.sync()
    rows.source.remove("0")
    put(rows, "moved", WEEKS[0], 40)

    rows.sync(full=True)

    assert values(rows) == [("01-05", 40)]


@pytest.mark.parametrize("nested", [False, True])
def test_another_segment_does_not_keep_a_value_that_is_gone(rows: SyncBench, *, nested: bool) -> None:
    def row(segment: str) -> dict[str, object]:
        about: dict[str, object] = {"period_start": WEEKS[0], "segment": segment}
        return {"value": 40, "about": about} if nested else {"value": 40, "metric": "NPS", **about}

    if nested:
        named = {"period_start": "about.period_start", "segment": "about.segment"}
        map_rows(rows, {"streams": {"rows": {"columns": named, "metric": "NPS"}}})
    for key, segment in (("0", "north"), ("1", "south")):
        rows.source.put(key, **row(segment))
    rows.sync()
    rows.source.remove("0")
    rows.sync(full=True)
    assert sorted(values(rows), key=str) == [("01-05", 40), ("01-05", 40), ("01-05", None)]


def test_columns_with_other_names_are_read_as_the_mapping_says(rows: SyncBench) -> None:
    map_rows(
        rows,
        {
            "streams": {
                "rows": {
                    "columns": {"period_start": "Week", "value": "Score"},
                    "metric": "NPS",
                    "traits": {"unit": "points", "direction": "up", "cadence": "weekly", "latency": "3d"},
                }
            }
        },
    )
    rows.source.put("0", Week="2026-01-05", Score=40)

    rows.sync()

    assert values(rows) == [("01-05", 40)]
    with rows.database.read() as session:
        metric, series = session.scalars(select(Metric).where(Metric.key == "NPS")).one(), fed(session, rows)
        assert (metric.unit, metric.direction, series.cadence, series.latency) == ("points", "up", "weekly", "3d")


def test_a_mapping_with_a_typo_is_an_error_that_names_the_entry() -> None:
    with pytest.raises(InvalidInputError, match=r"mapping\.streams\.rows\.colums"):
        read_mapping({"streams": {"rows": {"colums": {}}}})


def test_a_changed_mapping_has_everything_read_again(rows: SyncBench) -> None:
    map_rows(rows, {"streams": {"rows": {"metric": "NPS"}}})
    map_rows(rows, {"streams": {"rows": {"metric": "CSAT"}}})
    map_rows(rows, {"streams": {"rows": {"metric": "CSAT"}}})

    with rows.database.read() as session:
        asked = session.scalars(select(WorkItem.payload).where(WorkItem.kind == "syncing.sync")).all()
    assert asked == [{"connection_id": rows.connection_id, "full": True}]


def test_rows_of_another_org_unit_or_segment_are_series_of_their_own(rows: SyncBench) -> None:
    put(rows, "0", WEEKS[0], 40)
    put(rows, "1", WEEKS[0], 50, org_unit="support")
    put(rows, "2", WEEKS[0], 60, segment="EMEA")

    rows.sync()

    with rows.database.read() as session:
        keys = session.scalars(
            select(Series.key).where(Series.connection_id == rows.connection_id).order_by(Series.id)
        ).all()
    assert keys == ["NPS", "NPS/support", "NPS/sales/EMEA"]


def test_a_series_that_is_defined_already_is_taken_over(rows: SyncBench, cast: Cast) -> None:
    with rows.database.write() as session:
        unit = cast.org_units["sales"]
        metric = define_metric(
            session, MetricDraft(key="NPS", name="NPS", org_unit_id=unit), by="system:test", now=rows.clock()
        )
        draft = SeriesDraft(key="nps-sales", metric_id=metric.id, org_unit_id=unit, cadence="weekly", latency="2d")
        define_series(session, draft, by="system:test", now=rows.clock())
    put(rows, "0", WEEKS[0], 40)

    rows.sync()

    with rows.database.read() as session:
        series = fed(session, rows)
        assert (series.key, series.latency, series.connection_id) == ("nps-sales", "2d", rows.connection_id)
    assert values(rows) == [("01-05", 40)]


def test_two_names_that_make_one_key_do_not_become_one_series(rows: SyncBench) -> None:
    for key, metric in (("1", "A b"), ("2", "A-b"), ("3", "A b")):
        rows.source.put(key, metric=metric, period_start=WEEKS[int(key) % 3], value=int(key))

    rows.sync()
    rows.sync(full=True)

    (item,) = rows.quarantined()
    assert (item.record_key, item.field) == ("2", "metric")
    assert item.reason == "'A-b' and 'A b' would both be the metric A-b"
    assert "Rename one" in item.remedy
    with rows.database.read() as session:
        counted = session.scalars(
            select(Observation.value).join(Series, Series.id == Observation.series_id).where(Series.key == "A-b")
        )
        assert sorted(value or 0 for value in counted) == [1, 3]
    rows.source.put("2", metric="A minus b", period_start=WEEKS[0], value=2)
    rows.sync()
    assert {item.state for item in rows.quarantined()} == {QuarantineState.SUPERSEDED}


UNUSABLE: list[tuple[dict[str, object], str, str]] = [
    ({"period_start": "05.01.2026"}, "period_start", "is no date"),
    ({"period_start": ""}, "period_start", "no period is named"),
    ({"period_end": "2026-01-01"}, "period_end", "ends before it begins"),
    ({"value": "forty"}, "value", "'forty' is no number"),
    ({"value": "inf"}, "value", "'inf' is no number"),
    ({"metric": " "}, "metric", "no metric is named"),
    ({"org_unit": "moon"}, "org_unit", "there is no org unit 'moon'"),
]


def test_unusable_cells_are_put_aside_with_place_and_remedy(rows: SyncBench) -> None:
    for number, (wrong, _, _) in enumerate(UNUSABLE):
        rows.source.put(str(number), **({"metric": "NPS", "period_start": WEEKS[0], "value": 40} | wrong))
    put(rows, "good", WEEKS[1], 41)

    report = rows.sync()

    found = {item.record_key: item for item in rows.quarantined()}
    assert report.streams["rows"].quarantined == len(UNUSABLE)
    for number, (_, column, reason) in enumerate(UNUSABLE):
        item = found[str(number)]
        assert (item.state, item.place, item.field) == (QuarantineState.WAITING, f"file.csv, row {number}", column)
        assert reason in item.reason
        assert item.remedy
    assert values(rows) == [("01-12", 41)]
    assert len(rows.records()) == len(UNUSABLE) + 1


def test_rows_that_contradict_each_other_are_both_put_aside(rows: SyncBench) -> None:
    put(rows, "0", WEEKS[0], 110)
    put(rows, "1", WEEKS[0], 1.2345)
    put(rows, "2", WEEKS[1], 41)
    put(rows, "3", WEEKS[1], 41)
    rows.sync()
    assert values(rows) == [("01-12", 41)]
    waiting = rows.quarantined()
    assert [item.record_key for item in waiting] == ["0", "1"]
    assert "say 110 and 1.2345" in waiting[0].reason
    assert "recorded_at" in waiting[0].remedy


def test_rows_that_say_when_each_was_recorded_do_not_contradict_each_other(rows: SyncBench) -> None:
    put(rows, "0", WEEKS[0], 110, recorded_at="2026-01-14")
    put(rows, "1", WEEKS[0], 112, recorded_at="2026-01-20")
    rows.sync()
    assert values(rows) == [("01-05", 110), ("01-05", 112)]
    assert rows.quarantined() == []


def test_what_the_connector_cannot_read_waits_until_it_is_repaired(rows: SyncBench) -> None:
    put(rows, "7", WEEKS[0], 40)
    rows.source.broken = {"7"}
    rows.sync()
    rows.sync(full=True)
    (item,) = rows.quarantined()
    assert (item.state, item.remedy) == (QuarantineState.WAITING, "Write a number.")

    rows.source.broken = set()
    rows.sync(full=True)

    assert [item.state for item in rows.quarantined()] == [QuarantineState.SUPERSEDED]
    assert values(rows) == [("01-05", 40)]


def test_an_unreadable_row_that_was_deleted_waits_no_longer(rows: SyncBench) -> None:
    put(rows, "7", WEEKS[0], 40)
    put(rows, "8", WEEKS[1], 40)
    rows.source.broken = {"7"}
    rows.sync()
    rows.source.remove("7")

    rows.sync(full=True)

    assert [item.state for item in rows.quarantined()] == [QuarantineState.SUPERSEDED]


def test_what_a_person_rejected_does_not_come_back(rows: SyncBench) -> None:
    put(rows, "7", WEEKS[0], "forty")
    rows.sync()
    with rows.database.write() as session:
        item = _merged(session, rows)
        reject_quarantined(session, item, note="a total", by=ADA, now=rows.clock())

    rows.sync(full=True)

    assert [item.state for item in rows.quarantined()] == [QuarantineState.REJECTED]


def test_a_retry_has_the_source_read_again(rows: SyncBench) -> None:
    put(rows, "7", WEEKS[0], "forty")
    rows.sync()

    with rows.database.write() as session:
        retry_quarantined(session, _merged(session, rows), by=ADA, now=rows.clock())

    with rows.database.read() as session:
        payload = session.scalars(select(WorkItem.payload).where(WorkItem.kind == "syncing.sync")).one()
    assert payload["full"] is True


def test_names_of_people_are_kept_as_the_mode_says(rows: SyncBench) -> None:
    put(rows, "7", WEEKS[0], 40, reported_by="Ada Lovelace", assignee={"accountId": "5b1", "displayName": "Ada"})

    rows.sync()

    data = rows.records()["7"]
    assert data["reported_by"].startswith(PREFIX)
    assert data["assignee"]["person"].startswith(PREFIX)
    with rows.database.read() as session:
        assert session.scalars(select(Observation.reported_by)).one() == data["reported_by"]
        stored = str([row.data for row in session.scalars(select(Record))])
    assert "Ada" not in stored


@pytest.mark.parametrize(("mode", "kept"), [("none", None), ("named", "Ada Lovelace")])
def test_other_modes_keep_nothing_or_the_name(rows: SyncBench, mode: str, kept: str | None) -> None:
    rows.settings = rows.settings.model_copy(update={"people_data": mode})
    put(
        rows,
        "7",
        WEEKS[0],
        40,
        reported_by="Ada Lovelace",
        assignee={"accountId": "5b1", "displayName": "Ada Lovelace"},
    )

    rows.sync()

    data = rows.records()["7"]
    assert (data["reported_by"], data["assignee"]) == (kept, {"person": kept})


def test_an_unreadable_row_keeps_no_name_either(rows: SyncBench) -> None:
    put(rows, "7", WEEKS[0], 40)
    rows.source.broken = {"7"}

    rows.sync()

    (item,) = rows.quarantined()
    assert item.raw["value"] == "abc"
    assert "Ada" not in str(item.raw)


def test_feeds_say_when_a_series_was_read_and_since_when_something_waits(rows: SyncBench) -> None:
    put(rows, "0", WEEKS[0], 40)
    rows.sync()
    put(rows, "1", WEEKS[1], "forty")
    rows.sync()

    with rows.database.read() as session:
        (feed,) = feeds(session)
        series = fed(session, rows)
        table = fill(session, Asked(rows.clock(), {series.id: series.public_id})).tables["feeds"]
    assert (feed.last_attempt, feed.last_success, feed.error) == (rows.clock(), rows.clock(), None)
    assert feed.quarantined_since == rows.clock()
    assert list(table.series) == [series.public_id]


@pytest.mark.parametrize(
    ("starts", "cadence"),
    [
        (["2026-01-05"], "monthly"),
        (["2026-01-05", "2026-01-06", "2026-01-09"], "daily"),
        (["2026-01-05", "2026-01-12", "2026-01-19"], "weekly"),
        (["2026-01-01", "2026-02-01", "2026-03-01"], "monthly"),
        (["2026-01-01", "2026-04-01"], "quarterly"),
        (["2025-01-01", "2026-01-01"], "yearly"),
        (["", "what"], "monthly"),
    ],
)
def test_a_cadence_is_read_off_the_first_periods(starts: list[str], cadence: str) -> None:
    records = [Known(1, "rec_1", "k", {"period_start": start}) for start in starts]

    assert guess_cadence(LongLayout(), records) == cadence


def test_traits_of_one_metric_win_over_those_of_all() -> None:
    layout = LongLayout(traits=Traits(unit="points"), metrics={"Revenue": Traits(unit="EUR")})

    assert (layout.traits_of("Revenue").unit, layout.traits_of("NPS").unit) == ("EUR", "points")


def test_an_instant_without_a_zone_is_the_calendars(rows: SyncBench) -> None:
    put(rows, "0", "2026-01-05T00:00:00Z", 40, recorded_at="2026-01-07")

    rows.sync()

    with rows.database.read() as session:
        seen = session.scalars(select(Observation)).one()
    assert seen.period_start == datetime(2026, 1, 5, tzinfo=UTC)
    assert seen.recorded_at == datetime(2026, 1, 7, 23, 59, 59, 999999, tzinfo=UTC)


def _merged(session: Session, bench: SyncBench) -> Quarantined:
    (item,) = bench.quarantined()
    return session.get_one(Quarantined, item.id)
