"""By when the next value of a series should be known: promise first, then its own rhythm, then a period of grace."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rules.calendars import UNKNOWN, Calendar, cadence
from rules.columns import Instants, Numbers, Texts
from rules.distinct import each_distinct
from rules.durations import DAY, SECOND, Duration
from rules.history import History
from rules.rhythm import News, usual_gap, usual_lag, weekdays

PROMISE, RHYTHM, GRACE, MAX_AGE = "promise", "rhythm", "grace", "max_age"
_SHARE = 0.95


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
    rhythms = {text: cadence(text) is not None for text in set(series.cadence)}
    declared = np.array([rhythms[text] for text in series.cadence], dtype=np.bool_)
    promised = np.array([latency is not None for latency in series.latency], dtype=np.bool_)
    gap = usual_gap(newest.firsts, ~declared, _SHARE, allowance.min_history)
    lag = usual_lag(newest.firsts, ~promised, _SHARE, allowance.min_history)
    next_end = np.where(declared, _declared_end(history, newest), _plus(newest.end, gap))
    spacing = np.where(next_end == UNKNOWN, 0, next_end - newest.end)
    usual = ~promised & (~np.isnan(lag) | ~declared)
    extra = np.where(np.isnan(lag), 0.0, lag) + spacing * allowance.slack
    due = _allowed(history, next_end, np.where(usual, extra, -1).astype(np.int64))
    basis = np.where(promised, PROMISE, np.where(usual, RHYTHM, GRACE)).astype(object)
    basis[due == UNKNOWN] = ""
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
    short = {text: _pauses(cadence(text)) for text in set(history.series.cadence)}
    pauses = np.array([short[text] for text in history.series.cadence], dtype=np.bool_)
    days = weekdays(newest.firsts, pauses & (history.series.calendar == ""), int(seconds * SECOND))

    def end(text: str, name: str, bits: int, last: int) -> int:
        length = cadence(text)
        if length is None or last == UNKNOWN:
            return UNKNOWN
        calendar = history.calendar(name)
        return calendar.add(_next_start(calendar, None if name else int(bits), length, int(last)), length)

    return each_distinct(end, history.series.cadence, history.series.calendar, days, newest.end)


def _pauses(length: Duration | None) -> bool:
    """Tell whether a series of this cadence may pause on days off: its periods are a day or shorter."""
    return length is not None and not length.months and length.days <= 1 and length.microseconds <= DAY


def _next_start(calendar: Calendar, learned: int | None, length: Duration, last: int) -> int:
    """Return where the next expected period begins; `learned` are weekdays, as bits, where no calendar says them."""
    if not _pauses(length):
        return last
    if learned is not None:
        days = frozenset(day for day in range(7) if learned >> day & 1)
        calendar = replace(calendar, workdays=days, country="", days_off=frozenset())
    today = calendar.day_of(last)
    return last if calendar.is_working_day(today) else calendar.at(calendar.next_working_day(today))


def _allowed(history: History, next_end: Instants, extra: Instants) -> Instants:
    """Add to the end of the next period what was promised, else what is usual (from 0 on), else one more period."""

    def due(text: str, name: str, latency: Duration | None, end: int, extra: int) -> int:
        if end == UNKNOWN:
            return UNKNOWN
        calendar = history.calendar(name)
        length = latency if latency is not None else cadence(text)
        at = calendar.add(int(end), length) if extra < 0 and length is not None else int(end + extra)
        return calendar.end_of_working_day(at) if name else at

    series = history.series
    return each_distinct(due, series.cadence, series.calendar, series.latency, next_end, extra)


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
