"""Periods, working days and zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendars import CADENCES, UNKNOWN, Calendar, Period, cadence, instant, iso, moment
from rules.durations import DAY, HOUR, MINUTE, Duration
from rules.errors import CalendarError

BERLIN = Calendar(name="berlin", zone="Europe/Berlin")
GERMANY = Calendar(name="germany", zone="Europe/Berlin", country="DE")
UTC_DAYS = Calendar()
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut"]
instants = st.integers(instant(datetime(1971, 1, 1, tzinfo=UTC)), instant(datetime(2060, 1, 1, tzinfo=UTC)))


def at(text: str) -> int:
    return instant(datetime.fromisoformat(text))


def length(text: str) -> Duration:
    found = cadence(text)
    assert found is not None
    return found


class TestInstants:
    def test_an_instant_counts_microseconds_since_1970_in_utc(self) -> None:
        assert instant(datetime(1970, 1, 2, 0, 0, 1, 5, tzinfo=UTC)) == DAY + 1_000_005
        assert instant(datetime(1969, 12, 31, tzinfo=UTC)) == -DAY

    def test_the_zone_of_a_datetime_counts(self) -> None:
        assert instant(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0

    def test_a_naive_datetime_is_refused(self) -> None:
        with pytest.raises(CalendarError, match="no time zone"):
            instant(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point

    @given(instants)
    def test_there_and_back_is_the_same_instant(self, given_at: int) -> None:
        assert instant(moment(given_at)) == given_at

    def test_iso_text_is_utc_and_unknown_is_none(self) -> None:
        assert iso(at("2026-03-31T08:00:00+02:00")) == "2026-03-31T06:00:00Z"
        assert iso(UNKNOWN) is None

    def test_unknown_has_the_bits_of_numpys_nat(self) -> None:
        assert np.isnat(np.array([UNKNOWN]).view("datetime64[us]")[0])


class TestCadence:
    def test_every_named_cadence_is_known(self) -> None:
        expected = {
            "hourly": "1h",
            "daily": "1d",
            "weekly": "7d",
            "monthly": "P1M",
            "quarterly": "P3M",
            "yearly": "P12M",
        }
        assert {name: str(found) for name, found in CADENCES.items() if found} == expected
        assert cadence("irregular") is None
        assert cadence("") is None

    def test_an_iso_duration_is_a_cadence(self) -> None:
        assert cadence("PT5M") == Duration(microseconds=5 * MINUTE)
        assert cadence("P2W") == Duration(days=14)

    def test_a_typo_names_the_nearest_word(self) -> None:
        with pytest.raises(
            CalendarError, match=r"'montly' is no cadence; did you mean 'monthly'\? Known: daily, .*PT5M"
        ):
            cadence("montly")

    @pytest.mark.parametrize("text", ["2bd", "P1M2D", "P1DT12H", "0d"])
    def test_a_mixed_length_is_no_cadence(self, text: str) -> None:
        with pytest.raises(CalendarError, match="use one unit only"):
            cadence(text)


class TestConstruction:
    def test_an_unknown_zone_is_refused(self) -> None:
        for zone in ("Mars/Base", "", "../etc/passwd"):
            with pytest.raises(CalendarError, match="is no IANA zone"):
                Calendar(zone=zone)

    @pytest.mark.parametrize("days", [frozenset(), frozenset({7}), frozenset({-1, 0})])
    def test_workdays_are_some_days_of_the_week(self, days: frozenset[int]) -> None:
        with pytest.raises(CalendarError, match="workdays need at least one"):
            Calendar(workdays=days)

    @pytest.mark.parametrize(("week", "year"), [(7, 1), (-1, 1), (0, 0), (0, 13)])
    def test_week_and_year_begin_somewhere_real(self, week: int, year: int) -> None:
        with pytest.raises(CalendarError, match="week_start is 0 to 6"):
            Calendar(week_start=week, year_start=year)

    def test_week_and_year_may_begin_at_either_end(self) -> None:
        assert Calendar(week_start=6, year_start=12).week_start == 6


class TestReading:
    def test_a_date_is_a_whole_day_of_the_zone(self) -> None:
        assert BERLIN.read("2026-03-31") == at("2026-03-30T22:00:00Z")
        assert BERLIN.read("2026-03-31", day="end") == at("2026-03-31T22:00:00Z")
        assert BERLIN.read("2026-03-31", day="last") == at("2026-03-31T22:00:00Z") - 1
        assert BERLIN.read(date(2026, 3, 31)) == at("2026-03-30T22:00:00Z")

    def test_a_time_with_a_zone_is_taken_as_it_is(self) -> None:
        assert BERLIN.read("2026-03-31T08:00:00Z") == at("2026-03-31T08:00:00Z")
        assert BERLIN.read("2026-03-31T08:00:00Z", day="end") == at("2026-03-31T08:00:00Z")

    def test_a_time_without_a_zone_is_in_the_calendars(self) -> None:
        assert BERLIN.read("2026-03-31T08:00") == at("2026-03-31T06:00:00Z")
        assert BERLIN.read(datetime(2026, 1, 31, 8)) == at("2026-01-31T07:00:00Z")  # noqa: DTZ001 - that is the point

    @pytest.mark.parametrize("text", ["", "31.03.2026", "2026-02-30", "2026-03-31T25:00", "yesterday"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(CalendarError, match="is no date: write 2026-03-31"):
            BERLIN.read(text)

    def test_inclusive_dates_and_half_open_periods_are_turned_into_each_other(self) -> None:
        march = BERLIN.span(date(2026, 3, 1), date(2026, 3, 31))
        assert march == Period(at("2026-02-28T23:00:00Z"), at("2026-03-31T22:00:00Z"))
        assert BERLIN.dates(march) == (date(2026, 3, 1), date(2026, 3, 31))

    def test_an_instant_alone_is_one_day(self) -> None:
        noon = at("2026-03-31T12:00:00Z")
        assert BERLIN.dates(Period(noon, noon)) == (date(2026, 3, 31), date(2026, 3, 31))


class TestWallClock:
    def test_a_midnight_that_the_clocks_skip_is_the_jump(self) -> None:
        beirut = Calendar(zone="Asia/Beirut")
        assert beirut.at(date(2024, 3, 31)) == at("2024-03-30T22:00:00Z")
        assert beirut.local(beirut.at(date(2024, 3, 31))).hour == 1

    def test_a_time_that_comes_twice_is_the_first(self) -> None:
        assert BERLIN.at(date(2026, 10, 25), time(2, 30)) == at("2026-10-25T00:30:00Z")

    def test_the_fold_of_a_given_time_does_not_matter(self) -> None:
        assert BERLIN.at(date(2026, 10, 25), time(2, 30, fold=1)) == at("2026-10-25T00:30:00Z")

    def test_the_day_of_an_instant_is_the_zones(self) -> None:
        assert BERLIN.day_of(at("2026-03-31T21:59:59Z")) == date(2026, 3, 31)
        assert BERLIN.day_of(at("2026-03-31T22:00:00Z")) == date(2026, 4, 1)


class TestPeriods:
    @pytest.mark.parametrize(
        ("text", "inside", "first", "last"),
        [
            ("daily", "2026-03-29", date(2026, 3, 29), date(2026, 3, 29)),
            ("weekly", "2026-03-29", date(2026, 3, 23), date(2026, 3, 29)),
            ("P2W", "2026-03-29", date(2026, 3, 16), date(2026, 3, 29)),
            ("monthly", "2026-02-10", date(2026, 2, 1), date(2026, 2, 28)),
            ("quarterly", "2026-05-10", date(2026, 4, 1), date(2026, 6, 30)),
            ("yearly", "2026-12-31", date(2026, 1, 1), date(2026, 12, 31)),
            ("P6M", "2026-08-01", date(2026, 7, 1), date(2026, 12, 31)),
            ("P3D", "1970-01-03", date(1970, 1, 1), date(1970, 1, 3)),
            ("P3D", "1970-01-04", date(1970, 1, 4), date(1970, 1, 6)),
        ],
    )
    def test_the_period_of_an_instant(self, text: str, inside: str, first: date, last: date) -> None:
        assert BERLIN.dates(BERLIN.period(length(text), BERLIN.read(inside))) == (first, last)

    def test_weeks_begin_where_the_calendar_says(self) -> None:
        sunday = Calendar(week_start=6)
        week = sunday.period(length("weekly"), sunday.read("2026-03-28"))
        assert sunday.dates(week) == (date(2026, 3, 22), date(2026, 3, 28))

    def test_fiscal_quarters_and_years_begin_where_the_calendar_says(self) -> None:
        fiscal = Calendar(year_start=2)
        assert fiscal.dates(fiscal.period(length("quarterly"), fiscal.read("2026-01-31"))) == (
            date(2025, 11, 1),
            date(2026, 1, 31),
        )
        assert fiscal.dates(fiscal.period(length("yearly"), fiscal.read("2026-01-31"))) == (
            date(2025, 2, 1),
            date(2026, 1, 31),
        )

    def test_a_day_of_daylight_saving_has_23_or_25_hours(self) -> None:
        for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
            whole = BERLIN.period(length("daily"), BERLIN.read(day))
            assert whole.end - whole.start == hours * HOUR
            hourly = list(BERLIN.periods(length("hourly"), whole))
            assert len(hourly) == hours
            assert {period.end - period.start for period in hourly} == {HOUR}

    def test_the_last_part_of_a_day_ends_with_the_day(self) -> None:
        day = BERLIN.period(length("daily"), BERLIN.read("2026-03-29"))
        parts = list(BERLIN.periods(length("PT6H"), day))
        assert [part.end - part.start for part in parts] == [6 * HOUR, 6 * HOUR, 6 * HOUR, 5 * HOUR]

    def test_hours_follow_a_zone_of_half_an_hour(self) -> None:
        kolkata = Calendar(zone="Asia/Kolkata")
        assert kolkata.period(length("hourly"), at("2026-01-01T00:00:00Z")).start == at("2025-12-31T23:30:00Z")

    def test_more_than_a_day_of_hours_counts_from_1970(self) -> None:
        period = BERLIN.period(Duration(microseconds=36 * HOUR), at("1970-01-02T13:00:00Z"))
        assert period == Period(36 * HOUR, 72 * HOUR)

    def test_a_day_of_hours_counts_from_1970_too(self) -> None:
        assert BERLIN.period(Duration(microseconds=DAY), DAY + 1) == Period(DAY, 2 * DAY)

    @given(
        st.sampled_from(ZONES),
        st.sampled_from([name for name, found in CADENCES.items() if found] + ["PT5M", "P2W"]),
        instants,
    )
    def test_every_instant_lies_in_its_period_and_periods_touch(self, zone: str, text: str, inside: int) -> None:
        calendar = Calendar(zone=zone)
        period = calendar.period(length(text), inside)
        assert period.start <= inside < period.end
        assert calendar.period(length(text), period.end).start == period.end
        assert calendar.period(length(text), period.start) == period
        assert calendar.period(length(text), period.end - 1) == period

    def test_periods_of_a_range_are_all_that_overlap_it(self) -> None:
        within = Period(BERLIN.read("2026-01-15"), BERLIN.read("2026-03-01"))
        months = [BERLIN.dates(period)[0].month for period in BERLIN.periods(length("monthly"), within)]
        assert months == [1, 2]
        assert list(BERLIN.periods(length("monthly"), Period(within.start, within.start))) == []

    def test_a_mixed_length_has_no_grid(self) -> None:
        with pytest.raises(CalendarError, match="is no cadence"):
            BERLIN.period(Duration(business_days=1), 0)


class TestArithmetic:
    @pytest.mark.parametrize(
        ("start", "text", "expected"),
        [
            ("2026-03-28T12:00:00+01:00", "1d", "2026-03-29T12:00:00+02:00"),
            ("2026-03-28T12:00:00+01:00", "24h", "2026-03-29T13:00:00+02:00"),
            ("2026-01-31T10:00:00+01:00", "P1M", "2026-02-28T10:00:00+01:00"),
            ("2024-01-31T10:00:00+01:00", "P1M", "2024-02-29T10:00:00+01:00"),
            ("2026-12-15T10:00:00+01:00", "P1M", "2027-01-15T10:00:00+01:00"),
            ("2026-03-31T00:00:00+02:00", "P1Y", "2027-03-31T00:00:00+02:00"),
            ("2026-01-30T10:00:00+01:00", "P1M1D", "2026-03-01T10:00:00+01:00"),
            ("2026-03-01T10:00:00+01:00", "P1DT12H", "2026-03-02T22:00:00+01:00"),
            ("2026-03-27T10:00:00+01:00", "1bd", "2026-03-30T10:00:00+02:00"),
            ("2026-03-28T10:00:00+01:00", "1bd", "2026-03-31T00:00:00+02:00"),
            ("2026-03-28T00:00:00+01:00", "1bd", "2026-03-31T00:00:00+02:00"),
            ("2026-03-30T00:00:00+02:00", "1bd", "2026-03-31T00:00:00+02:00"),
            ("2026-03-27T00:00:00+01:00", "2bd", "2026-03-31T00:00:00+02:00"),
            ("2026-03-30T10:00:00+02:00", "2bd", "2026-04-01T10:00:00+02:00"),
            ("2026-03-30T10:00:00+02:00", "0d", "2026-03-30T10:00:00+02:00"),
        ],
    )
    def test_adding_a_length(self, start: str, text: str, expected: str) -> None:
        assert BERLIN.add(at(start), Duration.parse(text)) == at(expected)

    def test_adding_nothing_to_the_second_of_two_equal_times_changes_nothing(self) -> None:
        second = at("2026-10-25T01:30:00Z")
        assert BERLIN.add(second, Duration()) == second
        assert BERLIN.add(second, Duration(microseconds=1)) == second + 1

    def test_public_holidays_are_days_off(self) -> None:
        thursday = GERMANY.read("2026-04-02T10:00")
        assert GERMANY.add(thursday, Duration(business_days=1)) == GERMANY.read("2026-04-07T10:00")
        assert not GERMANY.is_working_day(date(2026, 4, 3))
        assert BERLIN.is_working_day(date(2026, 4, 3))

    def test_a_subdivision_has_its_own_holidays(self) -> None:
        bavaria = Calendar(country="DE", subdivision="BY")
        assert not bavaria.is_working_day(date(2026, 1, 6))
        assert GERMANY.is_working_day(date(2026, 1, 6))

    def test_a_country_without_known_holidays_is_an_error(self) -> None:
        for calendar, place in ((Calendar(country="XX"), "XX"), (Calendar(country="DE", subdivision="ZZ"), "DE-ZZ")):
            with pytest.raises(CalendarError, match=f"no public holidays are known for '{place}'"):
                calendar.is_working_day(date(2026, 1, 5))

    def test_a_company_may_have_days_off_and_other_weekends(self) -> None:
        calendar = Calendar(workdays=frozenset({6, 0, 1, 2, 3}), days_off=frozenset({date(2026, 3, 29)}))
        assert [day for day in range(27, 32) if calendar.is_working_day(date(2026, 3, day))] == [30, 31]

    def test_working_days_that_begin_in_a_period(self) -> None:
        week = BERLIN.span(date(2026, 3, 23), date(2026, 3, 29))
        assert BERLIN.working_days(week) == 5
        assert BERLIN.working_days(Period(week.start + 1, week.end)) == 4
        assert BERLIN.working_days(Period(week.start, week.start + 1)) == 1
        assert BERLIN.working_days(Period(week.start, week.start)) == 0

    @pytest.mark.parametrize(
        ("given_at", "expected"),
        [
            ("2026-03-27T10:00", "2026-03-27T10:00"),
            ("2026-03-28T00:00", "2026-03-28T00:00"),
            ("2026-03-28T00:01", "2026-03-31T00:00"),
            ("2026-03-30T00:00", "2026-03-31T00:00"),
            ("2026-03-30T00:01", "2026-03-30T00:01"),
        ],
    )
    def test_a_due_instant_waits_for_the_end_of_a_working_day(self, given_at: str, expected: str) -> None:
        assert BERLIN.end_of_working_day(BERLIN.read(given_at)) == BERLIN.read(expected)

    # Apia had no December 30, 2011: a working day that nobody could work on.
    @given(st.sampled_from([zone for zone in ZONES if zone != "Pacific/Apia"]), instants, st.integers(0, 30))
    def test_only_the_time_of_working_days_counts(self, zone: str, start: int, count: int) -> None:
        calendar = Calendar(zone=zone)
        end = calendar.add(start, Duration(business_days=count))
        assert calendar.working_days(Period(start, end)) == count
        assert not count or calendar.is_working_day(calendar.day_of(end - 1))
        assert calendar.add(start, Duration(business_days=count + 1)) > end


def test_a_calendar_is_a_key() -> None:
    assert {Calendar(name="a"): 1}[Calendar(name="a")] == 1
    assert Calendar(name="a") != Calendar(name="b")
