"""What was known at one instant."""

from __future__ import annotations

import numpy as np
import pytest

from rules.calendars import Calendar
from rules.columns import Texts
from rules.errors import CalendarError, HistoryError
from rules.history import History, Scope
from rules.tables import Observations, Series


def words(*values: str) -> Texts:
    return np.array(values, dtype=object)


def tree() -> History:
    return History.build(
        as_of="2026-03-31",
        series=[{"id": "s1"}, {"id": "s2"}, {"id": "s3"}],
        objectives=[
            {"id": "o1"},
            {"id": "o2"},
            {"id": "kr1", "parent": "o1", "level": "key_result"},
            {"id": "kr2", "parent": "o1", "level": "key_result"},
        ],
        links=[
            {"source": "kr1", "target": "s1", "kind": "measures"},
            {"source": "s2", "target": "kr2", "kind": "measures"},
            {"source": "o2", "target": "s3", "kind": "measures"},
            {"source": "o2", "target": "s1", "kind": "depends"},
        ],
    )


class TestBuilding:
    def test_an_empty_history_has_every_table(self) -> None:
        history = History(as_of=0)
        assert len(history.series) == len(history.observations) == len(history.feeds) == 0
        assert history.observations.offsets.tolist() == [0]

    def test_a_plain_date_means_the_end_of_that_day_in_the_default_calendar(self) -> None:
        history = History.build(as_of="2026-03-31", calendars=[Calendar(name="default", zone="Europe/Berlin")])
        assert history.as_of == Calendar().read("2026-03-31T22:00:00Z")
        assert History.build(as_of="2026-03-31").as_of == Calendar().read("2026-04-01")
        assert History.build(as_of=7).as_of == 7

    def test_ready_columns_are_taken_as_they_are(self) -> None:
        value = np.array([1.0, 2.0])
        history = History(
            as_of=100,
            series=Series.of(id=words("a", "b")),
            observations=Observations.of(
                start=np.array([0, 1]), value=value, recorded_at=np.array([5, 5]), offsets=np.array([0, 0, 2])
            ),
        )
        assert np.shares_memory(history.observations.value, value)
        assert history.targets.offsets.tolist() == [0, 0, 0]

    def test_grouped_tables_have_to_speak_of_the_same_series(self) -> None:
        observations = Observations.of(start=np.array([0]), value=np.array([1.0]), offsets=np.array([0, 1]))
        with pytest.raises(HistoryError, match=r"observations.offsets has 2 entries, 2 series need one more"):
            History(as_of=0, series=Series.of(id=words("a", "b")), observations=observations)

    def test_unsorted_columns_are_refused(self) -> None:
        observations = Observations.of(start=np.array([1, 0]), value=np.zeros(2), offsets=np.array([0, 2]))
        with pytest.raises(
            HistoryError, match="observations is not sorted by start and recorded_at within each series"
        ):
            History(as_of=0, series=Series.of(id=words("a")), observations=observations)

    def test_columns_that_look_ahead_are_refused(self) -> None:
        observations = Observations.of(
            start=np.array([0]), value=np.zeros(1), recorded_at=np.array([8]), offsets=np.array([0, 1])
        )
        series = Series.of(id=words("a"))
        assert len(History(as_of=8, series=series, observations=observations).observations) == 1
        with pytest.raises(HistoryError, match="observations has rows recorded after as_of"):
            History(as_of=7, series=series, observations=observations)

    def test_a_calendar_that_is_not_there_is_named(self) -> None:
        with pytest.raises(HistoryError, match=r"calendar 'berlni', which is not there; did you mean 'berlin'"):
            History.build(as_of=0, calendars=[{"name": "berlin"}], series=[{"id": "a", "calendar": "berlni"}])

    def test_a_cadence_that_is_none_is_named(self) -> None:
        with pytest.raises(CalendarError, match="'montly' is no cadence"):
            History(as_of=0, series=Series.of(id=words("a"), cadence=words("montly")))

    def test_the_calendar_of_a_series_or_the_default_one(self) -> None:
        berlin = Calendar(name="berlin", zone="Europe/Berlin")
        assert History(as_of=0, calendars={"berlin": berlin}).calendar("berlin") is berlin
        assert History(as_of=0).calendar("") == Calendar()
        house = Calendar(name="default", zone="Asia/Tokyo")
        assert History(as_of=0, calendars={"default": house}).calendar("") is house


class TestSubjects:
    def test_key_results_and_objectives_share_a_table_and_are_told_apart(self) -> None:
        history = tree()
        ids = history.objectives.id
        assert ids[history.rows("key_result")].tolist() == ["kr1", "kr2"]
        assert ids[history.rows("objective")].tolist() == ["o1", "o2"]
        assert history.rows("series").tolist() == [0, 1, 2]
        assert history.subjects("series") is history.series
        assert history.subjects("objective") is history.objectives

    def test_a_detector_is_asked_about_all_series_unless_it_is_told_otherwise(self) -> None:
        history = tree()
        assert history.asked.kind == "series"
        assert history.asked.rows.tolist() == [0, 1, 2]
        scoped = history.scoped("key_result", np.array([2]))
        assert scoped.asked == Scope("key_result", scoped.asked.rows)
        assert scoped.asked.rows.tolist() == [2]
        assert scoped.observations.value is history.observations.value or len(history.observations) == 0

    def test_a_link_in_either_direction_measures_and_reaches_the_parent(self) -> None:
        history = tree()
        pairs = history.measures("key_result")
        named = [
            (history.objectives.id[subject], history.series.id[series]) for subject, series in zip(*pairs, strict=True)
        ]
        assert named == [("kr1", "s1"), ("kr2", "s2"), ("o1", "s1"), ("o1", "s2"), ("o2", "s3")]

    def test_a_series_measures_itself(self) -> None:
        pairs = tree().measures("series")
        assert pairs.subject.tolist() == pairs.series.tolist() == [0, 1, 2]

    def test_a_child_objective_does_not_measure_its_parent(self) -> None:
        history = History.build(
            as_of=0,
            series=[{"id": "s"}],
            objectives=[{"id": "o"}, {"id": "child", "parent": "o", "level": "team"}],
            links=[{"source": "child", "target": "s", "kind": "measures"}],
        )
        assert history.objectives.id[history.measures("objective").subject].tolist() == ["child"]

    def test_a_subject_measured_in_another_block_is_not_whole_here(self) -> None:
        history = History.build(
            as_of=0,
            series=[{"id": "s1"}],
            objectives=[
                {"id": "o1"},
                {"id": "o2"},
                {"id": "kr1", "parent": "o1", "level": "key_result"},
                {"id": "kr2", "parent": "o2", "level": "key_result"},
            ],
            links=[
                {"source": "kr1", "target": "s1", "kind": "measures"},
                {"source": "kr2", "target": "elsewhere", "kind": "measures"},
            ],
        )
        ids = history.objectives.id
        assert ids[history.whole("key_result")].tolist() == ["kr1"]
        assert ids[history.whole("objective")].tolist() == ["o1"]
        assert history.whole("series").tolist() == [0]


def test_evidence_names_table_and_series_and_no_person() -> None:
    history = History.build(
        as_of="2026-03-31",
        series=[{"id": "a", "cadence": "weekly", "owner": "ann"}],
        observations=[
            {
                "series": "a",
                "start": "2026-03-02",
                "value": 4,
                "recorded_at": "2026-03-10",
                "reported_by": "bob",
                "note": "x",
            }
        ],
    )
    assert history.describe(history.observations, 0) == {
        "table": "observations",
        "series": "a",
        "start": "2026-03-02T00:00:00Z",
        "end": "2026-03-09T00:00:00Z",
        "value": 4.0,
        "recorded_at": "2026-03-10T23:59:59.999999Z",
        "recorded_imputed": False,
    }
    assert history.describe(history.series, 0, "id", "owner", "cadence") == {
        "table": "series",
        "id": "a",
        "cadence": "weekly",
    }
