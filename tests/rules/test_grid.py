"""Observations as a matrix of periods, whatever the calendar and the other series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rules.durations import Duration
from rules.grid import Grid, grids
from rules.history import History
from rules.peers import among_peers, groups, moderated, without_common

CALENDARS = [{"name": "apia", "zone": "Pacific/Apia"}]


def made(series: list[dict[str, Any]], *, together: bool = False, most: int = 100) -> list[Grid]:
    rows = [
        {"series": one["id"], "start": start, "value": index + 1}
        for one in series
        for index, start in enumerate(one.pop("starts"))
    ]
    history = History.build(as_of="2027-01-01", calendars=CALENDARS, series=series, observations=rows)
    return list(grids(history, history.rows("series"), most, together=together))


def starts(*months: int) -> list[str]:
    return [f"2026-{month:02}-01" for month in months]


def test_a_missing_period_is_a_gap() -> None:
    (grid,) = made([{"id": "a", "cadence": "monthly", "starts": starts(1, 2, 4)}])
    np.testing.assert_array_equal(grid.values, [[1, 2, np.nan, 3]])
    assert (grid.known.tolist(), grid.oldest.tolist(), grid.newest.tolist()) == ([3], [0], [3])
    assert grid.first.tolist() == [2026 * 12]


def test_series_are_aligned_by_period_or_by_their_newest() -> None:
    given = [("a", starts(1, 2, 3)), ("b", starts(2))]
    series = [{"id": name, "cadence": "monthly", "starts": days} for name, days in given]
    (together,) = made([dict(one) for one in series], together=True)
    np.testing.assert_array_equal(together.values, [[1, 2, 3], [np.nan, 1, np.nan]])
    (apart,) = made(series)
    np.testing.assert_array_equal(apart.values, [[1, 2, 3], [np.nan, np.nan, 1]])


def test_only_the_newest_periods_of_each_are_taken() -> None:
    (grid,) = made([{"id": "a", "cadence": "monthly", "starts": starts(1, 2, 4)}], most=3)
    np.testing.assert_array_equal(grid.values, [[2, np.nan, 3]])


def test_a_month_is_a_month_by_the_wall_clock_of_its_calendar() -> None:
    series = [{"id": name, "cadence": "monthly", "starts": starts(5), "calendar": name} for name in ("apia", "")]
    series[1]["id"] = "utc"
    (grid,) = made(series)
    assert grid.first.tolist() == [2026 * 12 + 4] * 2


@pytest.mark.parametrize(
    ("days", "length"),
    [
        ([f"2026-01-{day:02}" for day in range(1, 9)], Duration(days=1)),
        (["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02"], Duration(days=7)),
        (starts(1, 2, 3, 4, 5), Duration(months=1)),
        ([f"2026-01-01T{hour:02}:00:00Z" for hour in range(6)], Duration(microseconds=3_600_000_000)),
    ],
)
def test_a_cadence_that_nobody_declared_is_seen(days: list[str], length: Duration) -> None:
    (grid,) = made([{"id": "a", "starts": days}])
    assert grid.length == length


def test_irregular_series_have_no_grid() -> None:
    assert made([{"id": "a", "cadence": "irregular", "starts": starts(1, 2)}]) == []
    assert made([{"id": "a", "starts": starts(1, 2)}]) == []


def test_weeks_begin_on_mondays() -> None:
    (grid,) = made([{"id": "a", "cadence": "weekly", "starts": ["2026-01-05", "2026-01-12"]}])
    np.testing.assert_array_equal(grid.values, [[1, 2]])


def test_peers_are_groups_and_others_stand_alone() -> None:
    series = [
        {"id": name, "cadence": "monthly", "peers": peers, "starts": starts(1)} for name, peers in ("ax", "bx", "c ")
    ]
    history = History.build(
        as_of="2027-01-01", series=[{"id": "a", "peers": "x"}, {"id": "b", "peers": "x"}, {"id": "c"}]
    )
    (grid,) = made(series)
    assert [rows.tolist() for rows in groups(history, grid)] == [[0, 1], [2]]


def test_what_all_peers_do_is_taken_away() -> None:
    common = np.array([0.0, 1.0, 3.0, 2.0])
    levels = np.array([common + own for own in range(8)])
    levels[0, 2] += 5
    found = without_common(levels, [np.arange(8)])
    np.testing.assert_allclose(found - found[:, :1], [[0, 0, 5, 0]] + [[0, 0, 0, 0]] * 7)
    np.testing.assert_array_equal(without_common(levels[:7], [np.arange(7)]), levels[:7])


def test_many_peers_scale_a_score_and_few_do_not() -> None:
    scores = 2 * np.arange(-10.0, 11)
    assert among_peers(scores, [np.arange(21)])[-1] == pytest.approx(20 / (1.4826 * 10))
    assert among_peers(scores[:19], [np.arange(19)])[-1] == scores[18]


def test_scales_are_drawn_half_way_to_those_of_peers() -> None:
    scales = np.array([3.0] + [1.0] * 7)
    assert moderated(scales, [np.arange(8)])[0] == pytest.approx(np.sqrt(5))
    assert moderated(scales, [np.arange(7)])[0] == 3.0
