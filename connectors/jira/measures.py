"""Numbers out of issues and their histories: pure functions of items, periods and a calendar."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from connectors.jira.config import Cadence, DatedBy, JqlMetric, MetricKind

NEW, DONE = "new", "done"
"""Keys of Jira's status categories, as are `indeterminate` and `undefined`."""


@dataclass(frozen=True)
class Move:
    """A change of status, by category."""

    at: datetime
    before: str
    after: str


@dataclass(frozen=True)
class Item:
    """An issue as far as numbers are made of it; moves are oldest first."""

    id: str
    created: datetime
    category: str
    resolved: datetime | None = None
    amount: float | None = None
    moves: tuple[Move, ...] = ()

    @property
    def started(self) -> datetime | None:
        """When work on it began: its first move out of what is still to do."""
        return next((move.at for move in self.moves if move.before == NEW != move.after), None)

    @property
    def finished(self) -> datetime | None:
        """When it became done for the last time, if it still is; an issue without a history says so by its field."""
        if self.category != DONE:
            return None
        entered = [move.at for move in self.moves if move.after == DONE != move.before]
        return entered[-1] if entered else self.resolved

    def category_at(self, moment: datetime) -> str:
        """Say in which category it was at a moment."""
        later = next((move for move in self.moves if move.at > moment), None)
        return later.before if later else self.category


@dataclass(frozen=True)
class Period:
    """A period [start, end) of the metric's calendar; `day` is the local day that it begins on."""

    day: date
    start: datetime
    end: datetime

    def holds(self, moment: datetime | None) -> bool:
        """Say whether a moment falls into it."""
        return moment is not None and self.start <= moment < self.end


@dataclass(frozen=True)
class Figure:
    """What a metric says of one period, and the items behind it."""

    value: float
    items: Sequence[str]
    numerator: float | None = None
    denominator: float | None = None


@dataclass(frozen=True)
class WorkingTime:
    """Which days are worked on, and where they begin."""

    zone: ZoneInfo
    workdays: frozenset[int]
    holidays: frozenset[date] = field(default_factory=frozenset)

    def begins(self, day: date) -> datetime:
        """Give the instant at which a day begins."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def days(self, start: datetime, end: datetime) -> float:
        """Count working days between two instants; parts of days count as parts, whatever the hour."""
        day, total = start.astimezone(self.zone).date(), 0.0
        while (dawn := self.begins(day)) < end:
            dusk = self.begins(day + timedelta(days=1))
            if day.isoweekday() in self.workdays and day not in self.holidays:
                total += (min(end, dusk) - max(start, dawn)) / (dusk - dawn)
            day += timedelta(days=1)
        return total


def working_time(metric: JqlMetric) -> WorkingTime:
    """Read a metric's calendar."""
    return WorkingTime(ZoneInfo(metric.zone), frozenset(metric.workdays), frozenset(metric.holidays))


def periods(metric: JqlMetric, now: datetime) -> Iterator[Period]:
    """Give the periods since the metric's first day that are over."""
    calendar, day = working_time(metric), metric.since
    while True:
        after = _after(day, metric.cadence)
        period = Period(day, calendar.begins(day), calendar.begins(after))
        if period.end > now:
            return
        yield period
        day = after


def figure(metric: JqlMetric, period: Period, items: Sequence[Item], others: Sequence[Item]) -> Figure | None:
    """Work out one number; `others` are what a ratio is of. None where there is nothing to say."""
    return FIGURES[metric.kind](metric, period, items, others)


Work = Callable[[JqlMetric, Period, Sequence[Item], Sequence[Item]], Figure | None]


def _count(metric: JqlMetric, period: Period, items: Sequence[Item], _: Sequence[Item]) -> Figure:
    found = _dated(metric, period, items)
    return Figure(len(found), [item.id for item in found])


def _sum(metric: JqlMetric, period: Period, items: Sequence[Item], _: Sequence[Item]) -> Figure:
    found = [item for item in _dated(metric, period, items) if item.amount is not None]
    return Figure(math.fsum(item.amount or 0 for item in found), [item.id for item in found])


def _ratio(metric: JqlMetric, period: Period, items: Sequence[Item], others: Sequence[Item]) -> Figure | None:
    above, below = _dated(metric, period, items), _dated(metric, period, others)
    if not below:
        return None
    ids = dict.fromkeys(item.id for item in (*above, *below))
    return Figure(len(above) / len(below), list(ids), len(above), len(below))


def _throughput(_: JqlMetric, period: Period, items: Sequence[Item], __: Sequence[Item]) -> Figure:
    found = [item.id for item in items if period.holds(item.finished)]
    return Figure(len(found), found)


def _cycle_time(metric: JqlMetric, period: Period, items: Sequence[Item], _: Sequence[Item]) -> Figure | None:
    spans = {item.id: (item.started, item.finished) for item in items if period.holds(item.finished)}
    return _percentile(metric, {key: (start, end) for key, (start, end) in spans.items() if start and end})


def _item_age(metric: JqlMetric, period: Period, items: Sequence[Item], _: Sequence[Item]) -> Figure | None:
    under_way = [item for item in items if item.created < period.end]
    under_way = [item for item in under_way if item.category_at(period.end) not in {NEW, DONE, "undefined"}]
    return _percentile(metric, {item.id: (item.started, period.end) for item in under_way if item.started})


def _reopen_rate(_: JqlMetric, period: Period, items: Sequence[Item], __: Sequence[Item]) -> Figure | None:
    moves = [(item.id, move) for item in items for move in item.moves if period.holds(move.at)]
    closed = [key for key, move in moves if move.after == DONE != move.before]
    reopened = [key for key, move in moves if move.before == DONE != move.after]
    if not closed:
        return None
    ids = list(dict.fromkeys([*reopened, *closed]))
    return Figure(len(reopened) / len(closed), ids, len(reopened), len(closed))


FIGURES: Mapping[MetricKind, Work] = {
    MetricKind.COUNT: _count,
    MetricKind.SUM: _sum,
    MetricKind.RATIO: _ratio,
    MetricKind.THROUGHPUT: _throughput,
    MetricKind.CYCLE_TIME: _cycle_time,
    MetricKind.ITEM_AGE: _item_age,
    MetricKind.REOPEN_RATE: _reopen_rate,
}


def _percentile(metric: JqlMetric, spans: Mapping[str, tuple[datetime, datetime]]) -> Figure | None:
    """Give the nearest rank, which is one of the values: a person can look at that issue."""
    if not spans:
        return None
    calendar = working_time(metric)
    days = {key: calendar.days(start, end) for key, (start, end) in spans.items()}
    ordered = sorted(days.values())
    rank = math.ceil(metric.percentile / 100 * len(ordered))
    return Figure(round(ordered[max(rank, 1) - 1], 6), list(days))


def _dated(metric: JqlMetric, period: Period, items: Sequence[Item]) -> Sequence[Item]:
    by_creation = metric.dated_by is DatedBy.CREATED
    return [item for item in items if period.holds(item.created if by_creation else item.resolved)]


def _after(day: date, cadence: Cadence) -> date:
    if cadence is Cadence.MONTHLY:
        return (day.replace(day=1) + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if cadence is Cadence.WEEKLY else 1)
