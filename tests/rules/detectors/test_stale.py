"""Stale: no news beyond what cadence and promise allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from rules.alerts import AlertKey, Finding, Standing
from rules.calendars import Calendar, moment
from rules.detectors.stale import Params
from rules.durations import DAY, Duration
from rules.engine import evaluate
from rules.history import History
from rules.loader import read_rule
from rules.results import RuleResult

BERLIN = {"name": "berlin", "zone": "Europe/Berlin", "country": "DE"}
UTC = Calendar()


def weekly(*starts: str, lag: int = 1, series: str = "a") -> list[dict[str, Any]]:
    """Make values of weeks, known so many days after their end."""
    rows = []
    for index, start in enumerate(starts):
        end = UTC.add(UTC.read(start), Duration(days=7))
        rows.append({"series": series, "start": start, "value": index, "recorded_at": end + lag * DAY})
    return rows


Row = Mapping[str, Any]


def run(
    as_of: str,
    series: Row | Iterable[Row] = (),
    params: Row | None = None,
    kind: str = "series",
    **tables: Any,  # noqa: ANN401 - further tables
) -> RuleResult:
    listed = [series] if isinstance(series, Mapping) else list(series)
    history = History.build(as_of=UTC.read(as_of), calendars=[BERLIN], series=listed, **tables)
    text = {"name": "stale-one", "detector": "stale", "description": "x", "scope": {"subject": kind}}
    result = evaluate([read_rule(text | {"params": params or {}})], history).result("stale-one")
    assert result.failure is None, result.failure
    return result


def found(result: RuleResult) -> list[str]:
    return [f"{finding.subject}/{finding.slot}" if finding.slot else finding.subject for finding in result.findings]


def due(result: RuleResult, subject: str = "a") -> str:
    """Return the instant from which on the subject is overdue, to the minute."""
    finding = one(result.findings, subject)
    assert finding.effect is not None
    return moment(round(finding.as_of - finding.effect * DAY)).strftime("%Y-%m-%dT%H:%M")


def one(findings: Iterable[Finding], subject: str = "a") -> Finding:
    return next(finding for finding in findings if finding.subject == subject)


PROMISED = {"id": "a", "cadence": "weekly", "latency": "3d"}


class TestPromise:
    def test_a_value_is_due_when_its_promise_has_passed(self) -> None:
        rows = weekly("2026-03-02")
        assert found(run("2026-03-19T00:00:00Z", PROMISED, observations=rows)) == []
        late = run("2026-03-19T00:00:01Z", PROMISED, observations=rows)
        assert found(late) == ["a"]
        assert due(late) == "2026-03-19T00:00"

    def test_what_a_finding_says(self) -> None:
        result = run("2026-03-26", PROMISED | {"title": "NPS"}, observations=weekly("2026-02-23", "2026-03-02"))
        finding = one(result.findings)
        assert finding.summary == "No new observation for 16 days; a value was due by 2026-03-18"
        assert finding.facts == {
            "age": "16 days",
            "due": "2026-03-18",
            "last": "2026-03-10",
            "basis": "promise",
            "reason": "",
        }
        assert (finding.start, finding.end) == (UTC.read("2026-03-09"), UTC.read("2026-03-26"))
        assert finding.effect == 7.0
        assert finding.score == pytest.approx(16 / 9)
        assert finding.known_at == UTC.read("2026-03-10")
        assert finding.evidence == (
            {"table": "series", "id": "a", "title": "NPS", "cadence": "weekly", "latency": "3d"},
            {
                "table": "observations",
                "series": "a",
                "start": "2026-03-02T00:00:00Z",
                "end": "2026-03-09T00:00:00Z",
                "value": 1.0,
                "recorded_at": "2026-03-10T00:00:00Z",
                "recorded_imputed": False,
            },
        )

    def test_a_fresh_series_scores_below_one_and_has_no_effect(self) -> None:
        cases = run("2026-03-14T12:00:00Z", PROMISED, observations=weekly("2026-03-02")).cases
        assert cases.score.tolist() == [0.5]
        assert cases.effect.tolist() == [0.0]
        assert cases.holds.tolist() == [False]

    def test_a_restatement_of_an_old_period_is_no_news(self) -> None:
        rows = weekly("2026-02-23", "2026-03-02")
        restated = rows[0] | {"value": 9, "recorded_at": "2026-03-20"}
        assert found(run("2026-03-26", PROMISED, observations=[*rows, restated])) == ["a"]
        corrected = rows[1] | {"value": 9, "recorded_at": "2026-03-20"}
        result = run("2026-03-26", PROMISED, observations=[*rows, corrected])
        assert one(result.findings).facts["last"] == "2026-03-10"

    def test_a_promise_of_nothing_is_a_promise(self) -> None:
        series = {"id": "a", "cadence": "weekly", "latency": "0d"}
        assert due(run("2026-03-26", series, observations=weekly("2026-03-02"))) == "2026-03-16T00:00"

    def test_business_days_count_in_the_calendar(self) -> None:
        series = {"id": "a", "cadence": "monthly", "latency": "2bd", "calendar": "berlin"}
        rows = [{"series": "a", "start": "2026-02-01", "value": 1, "recorded_at": "2026-03-02"}]
        # March ends on a Tuesday; Thursday is the second working day, Good Friday would have been the third.
        assert due(run("2026-04-10", series, observations=rows)) == "2026-04-02T22:00"
        assert due(run("2026-04-10", series | {"latency": "3bd"}, observations=rows)) == "2026-04-07T22:00"

    def test_a_due_instant_on_days_off_moves_to_the_end_of_the_next_working_day(self) -> None:
        series = {"id": "a", "cadence": "monthly", "latency": "3d", "calendar": "berlin"}
        rows = [{"series": "a", "start": "2026-02-01", "value": 1, "recorded_at": "2026-03-02"}]
        # Three days after March is the end of Good Friday, April 3: Tuesday, April 7 is the next working day.
        assert due(run("2026-04-20", series, observations=rows)) == "2026-04-07T22:00"
        assert due(run("2026-04-20", series | {"calendar": ""}, observations=rows)) == "2026-04-04T00:00"

    def test_a_promise_without_a_cadence_waits_for_the_learned_distance(self) -> None:
        series = {"id": "a", "cadence": "irregular", "latency": "2d"}
        starts = [f"2026-{month:02}-01" for month in range(1, 11)]
        rows = [{"series": "a", "start": start, "value": 1, "recorded_at": start} for start in starts]
        # Ends are one day after; the longest of nine distances is 31 days.
        assert due(run("2026-12-20", series, observations=rows)) == "2026-11-04T00:00"


class TestGrace:
    def test_without_promise_or_rhythm_one_more_period_is_allowed(self) -> None:
        result = run("2026-03-24", {"id": "a", "cadence": "weekly"}, observations=weekly("2026-03-02"))
        assert due(result) == "2026-03-23T00:00"
        assert one(result.findings).facts["basis"] == "grace"

    def test_a_slow_cadence_is_never_flagged_before_its_time(self) -> None:
        rows = [{"series": "a", "start": "2025-01-01", "value": 1, "recorded_at": "2026-01-20"}]
        series = {"id": "a", "cadence": "yearly", "latency": "30d"}
        assert found(run("2027-01-31T00:00:00Z", series, {"max_age": "14d"}, observations=rows)) == []
        assert due(run("2027-02-02", series, {"max_age": "14d"}, observations=rows)) == "2027-01-31T00:00"


def weeks(count: int) -> list[str]:
    return [UTC.day_of(UTC.read("2026-01-05") + index * 7 * DAY).isoformat() for index in range(count)]


class TestRhythm:
    def test_without_a_promise_the_usual_lag_and_half_a_cadence_are_allowed(self) -> None:
        result = run("2026-06-01", {"id": "a", "cadence": "weekly"}, observations=weekly(*weeks(8), lag=2))
        assert due(result) == "2026-03-14T12:00"
        assert one(result.findings).facts["basis"] == "rhythm"

    def test_too_few_values_are_no_rhythm(self) -> None:
        result = run("2026-06-01", {"id": "a", "cadence": "weekly"}, observations=weekly(*weeks(7), lag=2))
        assert one(result.findings).facts["basis"] == "grace"
        sooner = run("2026-06-01", {"id": "a", "cadence": "weekly"}, {"min_history": 7}, observations=weekly(*weeks(7)))
        assert one(sooner.findings).facts["basis"] == "rhythm"

    def test_imputed_times_teach_nothing(self) -> None:
        rows = [row | {"recorded_imputed": True} for row in weekly(*weeks(8), lag=2)]
        result = run("2026-06-01", {"id": "a", "cadence": "weekly"}, observations=rows)
        assert one(result.findings).facts["basis"] == "grace"

    def test_slack_is_a_share_of_the_cadence(self) -> None:
        rows = weekly(*weeks(8), lag=2)
        assert (
            due(run("2026-06-01", {"id": "a", "cadence": "weekly"}, {"slack": 0}, observations=rows))
            == "2026-03-11T00:00"
        )

    def test_a_series_that_is_always_there_at_once_has_a_rhythm_too(self) -> None:
        rows = weekly(*weeks(8), lag=0)
        result = run("2026-06-01", {"id": "a", "cadence": "weekly"}, {"slack": 0}, observations=rows)
        assert (due(result), one(result.findings).facts["basis"]) == ("2026-03-09T00:00", "rhythm")

    def test_an_undeclared_cadence_is_learned(self) -> None:
        rows = weekly(*weeks(9), lag=2)
        ended = [row | {"end": UTC.add(UTC.read(row["start"]), Duration(days=7))} for row in rows]
        result = run("2026-06-01", {"id": "a"}, observations=ended)
        assert due(result) == "2026-03-21T12:00"
        assert one(result.findings).facts["basis"] == "rhythm"

    def test_with_too_little_to_learn_from_it_says_what_it_needs(self) -> None:
        result = run("2026-06-01", {"id": "a"}, observations=weekly(*weeks(8)))
        assert result.statement.tested == 0
        assert result.statement.skipped == {"a cadence, or more observations to learn one from": 1}


DAILY = {"id": "a", "cadence": "daily", "latency": "0d"}


def days(*starts: str) -> list[dict[str, Any]]:
    return [{"series": "a", "start": start, "value": 1, "recorded_at": UTC.read(start) + DAY} for start in starts]


class TestDaysOff:
    def test_a_daily_series_is_not_expected_on_days_off_of_its_calendar(self) -> None:
        rows = [{"series": "a", "start": "2026-04-02", "value": 1, "recorded_at": "2026-04-02"}]
        # Thursday before Easter: the next working day is Tuesday, April 7.
        assert due(run("2026-04-20", DAILY | {"calendar": "berlin"}, observations=rows)) == "2026-04-07T22:00"

    def test_without_a_calendar_the_weekdays_on_which_it_reports_are_learned(self) -> None:
        working = [UTC.read("2026-03-02") + (7 * week + day) * DAY for week in range(4) for day in range(5)]
        rows = [{"series": "a", "start": start, "value": 1, "recorded_at": start + DAY} for start in working]
        # The last value is of Friday, March 27.
        assert due(run("2026-04-20", DAILY, observations=rows)) == "2026-03-31T00:00"

    def test_the_next_learned_weekday_is_the_next_day(self) -> None:
        working = [UTC.read("2026-03-02") + (7 * week + day) * DAY for week in range(4) for day in range(5)]
        rows = [{"series": "a", "start": start, "value": 1, "recorded_at": start + DAY} for start in working[:-1]]
        # The last value is of Thursday, March 26.
        assert due(run("2026-04-20", DAILY, observations=rows)) == "2026-03-28T00:00"

    def test_a_series_that_reports_every_day_is_expected_every_day(self) -> None:
        every = [UTC.read("2026-03-01") + day * DAY for day in range(27)]
        rows = [{"series": "a", "start": start, "value": 1, "recorded_at": start + DAY} for start in every]
        assert due(run("2026-04-20", DAILY, observations=rows)) == "2026-03-29T00:00"

    def test_a_named_calendar_beats_what_could_be_learned(self) -> None:
        house = {"name": "house", "workdays": list(range(7))}
        working = [UTC.read("2026-03-02") + (7 * week + day) * DAY for week in range(4) for day in range(5)]
        rows = [{"series": "a", "start": start, "value": 1, "recorded_at": start + DAY} for start in working]
        history = History.build(
            as_of="2026-04-20", calendars=[house], series=[DAILY | {"calendar": "house"}], observations=rows
        )
        text = {"name": "stale-one", "detector": "stale", "description": "x"}
        assert due(evaluate([read_rule(text)], history).result("stale-one")) == "2026-03-29T00:00"

    def test_a_series_of_five_minutes_pauses_with_its_calendar(self) -> None:
        series = {"id": "a", "cadence": "PT5M", "latency": "10m", "calendar": "berlin"}
        rows = [
            {
                "series": "a",
                "start": "2026-03-27T23:55:00+01:00",
                "value": 1,
                "recorded_at": "2026-03-28T00:00:00+01:00",
            }
        ]
        result = run("2026-03-31", series, observations=rows)
        assert due(result) == "2026-03-29T22:15"

    def test_a_weekly_series_does_not_pause(self) -> None:
        rows = weekly("2026-03-02")
        assert due(run("2026-03-26", PROMISED | {"calendar": "berlin"}, observations=rows)) == "2026-03-18T23:00"


class TestMaxAge:
    def test_it_is_a_floor_under_every_promise(self) -> None:
        rows = weekly("2026-03-02")
        result = run("2026-04-01", PROMISED, {"max_age": "14d"}, observations=rows)
        assert due(result) == "2026-03-24T00:00"
        assert one(result.findings).facts["basis"] == "max_age"
        assert due(run("2026-04-01", PROMISED, {"max_age": "3d"}, observations=rows)) == "2026-03-19T00:00"

    def test_it_needs_neither_cadence_nor_rhythm(self) -> None:
        rows = [{"series": "a", "start": "2026-03-02", "value": 1, "recorded_at": "2026-03-03T12:00:00Z"}]
        assert due(run("2026-04-01", {"id": "a"}, {"max_age": "14d"}, observations=rows)) == "2026-03-17T12:00"

    def test_it_may_count_business_days(self) -> None:
        rows = [{"series": "a", "start": "2026-03-02", "value": 1, "recorded_at": "2026-04-02T10:00:00Z"}]
        series = {"id": "a", "calendar": "berlin"}
        assert due(run("2026-05-01", series, {"max_age": "1bd"}, observations=rows)) == "2026-04-07T10:00"


class TestNeverMeasured:
    def test_the_first_whole_period_counts(self) -> None:
        series = PROMISED | {"since": "2026-03-04"}
        result = run("2026-03-20", series)
        assert due(result) == "2026-03-19T00:00"
        finding = one(result.findings)
        assert finding.summary == "Not measured once in 16 days; a value was due by 2026-03-18"
        assert finding.start == UTC.read("2026-03-04")
        assert [row["table"] for row in finding.evidence] == ["series"]

    def test_a_period_that_begins_with_the_measuring_is_whole(self) -> None:
        assert due(run("2026-03-20", PROMISED | {"since": "2026-03-02"})) == "2026-03-12T00:00"

    def test_without_a_promise_one_more_period_is_allowed(self) -> None:
        result = run("2026-03-20", {"id": "a", "cadence": "weekly", "since": "2026-03-02"})
        assert (due(result), one(result.findings).facts["basis"]) == ("2026-03-16T00:00", "grace")

    def test_a_due_instant_waits_for_a_working_day_here_too(self) -> None:
        series = {"id": "a", "cadence": "weekly", "latency": "6d", "calendar": "berlin", "since": "2026-03-02"}
        assert due(run("2026-03-20", series)) == "2026-03-16T23:00"

    def test_max_age_is_a_floor_here_too(self) -> None:
        assert due(run("2026-04-20", PROMISED | {"since": "2026-03-02"}, {"max_age": "30d"})) == "2026-04-01T00:00"
        assert due(run("2026-04-20", {"id": "a", "since": "2026-03-02"}, {"max_age": "30d"})) == "2026-04-01T00:00"
        assert due(run("2026-04-20", PROMISED | {"since": "2026-03-02"}, {"max_age": "1d"})) == "2026-03-12T00:00"

    def test_without_a_date_it_says_what_it_needs(self) -> None:
        result = run("2026-03-20", PROMISED)
        assert result.statement.skipped == {"a first observation, or a date since when it should be measured": 1}

    def test_without_cadence_and_age_it_says_what_it_needs(self) -> None:
        result = run("2026-03-20", {"id": "a", "since": "2026-03-02"})
        assert result.statement.skipped == {"a first observation, or a date since when it should be measured": 1}


def feed(**changes: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - columns
    given = {"series": "a", "last_attempt": "2026-03-26T00:00:00Z", "last_success": "2026-03-12T00:00:00Z", "error": ""}
    return [given | changes]


class TestFeeds:
    ROWS = weekly("2026-03-02")  # due 2026-03-19

    def ask(self, feeds: list[dict[str, Any]], **params: Any) -> RuleResult:  # noqa: ANN401 - parameters
        return run("2026-03-26", PROMISED, params, observations=self.ROWS, feeds=feeds)

    def test_a_feed_that_fails_is_a_case_of_its_own(self) -> None:
        result = self.ask(feed(error="AuthError"))
        assert found(result) == ["a/feed"]
        finding = one(result.findings)
        reason = "The source has not been read since 2026-03-12 (AuthError)"
        assert finding.facts["reason"] == reason
        assert finding.summary == f"{reason}, so nobody can tell whether there is news; a value was due by 2026-03-18"
        assert finding.evidence[-1] == {
            "table": "feeds",
            "series": "a",
            "last_attempt": "2026-03-26T00:00:00Z",
            "last_success": "2026-03-12T00:00:00Z",
            "error": "AuthError",
        }

    def test_while_the_feed_is_down_nobody_else_is_blamed_or_cleared(self) -> None:
        result = self.ask(feed(error="AuthError"))
        owners = AlertKey("stale-one", "series", "a")
        verdict = result.verdicts([owners])[owners]
        assert verdict.standing is Standing.UNKNOWN
        assert verdict.needs == "a look at its source since the value fell due"

    def test_a_source_that_was_read_after_the_value_fell_due_was_silent_itself(self) -> None:
        for success in ("2026-03-19T00:00:00Z", "2026-03-25T00:00:00Z"):
            result = self.ask(feed(last_success=success, error="TransientError"))
            assert found(result) == ["a"]
            assert AlertKey("stale-one", "series", "a", "feed") in result.verdicts(
                [AlertKey("stale-one", "series", "a", "feed")]
            )

    def test_a_feed_that_was_never_read_says_so(self) -> None:
        result = self.ask(feed(last_success="", error="ConfigError"))
        assert one(result.findings).facts["reason"] == "The source has not been read yet (ConfigError)"

    def test_a_feed_that_nobody_tries_any_more_is_down(self) -> None:
        result = self.ask(feed(last_attempt="2026-03-12T00:00:00Z"))
        assert found(result) == ["a/feed"]
        assert one(result.findings).facts["reason"] == "The source has not been read since 2026-03-12"

    def test_a_healthy_feed_is_waited_for_until_its_next_look(self) -> None:
        soon = run(
            "2026-03-19T06:00:00Z",
            PROMISED,
            observations=self.ROWS,
            feeds=feed(last_attempt="2026-03-18T12:00:00Z", last_success="2026-03-18T12:00:00Z"),
        )
        assert found(soon) == []
        assert soon.cases.slot.tolist() == ["", "feed"]
        assert not soon.cases.holds.any()

    @pytest.mark.parametrize(("hours", "down"), [(23, False), (24, False), (25, True)])
    def test_patience_is_a_day_unless_the_rule_says_otherwise(self, hours: int, *, down: bool) -> None:
        tried = UTC.read("2026-03-26") - hours * DAY // 24
        seen = UTC.read("2026-03-12")
        assert found(self.ask(feed(last_attempt=tried, last_success=seen))) == (["a/feed"] if down else [])
        assert found(self.ask(feed(last_attempt=tried, last_success=seen), feed_patience="2d")) == []

    def test_a_value_in_quarantine_has_come(self) -> None:
        result = self.ask(feed(last_success="2026-03-26T00:00:00Z", quarantined_since="2026-03-17T00:00:00Z"))
        assert found(result) == ["a/feed"]
        assert one(result.findings).facts["reason"] == "A value has waited in quarantine since 2026-03-17"

    def test_a_quarantine_from_before_the_newest_value_explains_nothing(self) -> None:
        result = self.ask(feed(last_success="2026-03-26T00:00:00Z", quarantined_since="2026-03-10T00:00:00Z"))
        assert found(result) == ["a"]

    def test_a_quarantine_as_old_as_the_newest_value_explains_nothing_either(self) -> None:
        known_at = "2026-03-10T00:00:00Z"
        assert found(self.ask(feed(last_success="2026-03-26T00:00:00Z", quarantined_since=known_at))) == ["a"]
        result = self.ask(feed(error="AuthError", quarantined_since=known_at))
        assert str(one(result.findings).facts["reason"]).startswith("The source has not been read")

    def test_a_quarantine_alone_is_no_failing_feed(self) -> None:
        only = [{"series": "a", "quarantined_since": "2026-03-01"}]
        assert found(self.ask(only)) == ["a"]

    def test_a_feed_that_fails_while_nothing_is_due_is_no_finding(self) -> None:
        result = run(
            "2026-03-15", PROMISED, observations=self.ROWS, feeds=feed(last_attempt="2026-03-15", error="AuthError")
        )
        assert found(result) == []
        assert result.cases.slot.tolist() == ["", "feed"]

    def test_a_series_without_a_feed_has_no_such_case(self) -> None:
        assert self.ask([]).cases.slot.tolist() == [""]


class TestUnchanged:
    def ask(self, values: list[float | None], limit: int = 3, **params: Any) -> RuleResult:  # noqa: ANN401 - parameters
        starts = weeks(len(values))
        rows = [{"series": "a", "start": start, "value": value} for start, value in zip(starts, values, strict=True)]
        return run("2026-12-31", PROMISED, {"age": False, "unchanged_for": limit} | params, observations=rows)

    def test_so_many_updates_without_a_move_are_a_case(self) -> None:
        assert found(self.ask([1, 4, 4, 4])) == []
        result = self.ask([1, 4, 4, 4, 4])
        assert found(result) == ["a/unchanged"]
        finding = one(result.findings)
        assert finding.facts == {"updates": 3, "value": 4.0}
        assert finding.summary == "The value has been 4 in 3 further updates running"
        assert finding.score == 1.0
        assert finding.start == UTC.read(weeks(2)[1])
        assert finding.end == UTC.read(weeks(6)[5])
        assert finding.effect == (UTC.read("2026-12-31") - UTC.read(weeks(3)[2])) / DAY
        assert [str(row["start"])[:10] for row in finding.evidence] == [weeks(2)[1], weeks(5)[4]]
        assert finding.known_at == UTC.read(weeks(6)[5]) + 3 * DAY

    def test_only_the_newest_stretch_counts(self) -> None:
        assert found(self.ask([4, 4, 4, 4, 4, 5])) == []

    def test_too_few_updates_are_not_tested(self) -> None:
        result = self.ask([4, 4, 4])
        assert result.statement.skipped == {"more updates to tell whether it moves": 1}
        assert result.skipped == {("a", "unchanged"): "more updates to tell whether it moves"}

    def test_a_correction_of_one_period_is_no_further_update(self) -> None:
        rows = [{"series": "a", "start": start, "value": 4} for start in weeks(3)]
        again = [rows[-1] | {"recorded_at": f"2026-02-1{day}"} for day in range(3)]
        result = run("2026-12-31", PROMISED, {"age": False, "unchanged_for": 3}, observations=rows + again)
        assert result.statement.tested == 0

    def test_age_and_movement_may_be_looked_at_together(self) -> None:
        assert found(self.ask([4, 4, 4, 4], age=True)) == ["a", "a/unchanged"]
        assert self.ask([4, 4, 4, 4]).cases.slot.tolist() == ["unchanged"]

    def test_without_observations_nothing_is_said(self) -> None:
        assert self.ask([]).statement.tested == 0

    def test_of_several_series_the_one_that_moved_last_counts(self) -> None:
        series = [{"id": name, "cadence": "weekly"} for name in "ab"]
        still = [{"series": "a", "start": start, "value": 4} for start in weeks(5)]
        moving = [{"series": "b", "start": start, "value": index // 4} for index, start in enumerate(weeks(5))]
        tables: dict[str, Any] = {
            "objectives": [{"id": "o"}],
            "links": [{"source": "o", "target": name, "kind": "measures"} for name in "ab"],
        }
        params = {"age": False, "unchanged_for": 2}
        result = run("2026-12-31", series, params, "objective", observations=still + moving, **tables)
        assert (found(result), result.statement.tested) == ([], 1)
        moving = [row | {"value": 1} for row in moving]
        result = run("2026-12-31", series, params, "objective", observations=still + moving, **tables)
        assert found(result) == ["o/unchanged"]


class TestObjectives:
    SERIES = ({"id": "a", "cadence": "weekly", "latency": "3d"}, {"id": "b", "cadence": "weekly", "latency": "3d"})
    TREE: dict[str, Any] = {  # noqa: RUF012 - never changed
        "objectives": [
            {"id": "o"},
            {"id": "kr-a", "parent": "o", "level": "key_result"},
            {"id": "kr-b", "parent": "o", "level": "key_result"},
        ],
        "links": [
            {"source": "kr-a", "target": "a", "kind": "measures"},
            {"source": "kr-b", "target": "b", "kind": "measures"},
        ],
    }

    def ask(self, kind: str, rows: list[dict[str, Any]], as_of: str = "2026-03-26", **tables: Any) -> RuleResult:  # noqa: ANN401 - tables
        return run(as_of, self.SERIES, {}, kind, observations=rows, **(self.TREE | tables))

    def test_a_key_result_is_as_stale_as_the_series_that_measures_it(self) -> None:
        rows = weekly("2026-03-02") + weekly("2026-03-16", series="b")
        assert found(self.ask("key_result", rows)) == ["kr-a"]
        both = self.ask("key_result", weekly("2026-03-02") + weekly("2026-03-02", series="b"))
        assert found(both) == ["kr-a", "kr-b"]
        for name in "ab":
            assert [row.get("id") or row["series"] for row in one(both.findings, f"kr-{name}").evidence] == [name, name]

    def test_an_objective_is_stale_when_all_that_measures_it_is(self) -> None:
        old, fresh = weekly("2026-03-02"), weekly("2026-03-16", series="b")
        assert found(self.ask("objective", old + fresh)) == []
        both = self.ask("objective", old + weekly("2026-03-03", series="b"))
        assert found(both) == ["o"]
        named = [(row["table"], row.get("id") or row["series"]) for row in one(both.findings, "o").evidence]
        assert named == [("series", "b"), ("observations", "b"), ("series", "a"), ("observations", "a")]

    def test_a_series_that_cannot_be_judged_keeps_its_objective_open(self) -> None:
        result = self.ask("objective", weekly("2026-03-02"))
        assert result.statement.tested == 0
        assert result.statement.skipped == {"a first observation, or a date since when it should be measured": 1}
        fresh = self.ask("objective", weekly("2026-03-16"))
        assert (found(fresh), fresh.statement.tested, fresh.skipped) == ([], 1, {})

    def test_a_failing_feed_is_to_blame_only_where_everything_waits_for_one(self) -> None:
        rows = weekly("2026-03-02") + weekly("2026-03-02", series="b")
        down = feed(error="AuthError")
        assert found(self.ask("objective", rows, feeds=down)) == ["o"]
        assert found(self.ask("objective", rows, feeds=down + feed(series="b", error="AuthError"))) == ["o/feed"]

    def test_a_key_result_that_was_never_measured_counts_from_its_start(self) -> None:
        objectives = [row | {"start": "2026-03-02"} for row in self.TREE["objectives"]]
        assert found(self.ask("key_result", weekly("2026-03-16"), objectives=objectives)) == ["kr-b"]

    def test_the_later_of_two_beginnings_counts(self) -> None:
        tree = {"objectives": [row | {"start": "2026-03-02"} for row in self.TREE["objectives"]]}
        series = [row | {"since": "2026-03-16"} for row in self.SERIES]
        given = self.TREE | tree | {"observations": []}
        assert due(run("2026-04-20", series, {}, "key_result", **given), "kr-a") == "2026-03-26T00:00"
        early = [row | {"since": "2026-01-05"} for row in self.SERIES]
        assert due(run("2026-04-20", early, {}, "key_result", **given), "kr-a") == "2026-03-12T00:00"

    def test_nothing_is_expected_after_the_end_of_a_cycle(self) -> None:
        rows = weekly("2026-03-02") + weekly("2026-03-09", series="b")
        objectives = [row | {"end": "2026-03-15"} for row in self.TREE["objectives"]]
        result = self.ask("key_result", rows, "2026-06-01", objectives=objectives)
        assert found(result) == ["kr-a"]
        assert result.statement.tested == 2

    def test_without_a_series_it_says_what_it_needs(self) -> None:
        result = self.ask("key_result", weekly("2026-03-16"), links=[])
        assert result.statement.skipped == {"a series that measures it": 2}

    def test_key_results_out_of_scope_are_not_asked(self) -> None:
        result = self.ask("objective", weekly("2026-03-02") + weekly("2026-03-03", series="b"))
        assert result.asked == {"o"}
        assert result.cases.subject.tolist() == ["o"]


class TestParams:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"min_history": 2}, "greater than or equal to 3"),
            ({"slack": -0.1}, "greater than or equal to 0"),
            ({"unchanged_for": 1}, "greater than or equal to 2"),
            ({"age": False}, "age: false leaves nothing to look at: give unchanged_for"),
            ({"max_age": 14}, "is no duration"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, given: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Params.model_validate(given)
