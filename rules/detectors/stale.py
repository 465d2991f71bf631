"""Stale: no news beyond what cadence and promise allow.

**What it says.** A new observation was due and is not there. Where the connection that feeds the series is the reason,
it says so in a case of its own (slot `feed`): nobody can tell then whether a value exists. With `unchanged_for` it also
says that the value has not moved for that many updates (slot `unchanged`).

**Method.** The newest period with a value ends at some instant; the next one ends a cadence later. A value is due when
the freshness promise (`latency`) has passed after that. Without a promise, the series' own rhythm decides: the 95 %
quantile of how long its last 24 values took, plus `slack` times the cadence. Without enough of those, one more whole
period is allowed. Without a declared cadence the 95 % quantile of the distances between its periods stands in for it.
`max_age` is a floor on top: nothing is flagged before the newest value has reached that age. A daily series is not
expected on days that its calendar has off, or, where it names no calendar, on weekdays on which it never reports; a due
instant outside working days moves to the end of the next one. Age counts from when the newest period first became
known: a restatement of an old period is no news. A key result or objective is stale when every series that measures it
is; it expects no more values once they reach the end of its cycle.

**Source.** Deterministic, with learned quantiles; compare the freshness checks of data-quality tools, which learn a
rhythm but know neither promises nor calendars. The score is age divided by allowed age: above 1 is overdue. The effect
is the number of days overdue.

**Assumptions.** Recorded times are the source's own; imputed ones are used for age but never to learn how long a value
takes. The rhythm of the recent past holds. The instant of the history is right.

**Minimum sample.** None with a declared cadence or `max_age`. Otherwise `min_history` distances between periods. A
series without any observation needs a date since when it should be measured (its own, or the start of the key result).
`unchanged_for` needs one value more than it counts.

**How it looks when someone does it.** A number that turned bad is no longer reported, or a reported one is repeated
unchanged, while its neighbours from the same source go on.

**Innocent explanations.** The person who enters it is away; the source closed for a holiday that no calendar lists; the
cadence was changed but not declared; the metric is no longer needed and not yet retired; a quantity that truly does not
move, such as a count of rare events or a share at its natural limit.

**What would settle it.** The missing value with the date on which it was known; a look at the source, whether it has
news that did not arrive; or a declared change of cadence, promise, calendar or use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rules.calendars import UNKNOWN, Calendar
from rules.columns import Flags, Instants, Numbers, Rows
from rules.distinct import each_distinct
from rules.durations import DAY, Duration
from rules.expected import Allowance, expected, first_due
from rules.findings import Evidence, Explanation, Findings, Skipped, Tested
from rules.history import History
from rules.registry import Params as Base
from rules.registry import detector
from rules.rhythm import News, counting, news
from rules.tables import Observations
from rules.wording import spoken

FEED, UNCHANGED = "feed", "unchanged"
NEVER = 2**63 - 1
_ONE_DAY = Duration(days=1)
_NEEDS_RHYTHM = "a cadence, or more observations to learn one from"
_NEEDS_START = "a first observation, or a date since when it should be measured"
_NEEDS_SERIES = "a series that measures it"
_NEEDS_SOURCE = "a look at its source since the value fell due"
_NEEDS_UPDATES = "more updates to tell whether it moves"


class Params(Base):
    """What may be set in a rule's `params`."""

    max_age: Duration | None = Field(default=None, description="how old a value may always get, whatever was promised")
    age: bool = Field(default=True, description="look at the age; without it only at values that do not move")
    min_history: int = Field(default=8, ge=3, description="so many values before a rhythm is learned")
    slack: float = Field(default=0.5, ge=0, description="added to a learned rhythm, as a share of the cadence")
    feed_patience: Duration = Field(default=_ONE_DAY, description="a connection that was not tried for so long is down")
    unchanged_for: int | None = Field(default=None, ge=2, description="updates in a row that may repeat one value")

    @model_validator(mode="after")
    def _looks_at_something(self) -> Params:
        if not self.age and self.unchanged_for is None:
            raise ValueError("age: false leaves nothing to look at: give unchanged_for")
        return self


@detector(
    "stale",
    version=1,
    params=Params,
    clears="condition",
    subjects=("series", "key_result", "objective"),
    facts=("age", "due", "basis", "last", "value", "updates", "reason"),
    effect="days",
)
def detect(history: History, params: Params) -> Findings:
    """Compare the age of each subject's newest value with what cadence, promise, rhythm and calendar allow."""
    newest = news(history)
    pairs = _pairs(history, newest, params)
    asked = history.asked.rows
    groups = _Groups.of(pairs)
    unmeasured = Skipped(asked[~_among(asked, pairs.subject, history)], _NEEDS_SERIES)
    age = _age(history, newest, pairs, groups) if params.age else Findings()
    unchanged = _unchanged(history, pairs, groups, params.unchanged_for) if params.unchanged_for else Findings()
    skipped = (unmeasured, *age.skipped, *unchanged.skipped)
    return Findings((*age.tested, *unchanged.tested), tuple(part for part in skipped if len(part.rows)))


@dataclass(frozen=True, eq=False)
class _Pairs:
    """One row for each subject and series that measures it, sorted by subject and series.

    `due` is when the next value should be known (UNKNOWN: nobody can tell, NEVER: none is expected), `known_at` since
    when the newest value is known or measuring should have begun, `missing` where the missing period begins.
    """

    subject: Rows
    series: Rows
    measured: Flags
    known_at: Instants
    missing: Instants
    due: Instants
    basis: NDArray[np.object_]
    overdue: Flags
    feed: Flags
    blamed: Flags
    score: Numbers

    @property
    def testable(self) -> Flags:
        """Which pairs have a due instant to be judged by."""
        return np.asarray(self.due != UNKNOWN, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class _Groups:
    """The pairs of each subject: `first` is where they begin, `subject` whose they are."""

    subject: Rows
    first: Rows

    @classmethod
    def of(cls, pairs: _Pairs) -> _Groups:
        return cls(*np.unique(pairs.subject, return_index=True))

    def all(self, flags: Flags) -> Flags:
        """Return for which subjects a flag is set in every pair."""
        if not len(self.first):
            return np.zeros(0, dtype=np.bool_)
        return np.asarray(np.logical_and.reduceat(flags, self.first), dtype=np.bool_)

    def any(self, flags: Flags) -> Flags:
        return ~self.all(~flags)

    def least(self, values: Numbers) -> Rows:
        """Return the pair with the smallest value of each subject, the first of equals."""
        owner = np.repeat(np.arange(len(self.first)), np.diff([*self.first, len(values)]))
        ordered = np.lexsort((np.arange(len(values)), values, owner))
        return ordered[self.first]


def _pairs(history: History, newest: News, params: Params) -> _Pairs:
    subject, series = history.measures(history.asked.kind)
    kept = _among(subject, history.asked.rows, history)
    subject, series = subject[kept], series[kept]
    allowance = Allowance(params.max_age, params.min_history, params.slack)
    rule = expected(history, newest, allowance)
    measured = newest.there[series]
    known_at, missing = newest.known_at[series].copy(), newest.end[series].copy()
    due, basis = rule.due[series], rule.basis[series]
    for pair in np.flatnonzero(~measured).tolist():
        since = _since(history, int(subject[pair]), int(series[pair]))
        if since != UNKNOWN:
            known_at[pair] = missing[pair] = since
            due[pair], basis[pair] = first_due(history, int(series[pair]), since, allowance)
    due[(due != UNKNOWN) & (missing >= _ends(history, subject))] = NEVER
    late = (due != UNKNOWN) & (history.as_of > due)
    feed, blamed, waiting = _feeds(history, series, known_at, due, params)
    allowed = np.maximum(due.astype(np.float64) - known_at, 1.0)
    score = np.where(due == UNKNOWN, np.inf, (history.as_of - known_at.astype(np.float64)) / allowed)
    overdue = late & ~waiting
    return _Pairs(subject, series, measured, known_at, missing, due, basis, overdue, feed, blamed & overdue, score)


def _among(rows: Rows, chosen: Rows, history: History) -> Flags:
    """Return which rows of subjects are among the chosen ones."""
    there = np.zeros(len(history.subjects(history.asked.kind)), dtype=np.bool_)
    there[chosen] = True
    return there[rows]


def _since(history: History, subject: int, series: int) -> int:
    """Return since when a subject should be measured by a series: the later of the two dates that are known."""
    since = int(history.series.since[series])
    if history.asked.kind == "series":
        return since
    return max(since, int(history.objectives.start[subject]))


def _ends(history: History, subject: Rows) -> Instants:
    """Return when the last expected period begins at the latest: an objective whose cycle is over expects no more."""
    if history.asked.kind == "series":
        return np.full(len(subject), NEVER)
    end = history.objectives.end[subject]
    return np.where(end == UNKNOWN, NEVER, end)


def _feeds(
    history: History, series: Rows, known_at: Instants, due: Instants, params: Params
) -> tuple[Flags, Flags, Flags]:
    """Return which pairs have a feed, which of them it keeps from being known, and which it will look at again soon.

    A source that was read without an error after the value fell due was silent itself: that is not the feed's fault. A
    value in quarantine has come, whoever is waited for.
    """
    feeds, row = history.feeds, history.feeds.rows_of(history.series.id[series])
    fed = row >= 0
    if not fed.any():
        return fed, fed, fed
    tried, read = feeds.last_attempt[row], feeds.last_success[row]
    not_read = fed & (tried != UNKNOWN) & (read < due)
    patient_until = each_distinct(lambda at: history.calendar("").add(int(at), params.feed_patience), tried[not_read])
    down = not_read & (feeds.error[row] != "")
    down[not_read] |= patient_until < history.as_of
    held = fed & (feeds.quarantined_since[row] > known_at)
    return fed, down | held, not_read & ~down & ~held


def _age(history: History, newest: News, pairs: _Pairs, groups: _Groups) -> Findings:
    """Judge each subject by its freshest series: overdue when all are, and the feed's case when all wait for one."""
    fresh = groups.any(pairs.testable & ~pairs.overdue)
    tested = fresh | groups.all(pairs.testable)
    by_feed = groups.all(pairs.blamed)
    lead = groups.least(pairs.score)
    late = groups.all(pairs.overdue)

    def part(kept: Flags, holds: Flags, slot: str) -> Tested:
        rows = lead[kept]
        return Tested(
            rows=groups.subject[kept],
            score=pairs.score[rows],
            effect=np.maximum(history.as_of - pairs.due[rows].astype(np.float64), 0) / DAY,
            holds=holds[kept],
            start=pairs.missing[rows],
            end=np.full(len(rows), history.as_of),
            explain=lambda case: _explain(history, newest, pairs, int(rows[case]), slot),
            slot=slot,
        )

    needs_start = ~groups.all(pairs.measured | pairs.testable)
    return Findings(
        tested=(part(tested & ~by_feed, late, ""), part(tested & groups.any(pairs.feed), by_feed, FEED)),
        skipped=(
            Skipped(groups.subject[~tested & needs_start], _NEEDS_START),
            Skipped(groups.subject[~tested & ~needs_start], _NEEDS_RHYTHM),
            Skipped(groups.subject[by_feed], _NEEDS_SOURCE, ""),
        ),
    )


def _explain(history: History, newest: News, pairs: _Pairs, pair: int, slot: str) -> Explanation:
    series = int(pairs.series[pair])
    calendar = history.calendar(history.series.calendar[series])
    age = spoken(history.as_of - int(pairs.known_at[pair]))
    last = calendar.day_of(int(pairs.known_at[pair])).isoformat()
    # A value due at midnight is due by the end of the day before.
    due = calendar.day_of(int(pairs.due[pair]) - 1).isoformat()
    reason = ""
    if slot == FEED:
        reason = _reason(history, series, int(pairs.known_at[pair]), calendar)
        summary = f"{reason}, so nobody can tell whether there is news; a value was due by {due}"
    else:
        since = f"No new observation for {age}" if pairs.measured[pair] else f"Not measured once in {age}"
        summary = f"{since}; a value was due by {due}"
    facts = {"age": age, "due": due, "last": last, "basis": str(pairs.basis[pair]), "reason": reason}
    return Explanation(summary, facts, tuple(_evidence(history, newest, pairs, pair)), int(pairs.known_at[pair]))


def _evidence(history: History, newest: News, pairs: _Pairs, pair: int) -> Iterator[Evidence]:
    """Yield for each series of a subject, the freshest first, what was promised, the newest value and its feed."""
    subject = pairs.subject[pair]
    others = range(*np.searchsorted(pairs.subject, (subject, subject + 1)).tolist())
    for each in (pair, *(other for other in others if other != pair)):
        series = int(pairs.series[each])
        yield history.describe(history.series, series, "id", "title", "cadence", "latency", "calendar", "since")
        if pairs.measured[each]:
            yield history.describe(newest.firsts, int(newest.row[series]))
        feed = history.feeds.row_of.get(history.series.id[series])
        if feed is not None:
            yield history.describe(history.feeds, feed)


def _reason(history: History, series: int, known_at: int, calendar: Calendar) -> str:
    feeds, feed = history.feeds, history.feeds.row_of[history.series.id[series]]
    held = int(feeds.quarantined_since[feed])
    if held > known_at:
        return f"A value has waited in quarantine since {calendar.day_of(held)}"
    read, error = int(feeds.last_success[feed]), feeds.error[feed]
    since = f"since {calendar.day_of(read)}" if read != UNKNOWN else "yet"
    return f"The source has not been read {since}" + (f" ({error})" if error else "")


def _unchanged(history: History, pairs: _Pairs, groups: _Groups, limit: int) -> Findings:
    """Judge how many updates in a row repeated the newest value; of several series the one that moved last counts."""
    values = counting(history).latest
    repeats, enough, first = _repeats(values, limit)
    lead = groups.least(repeats[pairs.series].astype(np.float64))
    tested = groups.all(enough[pairs.series])
    rows = lead[tested]
    series = pairs.series[rows]

    def explain(case: int) -> Explanation:
        last = int(values.offsets[series[case] + 1]) - 1
        count, value = int(repeats[series[case]]), float(values.value[last])
        evidence = tuple(history.describe(values, row) for row in (int(first[series[case]]), last))
        summary = f"The value has been {value:g} in {count} further updates running"
        return Explanation(summary, {"updates": count, "value": value}, evidence, int(values.recorded_at[last]))

    found = Tested(
        rows=groups.subject[tested],
        score=repeats[series] / limit,
        effect=(history.as_of - values.end[first[series]]) / DAY,
        holds=repeats[series] >= limit,
        start=values.start[first[series]],
        end=values.end[values.offsets[series + 1] - 1],
        explain=explain,
        slot=UNCHANGED,
    )
    return Findings((found,), (Skipped(groups.subject[~tested], _NEEDS_UPDATES, UNCHANGED),))


def _repeats(values: Observations, limit: int) -> tuple[Rows, Flags, Rows]:
    """Return for each series how many newest updates repeated a value, whether there are enough, and the first row."""
    starts, counts = values.offsets[:-1], np.diff(values.offsets)
    moved = np.ones(len(values), dtype=np.bool_)
    moved[1:] = (np.diff(values.value) != 0) | (np.diff(values.owner) != 0)
    since = np.maximum.accumulate(np.where(moved, np.arange(len(values)), 0))
    last = np.where(counts > 0, values.offsets[1:] - 1, 0)
    first = since[last] if len(values) else starts
    return np.where(counts > 0, last - first, 0), counts > limit, first
