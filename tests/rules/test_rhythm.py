"""When the news of a series came, and its rhythm."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from rules.calendars import UNKNOWN, Calendar
from rules.distinct import each_distinct
from rules.durations import DAY, HOUR
from rules.history import History
from rules.rhythm import EVERY_DAY, counting, news, usual_gap, usual_lag, weekdays
from rules.wording import spoken

UTC = Calendar()


def at(text: str) -> int:
    return UTC.read(text)


def history(rows: list[dict[str, Any]], as_of: str = "2026-12-31") -> History:
    return History.build(as_of=as_of, series=[{"id": "a"}, {"id": "b"}], observations=rows)


def daily(series: str, days: list[int], lags: list[float] | None = None, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - columns
    """Make one row for each day after 2026-01-01, known so many hours after its end."""
    first = at("2026-01-01")
    return [
        {
            "series": series,
            "start": first + day * DAY,
            "end": first + (day + 1) * DAY,
            "value": day,
            "recorded_at": first + (day + 1) * DAY + int((lags or [1] * len(days))[index] * HOUR),
        }
        | more
        for index, day in enumerate(days)
    ]


BOTH = np.array([True, True])


class TestNews:
    def test_the_newest_period_and_when_it_was_first_known(self) -> None:
        rows = [*daily("b", [0, 1]), daily("b", [1])[0] | {"recorded_at": at("2026-02-01"), "value": 9}]
        found = news(history(rows))
        assert found.there.tolist() == [False, True]
        assert found.start.tolist() == [UNKNOWN, at("2026-01-02")]
        assert found.end.tolist() == [UNKNOWN, at("2026-01-03")]
        assert found.known_at.tolist() == [UNKNOWN, at("2026-01-03T01:00:00Z")]
        assert found.firsts.value[found.row[1]] == 1

    def test_a_history_without_observations_has_no_news(self) -> None:
        found = news(history([]))
        assert found.known_at.tolist() == [UNKNOWN, UNKNOWN]
        assert not found.there.any()

    def test_a_row_without_a_value_is_no_news(self) -> None:
        rows = [*daily("a", [0, 1]), daily("a", [2])[0] | {"value": None}]
        assert news(history(rows)).start[0] == at("2026-01-02")

    def test_a_value_that_was_taken_back_is_none(self) -> None:
        rows = [*daily("a", [0, 1]), daily("a", [1])[0] | {"value": None, "recorded_at": at("2026-02-01")}]
        assert news(history(rows, "2026-02-02")).start[0] == at("2026-01-01")
        assert news(history(rows, "2026-01-15")).start[0] == at("2026-01-02")

    def test_a_value_that_came_later_counts_from_then(self) -> None:
        rows = [daily("a", [1])[0] | {"value": None}, daily("a", [1])[0] | {"recorded_at": at("2026-02-01")}]
        assert news(history(rows)).known_at[0] == at("2026-02-01")

    def test_a_period_that_has_not_begun_is_no_news(self) -> None:
        plan = {"series": "a", "start": "2027-06-01", "value": 9, "recorded_at": "2026-01-02"}
        assert news(history([*daily("a", [0]), plan])).start[0] == at("2026-01-01")
        now = {"series": "a", "start": at("2026-06-01"), "value": 9, "recorded_at": at("2026-05-01")}
        found = History.build(as_of=at("2026-06-01"), series=[{"id": "a"}], observations=[now])
        assert news(found).there.tolist() == [True]

    def test_where_everything_counts_nothing_is_copied(self) -> None:
        given = history(daily("a", [0, 1]))
        assert counting(given) is given.observations


class TestUsualGap:
    def test_it_is_the_distance_that_few_exceed(self) -> None:
        found = usual_gap(history(daily("a", [0, 1, 2, 3, 7])).observations, BOTH, 0.95, 4)
        assert found[0] == 4 * DAY
        assert np.isnan(found[1])

    def test_a_share_is_left_out(self) -> None:
        observations = history(daily("a", [*range(20), 29])).observations
        assert usual_gap(observations, BOTH, 0.95, 3)[0] == DAY
        assert usual_gap(observations, BOTH, 0.96, 3)[0] == 10 * DAY

    def test_too_few_distances_are_no_rhythm(self) -> None:
        observations = history(daily("a", [0, 1, 2])).observations
        assert np.isnan(usual_gap(observations, BOTH, 0.95, 3)[0])
        assert usual_gap(observations, BOTH, 0.95, 2)[0] == DAY

    def test_only_the_newest_24_count(self) -> None:
        observations = history(daily("a", [0, 9, *range(10, 34)])).observations
        assert usual_gap(observations, BOTH, 1.0, 3)[0] == DAY
        assert usual_gap(history(daily("a", [0, 9, *range(10, 33)])).observations, BOTH, 1.0, 3)[0] == 9 * DAY

    def test_series_do_not_run_into_each_other(self) -> None:
        found = usual_gap(history(daily("a", [0, 1, 2]) + daily("b", [50, 52, 54])).observations, BOTH, 1.0, 2)
        assert found.tolist() == [DAY, 2 * DAY]

    def test_only_wanted_series_are_looked_at(self) -> None:
        observations = history(daily("a", [0, 1, 2]) + daily("b", [50, 52, 54])).observations
        found = usual_gap(observations, np.array([False, True]), 1.0, 2)
        assert np.isnan(found[0])
        assert found[1] == 2 * DAY
        assert np.isnan(usual_gap(observations, ~BOTH, 1.0, 2)).all()


class TestUsualLag:
    def test_it_is_the_time_that_few_values_exceed(self) -> None:
        found = usual_lag(history(daily("a", [0, 1, 2, 3], [1, 5, 2, 3])).observations, BOTH, 0.75, 4)
        assert found[0] == 3 * HOUR
        assert np.isnan(found[1])

    def test_a_value_known_before_its_period_ends_took_no_time(self) -> None:
        assert usual_lag(history(daily("a", [0, 1], [-3, -2])).observations, BOTH, 1.0, 2)[0] == 0

    def test_imputed_times_are_no_evidence(self) -> None:
        rows = daily("a", [0, 1]) + daily("a", [2, 3], [9, 9], recorded_imputed=True)
        assert usual_lag(history(rows).observations, BOTH, 1.0, 2)[0] == HOUR
        assert np.isnan(usual_lag(history(rows).observations, BOTH, 1.0, 3)[0])


class TestWeekdays:
    WORKING: ClassVar[list[int]] = [day for day in range(28) if (day + 3) % 7 < 5]  # 2026-01-01 is a Thursday

    def found(self, days: list[int], offset: int = 0) -> int:
        return int(weekdays(history(daily("a", days)).observations, BOTH, offset)[0])

    def test_a_series_of_working_days_is_seen_as_one(self) -> None:
        assert self.found(self.WORKING) == 0b0011111

    def test_a_single_saturday_makes_saturdays_count(self) -> None:
        assert self.found(sorted([*self.WORKING, 9])) == 0b0111111

    def test_few_days_are_no_rhythm(self) -> None:
        assert self.found(self.WORKING[:11]) == EVERY_DAY
        assert self.found(self.WORKING[:12]) == 0b0011111

    def test_only_the_last_four_weeks_count(self) -> None:
        later = [day + 28 for day in self.WORKING]
        assert self.found([2, *later]) == 0b0011111

    def test_the_middle_of_a_period_decides_in_local_time(self) -> None:
        assert self.found(self.WORKING, 11 * HOUR) == 0b0011111
        assert self.found(self.WORKING, 13 * HOUR) == 0b0111110

    def test_a_series_that_is_not_wanted_reports_every_day(self) -> None:
        assert weekdays(history(daily("a", self.WORKING)).observations, ~BOTH, 0).tolist() == [EVERY_DAY, EVERY_DAY]


class TestEachDistinct:
    def test_each_distinct_row_is_asked_once(self) -> None:
        asked: list[tuple[str, int]] = []

        def length(word: str, more: int) -> int:
            asked.append((word, int(more)))
            return len(word) + int(more)

        words = np.array(["aa", "b", "aa", "aa"], dtype=object)
        assert each_distinct(length, words, np.array([1, 1, 2, 1])).tolist() == [3, 2, 4, 3]
        assert sorted(asked) == [("aa", 1), ("aa", 2), ("b", 1)]

    def test_nothing_asks_nothing(self) -> None:
        assert each_distinct(lambda _: 1 // 0, np.zeros(0, dtype=np.int64)).tolist() == []

    def test_unknown_values_are_values(self) -> None:
        words = np.array([None, "x", None], dtype=object)
        assert each_distinct(lambda word: word is None, words).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (16 * DAY + 5, "16 days"),
        (DAY, "1 day"),
        (2 * DAY, "2 days"),
        (DAY - 1, "23 hours"),
        (HOUR, "1 hour"),
        (HOUR - 1, "59 minutes"),
        (60_000_000, "1 minute"),
        (59_999_999, "less than a minute"),
        (0, "less than a minute"),
    ],
)
def test_a_length_of_time_is_said_in_its_largest_unit(length: int, words: str) -> None:
    assert spoken(length) == words
