"""By when the next value of a series should be known: promise first, then its own rhythm, then a period of grace."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rules.calendars import UNKNOWN, Calendar, cadence
from rules.distinct import each_distinct
from rules.durations import DAY, SECOND, Duration
from rules.history import History
from rules.rhythm import EVERY_DAY, News, usual_gap, usual_lag, weekdays
from rules.tables import Flags, Instants, Numbers, Texts

PROMISE, RHYTHM, GRACE, MAX_AGE = "promise", "rhythm", "grace", "max_age"
_SHARE = 0.95
_NOTHING = Duration()


@dataclass(frozen=True)
class Allowance:
    """How patient a rule is: see `Params` of `rules.detectors.stale`."""

    max_age: Duration | None
    min_history: int
    slack: float


@dataclass(frozen=True, eq=False)
class Expected:
    """One row a series: when the next value is due, and what says so; UNKNOWN and "" where nothing does."""

    due: Instants
    basis: Texts


def expected(history: History, newest: News, allowance: Allowance) -> Expected:
    """Return when the period after the newest one should be known."""
    series = history.series
    declared = np.array([cadence(text) is not None for text in series.cadence], dtype=np.bool_)
    gap = usual_gap(newest.firsts, _SHARE, allowance.min_history)
    lag = usual_lag(newest.firsts, _SHARE, allowance.min_history)
    next_end = np.where(declared, _declared_end(history, newest), _plus(newest.end, gap))
    spacing = np.where(next_end == UNKNOWN, 0, next_end - newest.end)
    due, basis = _allowed(history, next_end, spacing.astype(np.float64) * allowance.slack, lag, declared)
    if allowance.max_age is not None:
        due, basis = _not_before(history, newest, (due, basis), allowance.max_age)
    return Expected(due, basis)


def first_due(history: History, series: int, since: int, allowance: Allowance) -> tuple[int, str]:
    """Return when the first value of a series without any should be known, if measuring began at an instant."""
    calendar = history.calendar(history.series.calendar[series])
    length, latency = cadence(history.series.cadence[series]), history.series.latency[series]
    due, basis = UNKNOWN, ""
    if length is not None:
        # The first whole period counts: nobody can report one that had begun before.
        end = calendar.add(calendar.period(length, since - 1).end, length)
        due, basis = (
            (calendar.add(end, latency), PROMISE) if latency is not None else (calendar.add(end, length), GRACE)
        )
        due = calendar.end_of_working_day(due) if history.series.calendar[series] else due
    if allowance.max_age is not None and calendar.add(since, allowance.max_age) > due:
        return calendar.add(since, allowance.max_age), MAX_AGE
    return due, basis


def _declared_end(history: History, newest: News) -> Instants:
    offset = history.calendar("").local(history.as_of).utcoffset()
    seconds = offset.total_seconds() if offset else 0.0
    days = weekdays(newest.firsts, newest.start, int(seconds * SECOND))
    days = np.where(history.series.calendar == "", days, EVERY_DAY)

    def end(text: str, name: str, bits: int, last: int) -> int:
        length = cadence(text)
        if length is None or last == UNKNOWN:
            return UNKNOWN
        calendar = history.calendar(name)
        return calendar.add(_next_start(calendar, None if name else int(bits), length, int(last)), length)

    return each_distinct(end, history.series.cadence, history.series.calendar, days, newest.end)


def _next_start(calendar: Calendar, learned: int | None, length: Duration, last: int) -> int:
    """Return where the next expected period begins: series of a day or less pause on days off."""
    if length.months or length.days > 1 or length.microseconds > DAY:
        return last
    if learned is not None:
        days = frozenset(day for day in range(7) if learned >> day & 1)
        calendar = replace(calendar, workdays=days, country="", days_off=frozenset())
    today = calendar.day_of(last)
    return last if calendar.is_working_day(today) else calendar.at(calendar.next_working_day(today))


def _allowed(
    history: History, next_end: Instants, slack: Numbers, lag: Numbers, declared: Flags
) -> tuple[Instants, Texts]:
    """Add to the end of the next period what was promised, else what is usual, else one more period."""
    series = history.series
    promised = np.array([latency is not None for latency in series.latency], dtype=np.bool_)
    usual = ~promised & (~np.isnan(lag) | ~declared)
    extra = np.where(usual, np.where(np.isnan(lag), 0.0, lag) + slack, -1).astype(np.int64)

    def due(text: str, name: str, latency: Duration | None, end: int, extra: int) -> int:
        if end == UNKNOWN:
            return UNKNOWN
        calendar, grace = history.calendar(name), latency or cadence(text) or _NOTHING
        at = int(end + extra) if extra >= 0 else calendar.add(int(end), grace if latency is None else latency)
        return calendar.end_of_working_day(at) if name else at

    found = each_distinct(due, series.cadence, series.calendar, series.latency, next_end, extra)
    basis = np.where(promised, PROMISE, np.where(usual, RHYTHM, GRACE)).astype(object)
    return found, np.where(found == UNKNOWN, "", basis)


def _not_before(
    history: History, newest: News, due: tuple[Instants, Texts], max_age: Duration
) -> tuple[Instants, Texts]:
    def oldest(name: str, known_at: int) -> int:
        return UNKNOWN if known_at == UNKNOWN else history.calendar(name).add(int(known_at), max_age)

    floor = each_distinct(oldest, history.series.calendar, newest.known_at)
    return np.maximum(due[0], floor), np.where(floor > due[0], MAX_AGE, due[1])


def _plus(at: Instants, length: Numbers) -> Instants:
    known = (at != UNKNOWN) & ~np.isnan(length)
    return np.where(known, at + np.where(known, length, 0).astype(np.int64), UNKNOWN)
