"""Periods, working days and time zones: the one place that knows when a month ends and what two business days mean.

An *instant* is an int of microseconds since 1970 in UTC, so that it compares and sorts the same everywhere. A *period*
is the half-open range [start, end) of two instants. Dates, wall clocks and daylight saving exist only inside a
`Calendar`, which has an IANA zone; inclusive dates exist only at file borders (`span` reads them, `dates` writes them).
For example::

    calendar = Calendar(name="de", zone="Europe/Berlin", country="DE")
    march = calendar.period(cadence("monthly"), calendar.read("2026-03-10"))
    due = calendar.add(march.end, Duration.parse("2bd"))

A `Calendar` is frozen, hashable and pure: nothing here asks for the time of day or the zone of the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from rules.durations import DAY, HOUR, Duration
from rules.errors import CalendarError, DurationError, suggest

UNKNOWN: Final = -(2**63)
"""The instant that nobody knows; the bits of NumPy's NaT, so a column of instants can be viewed as datetime64[us]."""

CADENCES: Final[Mapping[str, Duration | None]] = {
    "hourly": Duration(microseconds=HOUR),
    "daily": Duration(days=1),
    "weekly": Duration(days=7),
    "monthly": Duration(months=1),
    "quarterly": Duration(months=3),
    "yearly": Duration(months=12),
    "irregular": None,
}
DayEdge = Literal["start", "last", "end"]
"""What a plain date means as an instant: its first microsecond, its last, or the first one of the day after."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MONDAY = date(1970, 1, 5).toordinal()
_WEEK = 7
_WORKING_WEEK = frozenset(range(5))


class Period(NamedTuple):
    """Half-open range of instants."""

    start: int
    end: int


def instant(moment: datetime) -> int:
    """Return the instant of an aware datetime; a naive one is refused, because it names no instant."""
    if moment.tzinfo is None:
        raise CalendarError(f"{moment.isoformat()} has no time zone: add one, or read it with Calendar.read")
    since = moment.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at: int) -> datetime:
    """Return an instant as a datetime in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def iso(at: int) -> str | None:
    """Return an instant as ISO 8601 text in UTC, None where it is unknown."""
    return None if at == UNKNOWN else moment(at).isoformat().replace("+00:00", "Z")


def cadence(text: str) -> Duration | None:
    """Return the length of one period: hourly to yearly or an ISO 8601 duration; None for irregular or empty."""
    if not text:
        return None
    if text in CADENCES:
        return CADENCES[text]
    try:
        length = Duration.parse(text)
    except DurationError:
        raise CalendarError(
            f"{text!r} is no cadence{suggest(text, CADENCES)}, or an ISO 8601 duration such as PT5M"
        ) from None
    _refuse_mixed(length)
    return length


def _refuse_mixed(length: Duration) -> None:
    parts = (length.months, length.days, length.microseconds)
    if length.business_days or sum(map(bool, parts)) != 1:
        raise CalendarError(f"{length} is no cadence: use one unit only, such as P1M, P2W or PT5M")


@dataclass(frozen=True)
class Calendar:
    """A zone, working days and holidays.

    `workdays` counts Monday as 0. `country` and `subdivision` are ISO 3166 codes whose public holidays are days off;
    `days_off` adds more. `week_start` and `year_start` (month) place weeks, quarters and fiscal years.
    """

    name: str = "default"
    zone: str = "UTC"
    workdays: frozenset[int] = _WORKING_WEEK
    country: str = ""
    subdivision: str = ""
    days_off: frozenset[date] = field(default=frozenset())
    week_start: int = 0
    year_start: int = 1

    def __post_init__(self) -> None:
        """Refuse a calendar that could never answer."""
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise CalendarError(
                f"calendar {self.name!r}: {self.zone!r} is no IANA zone: write e.g. Europe/Berlin"
            ) from None
        if not self.workdays or not self.workdays <= set(range(_WEEK)):
            raise CalendarError(f"calendar {self.name!r}: workdays need at least one of 0 (Monday) to 6 (Sunday)")
        if self.week_start not in range(_WEEK) or self.year_start not in range(1, 13):
            raise CalendarError(f"calendar {self.name!r}: week_start is 0 to 6, year_start is a month 1 to 12")

    # Between instants and the wall clock

    def local(self, at: int) -> datetime:
        """Return an instant as wall clock time of this calendar's zone."""
        return moment(at).astimezone(ZoneInfo(self.zone))

    def day_of(self, at: int) -> date:
        """Return the day in which an instant lies."""
        return self.local(at).date()

    def at(self, day: date, clock: time = time.min) -> int:
        """Return the instant of a wall clock time.

        A time that the clocks skip moves on with them; one that comes twice is the first.
        """
        wall = datetime.combine(day, clock).replace(tzinfo=ZoneInfo(self.zone), fold=0)
        return instant(wall)

    def read(self, value: str | date | datetime, *, day: DayEdge = "start") -> int:
        """Return the instant of ISO 8601 text, a date or a datetime; without a zone they are in this calendar's.

        A plain date is a whole day: `day` says which edge of it is meant.
        """
        if isinstance(value, str):
            value = self._parse(value)
        if isinstance(value, datetime):
            return instant(value) if value.tzinfo else self.at(value.date(), value.time())
        if day == "start":
            return self.at(value)
        return self.at(value + timedelta(days=1)) - (day == "last")

    def _parse(self, text: str) -> date | datetime:
        try:
            if len(text) <= len("2026-03-31"):
                return date.fromisoformat(text)
            return datetime.fromisoformat(text)
        except ValueError:
            raise CalendarError(f"{text!r} is no date: write 2026-03-31 or 2026-03-31T08:00:00Z") from None

    def span(self, first: date, last: date) -> Period:
        """Return the period from the first to the last day, both included."""
        return Period(self.at(first), self.at(last + timedelta(days=1)))

    def dates(self, period: Period) -> tuple[date, date]:
        """Return the first and the last day of a period, both included."""
        return self.day_of(period.start), self.day_of(max(period.end - 1, period.start))

    # Periods

    def period(self, length: Duration, at: int) -> Period:
        """Return the period of the calendar's own grid in which an instant lies.

        Months count from `year_start`, weeks from `week_start`, other numbers of days from 1970-01-01. Hours, minutes
        and seconds count from local midnight and the last one ends with the day: a day of 25 hours has 25 of one hour.
        """
        _refuse_mixed(length)
        if length.months:
            return self._months(length.months, self.day_of(at))
        if length.days:
            return self._days(length.days, self.day_of(at))
        return self._clock(length.microseconds, at)

    def periods(self, length: Duration, within: Period) -> Iterator[Period]:
        """Yield every period of the grid that overlaps a range, oldest first."""
        start = within.start
        while start < within.end:
            period = self.period(length, start)
            yield period
            start = period.end

    def _months(self, count: int, day: date) -> Period:
        shift = self.year_start - 1
        index = day.year * 12 + day.month - 1 - shift
        first = index - index % count + shift
        starts = (self.at(date(month // 12, month % 12 + 1, 1)) for month in (first, first + count))
        return Period(*starts)

    def _days(self, count: int, day: date) -> Period:
        anchor = _FIRST_MONDAY + self.week_start if count % _WEEK == 0 else _EPOCH.toordinal()
        first = day.toordinal() - (day.toordinal() - anchor) % count
        return Period(self.at(date.fromordinal(first)), self.at(date.fromordinal(first + count)))

    def _clock(self, length: int, at: int) -> Period:
        if length >= DAY:
            start = at - at % length
            return Period(start, start + length)
        midnight, tomorrow = self._days(1, self.day_of(at))
        start = at - (at - midnight) % length
        return Period(start, min(start + length, tomorrow))

    # Arithmetic

    def add(self, at: int, length: Duration) -> int:
        """Return the instant that lies a duration later.

        Months and days move the wall clock (the 31st plus a month is that month's last day). Of business days only the
        time of working days counts: 1bd after Friday 10:00 is Monday 10:00, after a Saturday it is the end of Monday.
        Hours, minutes and seconds are exact.
        """
        if length.business_days:
            return self._add_business_days(at, length.business_days)
        if length.months or length.days:
            wall = self.local(at)
            day = _later_month(wall.date(), length.months) + timedelta(days=length.days)
            at = self.at(day, wall.time())
        return at + length.microseconds

    def _add_business_days(self, at: int, count: int) -> int:
        wall = self.local(at)
        day, clock = wall.date(), wall.time()
        if at == self.at(day):
            day -= timedelta(days=1)
        elif self.is_working_day(day):
            return self.at(self._later_working_day(day, count), clock)
        return self.at(self._later_working_day(day, count) + timedelta(days=1))

    def _later_working_day(self, day: date, count: int) -> date:
        for _ in range(count):
            day = self.next_working_day(day)
        return day

    def is_working_day(self, day: date) -> bool:
        """Tell whether people work on a day."""
        return (
            day.weekday() in self.workdays
            and day not in self.days_off
            and not (self.country and day in _holidays(self.country, self.subdivision, day.year))
        )

    def next_working_day(self, day: date) -> date:
        """Return the first working day after a day."""
        day += timedelta(days=1)
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day

    def working_days(self, period: Period) -> int:
        """Return how many working days begin within a period."""
        first = self.day_of(period.start - 1).toordinal() + 1 if period.start < period.end else 0
        last = self.day_of(period.end - 1).toordinal() if period.start < period.end else -1
        return sum(self.is_working_day(date.fromordinal(day)) for day in range(first, last + 1))

    def end_of_working_day(self, at: int) -> int:
        """Return an instant that lies in (or ends) a working day as it is, else the end of the next working day."""
        day = self.day_of(at - 1)
        if self.is_working_day(day):
            return at
        return self.at(self.next_working_day(day) + timedelta(days=1))


def _later_month(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    after = date((index + 1) // 12, (index + 1) % 12 + 1, 1)
    return first + timedelta(days=min(day.day, (after - first).days) - 1)


@lru_cache(maxsize=512)
def _holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    import holidays  # noqa: PLC0415 - half a second that only calendars with a country pay

    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
    except NotImplementedError:
        place = f"{country}-{subdivision}" if subdivision else country
        raise CalendarError(
            f"no public holidays are known for {place!r}: use an ISO 3166 code, or list days_off"
        ) from None
