"""Frozen columns."""

from __future__ import annotations

import numpy as np
import pytest

from rules.calendars import UNKNOWN
from rules.columns import Table, Texts
from rules.durations import Duration
from rules.errors import HistoryError
from rules.tables import Feeds, Links, Observations, Series, Targets, tables


def words(*values: str) -> Texts:
    return np.array(values, dtype=object)


def three() -> Observations:
    return Observations.of(
        start=np.array([0, 0, 5]),
        value=np.array([1.0, 2.0, 3.0]),
        recorded_at=np.array([1, 2, 9]),
        offsets=np.array([0, 2, 3]),
    )


def test_ready_arrays_are_not_copied_and_become_read_only_views() -> None:
    value = np.array([1.0, 2.0])
    table = Observations.of(start=np.array([0, 1]), value=value, offsets=np.array([0, 2]))
    assert np.shares_memory(table.value, value)
    with pytest.raises(ValueError, match="read-only"):
        table.value[0] = 7
    value[0] = 7
    assert table.value[0] == 7


def test_columns_left_out_are_unknown_and_take_no_memory() -> None:
    table = three()
    assert np.isnan(table.numerator).all()
    assert (table.end == UNKNOWN).all()
    assert not table.recorded_imputed.any()
    assert (table.source == "").all()
    assert table.numerator.strides == (0,)
    assert table.take(np.array([True, False, True])).numerator.strides == (0,)
    assert table.take(np.array([], dtype=np.int64)).numerator.dtype == np.float64


def test_a_wrong_column_is_refused_by_name() -> None:
    with pytest.raises(HistoryError, match=r"observations has no column 'valeu': it has start, end, value"):
        Observations.of(valeu=np.array([1.0]))


def test_a_required_column_is_asked_for() -> None:
    with pytest.raises(HistoryError, match=r"observations\.value is missing: the value"):
        Observations.of(start=np.array([0]), offsets=np.array([0, 1]))


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(HistoryError, match=r"series\.metric has 1 rows, id has 2"):
        Series.of(id=words("a", "b"), metric=words("m"))


@pytest.mark.parametrize("offsets", [[0, 1], [1, 2], [0, 3, 2], [0, 2, 1, 2]])
def test_offsets_that_do_not_fit_are_refused(offsets: list[int]) -> None:
    with pytest.raises(HistoryError, match="offsets must rise from 0 to the number of rows, 2"):
        Observations.of(start=np.array([0, 1]), value=np.array([1.0, 2.0]), offsets=np.array(offsets))


@pytest.mark.parametrize("table", [*tables()])
def test_every_table_may_be_empty(table: type[Table]) -> None:
    empty = table.empty()
    assert len(empty) == 0
    assert len(table.of()) == 0 if not any(spec.required for spec in table.columns().values()) else True
    for name, spec in table.columns().items():
        assert getattr(empty, name).dtype == spec.dtype
        assert spec.meaning


def test_the_owner_of_a_row_is_its_series() -> None:
    assert three().owner.tolist() == [0, 0, 1]


def test_first_and_latest_version_of_each_period() -> None:
    assert three().first.value.tolist() == [1.0, 3.0]
    assert three().latest.value.tolist() == [2.0, 3.0]
    assert three().latest.offsets.tolist() == [0, 1, 2]


def test_equal_periods_of_two_series_are_not_versions() -> None:
    table = Targets.of(start=np.array([5, 5]), target=np.array([1.0, 2.0]), offsets=np.array([0, 1, 2]))
    assert table.latest is table
    assert table.first is table


def test_no_rows_have_no_versions() -> None:
    empty = Observations.empty()
    assert empty.offsets.tolist() == [0]
    assert empty.latest is empty
    assert empty.first is empty


@pytest.mark.parametrize(
    ("start", "recorded", "offsets", "expected"),
    [
        ([0, 0, 5], [1, 2, 0], [0, 3], True),
        ([0, 0, 5], [1, 1, 0], [0, 3], True),
        ([0, 0, 5], [2, 1, 0], [0, 3], False),
        ([5, 0, 9], [0, 0, 0], [0, 3], False),
        ([5, 0, 9], [0, 0, 0], [0, 1, 3], True),
    ],
)
def test_order_within_each_series_is_seen(
    start: list[int], recorded: list[int], offsets: list[int], *, expected: bool
) -> None:
    table = Observations.of(
        start=np.array(start), value=np.zeros(3), recorded_at=np.array(recorded), offsets=np.array(offsets)
    )
    assert table.is_sorted is expected


def test_taking_rows_of_a_grouped_table_keeps_the_groups() -> None:
    taken = three().take(np.array([1, 2]))
    assert taken.value.tolist() == [2.0, 3.0]
    assert taken.offsets.tolist() == [0, 1, 2]
    assert three().take(np.array([False, False, True])).offsets.tolist() == [0, 0, 1]


def test_ids_lead_to_rows() -> None:
    feeds = Feeds.of(series=words("b", "a"))
    assert feeds.row_of == {"b": 0, "a": 1}
    assert feeds.rows_of(words("a", "x", "b")).tolist() == [1, -1, 0]


def test_a_row_as_json_leaves_out_what_is_unknown() -> None:
    latency = np.array([Duration(days=3)], dtype=object)
    thresholds = np.empty(1, dtype=object)
    thresholds[0] = (1.0, 2.0)
    series = Series.of(id=words("nps"), latency=latency, thresholds=thresholds, since=np.array([0]))
    plain = series.plain(0)
    assert plain == {
        "id": "nps",
        "latency": "3d",
        "thresholds": [1.0, 2.0],
        "self_reported": False,
        "incentive": False,
        "retired": False,
        "since": "1970-01-01T00:00:00Z",
    }
    assert three().plain(0, "value", "note") == {"value": 1.0}


def test_tables_have_the_names_of_the_history() -> None:
    assert [table.name for table in tables()] == [
        "series", "observations", "targets", "records", "events", "org_units", "people", "ownership", "objectives",
        "links", "definitions", "feeds",
    ]  # fmt: skip
    assert Links.order == ("kind", "source", "target")
