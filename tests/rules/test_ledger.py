"""From plain rows to columns, as known on a day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from rules.calendars import UNKNOWN, Calendar
from rules.durations import Duration
from rules.errors import HistoryError
from rules.ledger import Ledger

BERLIN = {"name": "berlin", "zone": "Europe/Berlin", "workdays": [0, 1, 2, 3, 4], "days_off": ["2026-04-03"]}
SERIES = [{"id": "b", "cadence": "monthly", "latency": "3d", "calendar": "berlin"}, {"id": "a", "cadence": "weekly"}]


def at(text: str) -> int:
    return Calendar().read(text)


def known(as_of: str = "2027-01-01", **rows: Any) -> dict[str, Any]:  # noqa: ANN401 - tables of any kind
    given: dict[str, Any] = {"calendars": [BERLIN], "series": SERIES}
    return Ledger.of(**(given | rows)).known(at(as_of))


class TestReading:
    def test_values_may_be_typed_or_text(self) -> None:
        series = known(
            series=[
                {
                    "id": "typed",
                    "latency": Duration(days=2),
                    "thresholds": (1, 2.5),
                    "incentive": True,
                    "labels": {"a": 1},
                },
                {"id": "worded", "latency": "2d", "thresholds": "1;2.5", "incentive": "TRUE", "labels": {"a": "1"}},
            ]
        )["series"]
        assert series.id.tolist() == ["typed", "worded"]
        assert series.latency.tolist() == [Duration(days=2)] * 2
        assert series.thresholds.tolist() == [(1.0, 2.5)] * 2
        assert series.incentive.tolist() == [True, True]
        assert series.labels.tolist() == [{"a": "1"}] * 2

    def test_a_single_threshold_is_a_list_of_one(self) -> None:
        assert known(series=[{"id": "x", "thresholds": 95}])["series"].thresholds[0] == (95.0,)

    def test_empty_and_absent_values_are_unknown(self) -> None:
        series = known(series=[{"id": "x", "latency": "", "since": None}])["series"]
        assert series.latency[0] is None
        assert series.since[0] == UNKNOWN
        assert series.title[0] == ""
        assert series.thresholds[0] == ()
        assert known(people=[{"id": "p"}])["people"].active.tolist() == [True]

    def test_an_observation_may_have_no_value(self) -> None:
        observations = known(observations=[{"series": "a", "start": "2026-01-05", "value": ""}])["observations"]
        assert np.isnan(observations.value[0])

    def test_instants_may_be_given_in_four_ways(self) -> None:
        moments = [0, datetime(2026, 1, 5, tzinfo=UTC), date(2026, 1, 6), "2026-01-07T00:00:00Z"]
        rows = [{"series": "a", "start": moment, "value": 1} for moment in moments]
        starts = known(observations=rows)["observations"].start.tolist()
        assert starts == [0, at("2026-01-05"), at("2026-01-06"), at("2026-01-07")]

    def test_a_plain_date_is_a_whole_day_in_the_series_calendar(self) -> None:
        row = {"series": "b", "start": "2026-01-01", "end": "2026-01-31", "value": 1, "recorded_at": "2026-02-02"}
        observations = known(observations=[row])["observations"]
        assert observations.start[0] == at("2025-12-31T23:00:00Z")
        assert observations.end[0] == at("2026-01-31T23:00:00Z")
        assert observations.recorded_at[0] == at("2026-02-02T23:00:00Z") - 1

    def test_a_series_without_a_calendar_uses_the_default_one(self) -> None:
        default = Calendar(name="default", zone="America/New_York")
        row = {"series": "a", "start": "2026-01-05", "value": 1}
        assert known(calendars=[default, BERLIN], observations=[row])["observations"].start[0] == at(
            "2026-01-05T05:00:00Z"
        )

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ({"start": "2026-01-05", "valeu": 1}, "row 1: there is no column 'valeu'; did you mean 'value'"),
            ({"start": "2026-01-05", "value": "many"}, "row 1, value: could not convert"),
            ({"start": "2026-01-05", "value": "inf"}, "row 1, value: 'inf' is no number"),
            ({"start": "2026-01-05", "value": "nan"}, "row 1, value: 'nan' is no number"),
            ({"start": "2026-01-05", "value": True}, "row 1, value: True is no number"),
            ({"value": 1}, "row 1: start is missing"),
            ({"start": "soon", "value": 1}, "row 1, start: 'soon' is no date"),
            ({"start": True, "value": 1}, "row 1, start: True is no instant"),
            ({"start": 1.5, "value": 1}, "row 1, start: 1.5 is no instant"),
            ({"start": "2026-01-05", "value": 1, "series": ""}, "row 1: series is missing"),
        ],
    )
    def test_an_error_names_table_row_and_column(self, value: dict[str, Any], message: str) -> None:
        with pytest.raises(HistoryError, match=f"observations {message}"):
            Ledger.of(observations=[{"series": "a"} | value])

    def test_the_second_row_is_called_so(self) -> None:
        with pytest.raises(HistoryError, match="people row 2, active: 'perhaps' is neither true nor false"):
            Ledger.of(people=[{"id": "p"}, {"id": "q", "active": "perhaps"}])
        with pytest.raises(HistoryError, match="series row 1, latency: 'soon' is no duration"):
            Ledger.of(series=[{"id": "x", "latency": "soon"}])
        with pytest.raises(HistoryError, match="links row 1: kind is missing"):
            Ledger.of(links=[{"source": "a", "target": "b"}])

    def test_an_unknown_table_is_refused_with_the_nearest_name(self) -> None:
        rows: Any = {"observation": []}
        with pytest.raises(HistoryError, match="there is no table 'observation'; did you mean 'observations'"):
            Ledger.of(**rows)

    @pytest.mark.parametrize(
        "wrong", [{"name": "x", "zone": "Nowhere"}, {"name": "x", "zon": "UTC"}, {"name": "x", "days_off": ["soon"]}]
    )
    def test_a_wrong_calendar_is_named(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(HistoryError, match="calendar 'x'"):
            Ledger.of(calendars=[wrong])

    def test_a_calendar_row_is_read_whole(self) -> None:
        calendar = Ledger.of(calendars=[BERLIN]).calendars["berlin"]
        assert calendar == Calendar(name="berlin", zone="Europe/Berlin", days_off=frozenset({date(2026, 4, 3)}))


class TestCompleting:
    def test_a_missing_end_follows_from_the_cadence(self) -> None:
        rows = [{"series": "b", "start": "2026-01-01", "value": 1}, {"series": "a", "start": "2026-01-05", "value": 1}]
        observations = known(observations=rows)["observations"]
        assert observations.end.tolist() == [at("2026-01-12"), at("2026-01-31T23:00:00Z")]

    def test_without_a_cadence_a_date_is_one_day_and_an_instant_is_itself(self) -> None:
        rows = [{"series": "x", "start": start, "value": 1} for start in ("2026-01-05", "2026-01-06T08:00:00Z")]
        observations = known(series=[{"id": "x"}], observations=rows)["observations"]
        assert observations.end.tolist() == [at("2026-01-06"), at("2026-01-06T08:00:00Z")]

    def test_a_target_gets_its_end_in_the_same_way(self) -> None:
        targets = known(targets=[{"series": "a", "start": "2026-01-05", "target": 1}])["targets"]
        assert targets.end.tolist() == [at("2026-01-12")]
        assert targets.recorded_at.tolist() == [UNKNOWN]

    def test_an_unknown_recorded_time_is_imputed_from_the_promise(self) -> None:
        rows = [
            {"series": "b", "start": "2026-03-01", "value": 1},
            {"series": "a", "start": "2026-01-05", "value": 1},
            {"series": "a", "start": "2026-01-12", "value": 1, "recorded_at": "2026-01-20"},
            {"series": "a", "start": "2026-01-19", "value": 1, "recorded_at": "2026-01-27", "recorded_imputed": True},
        ]
        observations = known(observations=rows)["observations"]
        assert observations.recorded_imputed.tolist() == [True, False, True, True]
        assert observations.recorded_at[0] == at("2026-01-12")
        assert observations.recorded_at[3] == at("2026-04-03T22:00:00Z")

    def test_an_imputed_value_is_not_known_before_it_was_promised(self) -> None:
        rows = [{"series": "b", "start": "2026-03-01", "end": "2026-03-31", "value": 1}]
        assert len(known("2026-04-03", observations=rows)["observations"]) == 0
        assert len(known("2026-04-04", observations=rows)["observations"]) == 1


class TestKnowing:
    def test_what_was_recorded_later_is_left_out_of_every_table(self) -> None:
        later = {"recorded_at": "2026-06-01"}
        rows: dict[str, Any] = {
            "series": [{"id": "a"}, {"id": "z"} | later],
            "observations": [{"series": "a", "start": "2026-01-05", "value": 1} | later],
            "targets": [{"series": "a", "start": "2026-01-05", "target": 1} | later],
            "records": [{"series": "a", "value": 1} | later],
            "events": [{"item": "i", "event": "closed", "time": "2026-01-05"} | later],
            "org_units": [{"id": "u"} | later],
            "people": [{"id": "p"} | later],
            "ownership": [{"subject": "a", "role": "owner", "person": "p"} | later],
            "objectives": [{"id": "o"} | later],
            "links": [{"source": "a", "target": "o", "kind": "measures"} | later],
            "definitions": [{"metric": "m"} | later],
            "feeds": [{"series": "a", "last_attempt": "2026-06-01"}],
            "more": {"extra": [{"recorded_at": at("2026-06-01")}, {"always": 1}]},
        }
        before = known("2026-05-31", **rows)
        assert {name: len(table) for name, table in before.items() if name not in ("calendars", "more")} == {
            name: int(name == "series") for name in rows if name != "more"
        }
        assert before["more"]["extra"] == ({"always": 1},)
        after = known("2026-06-02", **rows)
        assert {len(table) for name, table in after.items() if name not in ("calendars", "more", "series")} == {1}
        assert len(after["more"]["extra"]) == 2

    def test_the_instant_of_recording_itself_is_known(self) -> None:
        now = {"recorded_at": "2026-06-01T00:00:00Z"}
        rows: dict[str, Any] = {
            "observations": {"series": "a", "start": "2026-01-05", "value": 1},
            "people": {"id": "p"},
            "events": {"item": "i", "event": "closed", "time": "2026-01-05"},
        }
        for name, row in rows.items():
            assert len(known("2026-06-01", **{name: [row | now]})[name]) == 1
            assert len(known("2026-05-31T23:59:59.999999Z", **{name: [row | now]})[name]) == 0

    def test_of_several_versions_of_a_row_the_latest_known_holds(self) -> None:
        rows = [
            {"id": "a", "title": "new", "recorded_at": "2026-02-01"},
            {"id": "a", "title": "old", "recorded_at": "2026-01-01"},
            {"id": "a", "title": "future", "recorded_at": "2026-03-01"},
        ]
        assert known("2026-02-15", series=rows)["series"].title.tolist() == ["new"]

    def test_feeds_without_a_recorded_time_are_as_old_as_their_attempt(self) -> None:
        rows = [
            {"series": "a", "last_attempt": "2026-02-01", "error": "AuthError"},
            {"series": "a", "last_attempt": "2026-01-01"},
        ]
        assert known("2026-01-15", feeds=rows)["feeds"].error.tolist() == [""]
        assert known("2026-02-15", feeds=rows)["feeds"].error.tolist() == ["AuthError"]

    def test_rows_of_an_unknown_series_are_left_out(self) -> None:
        rows = [
            {"series": "nobody", "start": "2026-01-05", "value": 1},
            {"series": "a", "start": "2026-01-05", "value": 2},
        ]
        observations = known(observations=rows)["observations"]
        assert observations.value.tolist() == [2.0]

    def test_rows_are_sorted_by_series_period_and_recorded_time(self) -> None:
        rows = [
            {"series": "b", "start": "2026-01-01", "value": 5, "recorded_at": "2026-02-02"},
            {"series": "a", "start": "2026-01-12", "value": 4, "recorded_at": "2026-01-20"},
            {"series": "a", "start": "2026-01-05", "value": 3, "recorded_at": "2026-01-16"},
            {"series": "a", "start": "2026-01-05", "value": 2, "recorded_at": "2026-01-14"},
            {"series": "a", "start": "2026-01-05", "value": 1, "recorded_at": "2026-01-14"},
        ]
        tables = known(observations=rows)
        assert tables["series"].id.tolist() == ["a", "b"]
        assert tables["observations"].value.tolist() == [1, 2, 3, 4, 5]
        assert tables["observations"].offsets.tolist() == [0, 4, 5]

    def test_other_tables_are_sorted_by_their_own_key(self) -> None:
        events = [
            {"item": "2", "event": "closed", "time": "2026-01-02"},
            {"item": "1", "event": "reopened", "time": "2026-01-05"},
            {"item": "1", "event": "closed", "time": "2026-01-02"},
        ]
        found = known(events=events)["events"]
        assert list(zip(found.item, found.event, strict=True)) == [("1", "closed"), ("1", "reopened"), ("2", "closed")]

    def test_rows_that_tie_in_everything_but_an_object_are_sorted_too(self) -> None:
        rows = [
            {"id": "a", "thresholds": "2", "recorded_at": "2026-01-01"},
            {"id": "a", "thresholds": "1", "recorded_at": "2026-01-01"},
        ]
        assert known(series=rows)["series"].thresholds[0] == known(series=rows[::-1])["series"].thresholds[0]
