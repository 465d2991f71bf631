"""Anomaly: a stretch of values unlike what the series' own past suggests.

**What it says.** A value, or for series of many values a day a whole day, lies far from what was to be expected. One
case for each event (slot: when it began), however many values it has; a series without any is one quiet case.

**Method.** Everything looks back only: the tested point is never part of its own baseline, and what came later never
changes an event. Values of a day or longer are compared with the median of the last ten and with that of the same
weekday, week or month in up to four earlier seasons: the season decides where it has explained clearly more so far,
else whatever the value is nearer to; days off of the series' calendar are left out. Series of hours and minutes are cut
into days: the highest and the lowest deviation from the usual course of the day (median of up to 14 days), the day's
mean and its spread are compared in the same way. The scale is robust (median deviation, winsorised) over the last
thirty residuals. Deviations are read as Student's t with six degrees of freedom, because real series have heavy tails;
the least p-value is adjusted for the features and for thirty places (Sidak). Places below 0.5 % and next to each other
(one between them at most, seven in all) are one event.

**Source.** Seasonal medians and median deviations; one alarm for an event matters as much as the statistic (Numenta
Anomaly Benchmark). The score is minus the decimal logarithm of the unadjusted p-value; the effect is the largest
deviation in usual ones.

**Assumptions.** The recent past is like the present but for the event. Trends are slow against ten places.

**Minimum sample.** Seven earlier places (days for series of hours and minutes).

**How it looks when someone does it.** This is not a pattern of conduct: a broken feed, a changed unit or a doubled load
look like it, as does a true event that somebody should know of.

**Innocent explanations.** A holiday or a campaign that the calendar does not list; a true change in the world; the
first high season of a young series; a corrected backlog.

**What would settle it.** A look at the source for these periods; a note that names the cause; the same periods of
related metrics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rules.columns import Flags, Numbers, Rows, Texts
from rules.distinct import each_distinct
from rules.durations import DAY, Duration
from rules.findings import Explanation, Findings, Skipped, Tested
from rules.grid import Grid, grids
from rules.history import History
from rules.placebo import student_tail
from rules.registry import Params as Base
from rules.registry import detector
from rules.surprise import medians, surprises

_NEEDS_VALUES = "more values at a steady cadence"
_FREEDOM = 6
_SPAN = 30
_UNLIKELY = 0.005
"""What is likelier than this at one of thirty places is no event at any level that people use."""
_LONGEST = 7
_COOL_DOWN = 2
_COURSE = 14
_WEEK = 7
_SHOWN = 12
_KNOWN = 0.5
_SEASONS = {Duration(days=1): 7, Duration(days=7): 52, Duration(months=1): 12, Duration(months=3): 4}


class Params(Base):
    """What may be set in a rule's `params`."""

    least_effect: float = Field(default=4.0, ge=0, description="a smaller deviation, in usual ones, does not matter")
    most_values: int = Field(
        default=30_000, ge=50, description="so many of the newest values of a series are looked at"
    )


@dataclass(frozen=True, eq=False)
class _Places:
    """For each series and place its p-value and deviation; a place is `size` columns from `first` on."""

    p: Numbers
    z: Numbers
    first: Rows
    size: int


@dataclass(frozen=True)
class _Event:
    """A run of unlikely places of one row of a grid; `found` is false where they are not unlikely enough for an event.

    A series that has none at all is answered for by its least likely place, which has no slot.
    """

    row: int
    begin: int
    end: int
    p: float
    z: float
    tried: int
    found: bool
    slotted: bool


@detector(
    "anomaly",
    version=1,
    params=Params,
    clears="event",
    facts=("begin", "end", "deviations"),
    effect="deviations",
)
def detect(history: History, params: Params) -> Findings:
    """Look in each series for stretches that its own past does not suggest."""
    asked = history.asked.rows
    found: list[Tested] = []
    for grid in grids(history, asked, params.most_values):
        places = _days(grid) if grid.length.microseconds else _values(history, grid)
        events = _events(places)
        found += [_tested(history, grid, places, events, params)] if events else []
    done = np.concatenate([part.rows for part in found]) if found else np.zeros(0, dtype=np.int64)
    rest = np.setdiff1d(asked, done)
    return Findings(tuple(found), (Skipped(rest, _NEEDS_VALUES),) if len(rest) else ())


def _values(history: History, grid: Grid) -> _Places:
    """Take each value as a place."""
    values = _working(history, grid) if grid.length == Duration(days=1) else grid.values
    width = values.shape[1]
    found = surprises(values, _SEASONS.get(grid.length) or width)
    p = np.minimum(2 * student_tail(np.abs(found.z), _FREEDOM), 1.0)
    return _Places(p, np.abs(found.z), np.broadcast_to(np.arange(width), values.shape), 1)


def _working(history: History, grid: Grid) -> Numbers:
    """Return daily values without those of days off, for series that name a calendar."""
    values, names = grid.values.copy(), history.series.calendar[grid.series]
    for name in sorted(set(names) - {""}):
        calendar, rows = history.calendar(name), np.flatnonzero(names == name)
        known = grid.rows[rows] >= 0
        starts = grid.observations.start[grid.rows[rows][known]]
        part = values[rows]
        works = each_distinct(lambda at, known=calendar: known.is_working_day(known.day_of(int(at))), starts)
        part[known] = np.where(works == 1, part[known], np.nan)
        values[rows] = part
    return values


def _days(grid: Grid) -> _Places:
    """Cut series of many values a day into days, and look at four features of each."""
    size = max(DAY // grid.length.microseconds, 1)
    shift, width = grid.first % size, grid.rows.shape[1]
    days = (width + size - 1) // size + 1
    padded = np.full((len(grid.series), days * size), np.nan)
    np.put_along_axis(padded, shift[:, None] + np.arange(width)[None, :], grid.values, axis=1)
    cut = padded.reshape(len(grid.series), days, size)
    seen = [surprises(feature, _WEEK) for feature in _features(cut)]
    high, low, *both = (one.z for one in seen)
    tails = [student_tail(high, _FREEDOM), student_tail(-low, _FREEDOM)]
    tails += [2 * student_tail(np.abs(z), _FREEDOM) for z in both]
    least = np.fmin.reduce(np.array(tails))
    p = -np.expm1(len(tails) * np.log1p(-np.minimum(least, 1 - 1e-12)))
    z = np.fmax.reduce(np.array([high, -low, *(np.abs(one) for one in both)]))
    return _Places(p, z, np.arange(days)[None, :] * size - shift[:, None], size)


def _features(days: NDArray[np.float64]) -> list[Numbers]:
    """Return highest and lowest deviation from the usual course, mean and spread of each day with enough values."""
    known = ~np.isnan(days)
    enough = known.mean(axis=2) >= _KNOWN
    usual = np.full(days.shape, np.nan)
    for day in range(1, days.shape[1]):
        usual[:, day] = medians(days[:, max(0, day - _COURSE) : day], 1)
    rest = days - usual
    count = np.maximum(known.sum(axis=2), 1)
    mean = np.where(known, days, 0.0).sum(axis=2) / count
    square = (np.where(known, days - mean[..., None], 0.0) ** 2).sum(axis=2) / count
    tiny = 1e-6 * np.sqrt(np.maximum(medians(square, 1), 1e-24))[:, None]
    high = np.where(np.isnan(rest), -np.inf, rest).max(axis=2)
    low = np.where(np.isnan(rest), np.inf, rest).min(axis=2)
    spread = np.log(np.sqrt(square) + tiny)
    return [np.where(enough & np.isfinite(one), one, np.nan) for one in (high, low, mean, spread)]


def _events(places: _Places) -> list[_Event]:
    """Return the events of each series, or its least likely place where it has none."""
    known = ~np.isnan(places.p)
    tried = known.sum(axis=1)
    odd: Flags = np.asarray(known & (places.p < 1 / _SPAN), dtype=np.bool_)
    least = np.argmin(np.where(known, places.p, 2.0), axis=1)
    found = []
    for row in np.flatnonzero(tried).tolist():
        unlikely = np.flatnonzero(odd[row])
        runs = _runs(unlikely[places.p[row, unlikely] < _UNLIKELY].tolist())
        within = {place for begin, end in runs for place in range(begin, end + 1)}
        quiet = [(place, place) for place in unlikely.tolist() if place not in within]
        for begin, end in [*runs, *quiet] or [(int(least[row]), int(least[row]))]:
            part = slice(begin, end + 1)
            p, z = float(np.nanmin(places.p[row, part])), float(np.nanmax(places.z[row, part]))
            event, slotted = begin in within, len(unlikely) > 0
            found.append(_Event(row, begin, end, p, z, int(tried[row]), found=event, slotted=slotted))
    return found


def _runs(at: list[int]) -> list[tuple[int, int]]:
    """Return begin and end of runs of places with one between two of them at most."""
    runs: list[tuple[int, int]] = []
    for place in at:
        if runs and place - runs[-1][1] <= _COOL_DOWN and place - runs[-1][0] < _LONGEST:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _tested(history: History, grid: Grid, places: _Places, events: list[_Event], params: Params) -> Tested:
    spans = [_rows(grid, places, event) for event in events]
    p = np.array([event.p for event in events])
    tried = np.minimum(np.array([event.tried for event in events]), _SPAN)
    z = np.array([event.z for event in events])
    start = np.array([int(grid.observations.start[rows[0]]) for rows in spans])
    end = np.array([int(grid.observations.end[rows[-1]]) for rows in spans])

    def explain(case: int) -> Explanation:
        calendar = history.calendar(history.series.calendar[grid.series[events[case].row]])
        first, last = (calendar.day_of(at).isoformat() for at in (int(start[case]), int(end[case]) - 1))
        when = f"On {first}" if first == last else f"From {first} to {last}"
        said = f"{when} it lies {z[case]:.1f} usual deviations from what its own past suggests"
        facts = {"begin": first, "end": last, "deviations": round(float(z[case]), 2)}
        rows = spans[case]
        shown = rows[:: max(len(rows) // _SHOWN, 1)].tolist()
        evidence = tuple(history.describe(grid.observations, row, "start", "value", "recorded_at") for row in shown)
        return Explanation(said, facts, evidence, int(grid.observations.recorded_at[rows].max()))

    return Tested(
        rows=grid.series[np.array([event.row for event in events], dtype=np.int64)],
        score=-np.log10(np.maximum(p, 1e-300)),
        effect=z,
        holds=np.array([event.found for event in events]) & (z >= params.least_effect),
        start=start,
        end=end,
        explain=explain,
        p=-np.expm1(tried * np.log1p(-np.minimum(p, 1 - 1e-12))),
        slot=_slots(history, grid, events, start),
    )


def _rows(grid: Grid, places: _Places, event: _Event) -> Rows:
    """Return the rows of the observations of an event."""
    first = max(int(places.first[event.row, event.begin]), 0)
    last = int(places.first[event.row, event.end]) + places.size
    line = grid.rows[event.row, first:last]
    return line[line >= 0]


def _slots(history: History, grid: Grid, events: list[_Event], start: Rows) -> Texts:
    found = np.full(len(events), "", dtype=object)
    for case, event in enumerate(events):
        if event.slotted:
            calendar = history.calendar(history.series.calendar[grid.series[event.row]])
            found[case] = calendar.day_of(int(start[case])).isoformat()
    return found
