"""Record what was seen. A value that the ledger knows already is no news; a correction is a new row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from hub.core.errors import InvalidInputError, NotFoundError
from hub.core.instants import to_micros
from hub.metrics.bulk import insert_rows
from hub.metrics.calendars import Rhythm, rules_calendar
from hub.metrics.columns import Columns
from hub.metrics.events import ObservationsRecorded
from hub.metrics.models import Calendar, Observation, Series
from hub.metrics.service.stretches import StretchKey, load_stretches, save_stretches
from hub.metrics.service.versions import Version, Versions, micros_or_none
from hub.work.service import publish

CHUNK = 500
"""Series that one statement asks for: far below every database's limit of parameters."""
_COLUMNS = (
    "series_id",
    "period_start",
    "period_end",
    "recorded_at",
    "recorded_imputed",
    "value",
    "numerator",
    "denominator",
    "reported_by",
    "source",
    "note",
    "ingested_at",
    "released_at",
)
_NOW = datetime.max.replace(tzinfo=UTC)
"""Where a statement without a timestamp stands among those that have one: last."""
_IN_STRETCH = slice(1, 11)
"""The part of a row that the columns of a series hold, in their order."""


@dataclass(frozen=True, slots=True)
class ObservationDraft:
    """What somebody or something says about one period of a series.

    Without `period_end` the period has the length of the series' cadence. `recorded_at` is the source's own timestamp,
    where it has one. `reported_by` is what the people's data mode left of the name. No value = the value is withdrawn.
    """

    series_id: int
    period_start: datetime
    value: float | None
    period_end: datetime | None = None
    numerator: float | None = None
    denominator: float | None = None
    recorded_at: datetime | None = None
    released_at: datetime | None = None
    """When it was let out of quarantine; it counts as recorded then."""
    reported_by: str | None = None
    source: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Recorded:
    """What became of a batch."""

    created: int
    unchanged: int
    series_ids: tuple[int, ...]
    """Series that have new versions."""


@dataclass(frozen=True)
class Reporting:
    """What of a series decides about its observations."""

    rhythm: Rhythm
    known_since: int
    """When the ledger first heard of it, in microseconds."""
    is_new: bool

    def imputed_at(self, end: int) -> int | None:
        """Give when a value must have been there by promise; only what is older than our own watching is imputed."""
        promised = self.rhythm.promised(end)
        return promised if promised <= self.known_since else None


def record_observations(session: Session, batch: Iterable[ObservationDraft], *, now: datetime) -> Recorded:
    """Add the versions that are news, keep the columns of their series true, and publish `observations.recorded`.

    Reading the same batch again adds nothing. Of several statements about one period without a timestamp, or with the
    same one, the last counts. Batches of some ten thousand rows keep the transaction short.
    """
    drafts = _without_repeats(batch)
    at = to_micros(now)
    reporting = lock_series(session, {draft.series_id for draft in drafts}, now=at)
    rows: list[tuple[Any, ...]] = []
    added: dict[StretchKey, Columns] = {}
    for keys in _in_chunks(drafts, reporting):
        known = load_stretches(session, list(keys))
        for key, of_stretch in keys.items():
            news = _news(of_stretch, known[key], reporting[key.series_id], now=at)
            if news:
                rows += news
                added[key] = Columns.join([known[key], Columns.of(row[_IN_STRETCH] for row in news)]).sorted()
    table = Observation.__table__
    assert isinstance(table, Table)  # noqa: S101  # a declarative class may be mapped to less than a table, this one is not
    insert_rows(session, table, _COLUMNS, rows)
    save_stretches(session, added)
    changed = tuple(sorted({key.series_id for key in added}))
    _begin_watching(session, [series_id for series_id in changed if reporting[series_id].is_new], now)
    if changed:
        publish(session, ObservationsRecorded(series_ids=changed))
    return Recorded(created=len(rows), unchanged=len(drafts) - len(rows), series_ids=changed)


def lock_series(session: Session, series_ids: set[int], *, now: int) -> dict[int, Reporting]:
    """Read what decides about the observations of some series, and let no other batch add to them meanwhile."""
    found: dict[int, Reporting] = {}
    ids = sorted(series_ids)
    rhythms: dict[tuple[int, str, str], Rhythm] = {}
    for place in range(0, len(ids), CHUNK):
        rows = session.execute(
            select(Series.id, Series.cadence, Series.latency, Series.calendar_id, Series.first_ingested_at)
            .where(Series.id.in_(ids[place : place + CHUNK]))
            .order_by(Series.id)
            .with_for_update(key_share=True)
        )
        for row in rows:
            same = (row.calendar_id, row.cadence, row.latency)
            if same not in rhythms:
                calendar = rules_calendar(session.get_one(Calendar, row.calendar_id))
                rhythms[same] = Rhythm(calendar, row.cadence, row.latency)
            since = micros_or_none(row.first_ingested_at)
            found[row.id] = Reporting(rhythms[same], now if since is None else since, is_new=since is None)
    missing = series_ids - found.keys()
    if missing:
        raise NotFoundError(f"there is no series with id {min(missing)}: define it before recording what it measures")
    return found


def _without_repeats(batch: Iterable[ObservationDraft]) -> list[ObservationDraft]:
    """Sort by series, period and timestamp; of several statements of one instant the last one counts."""
    said: dict[tuple[int, datetime, datetime], ObservationDraft] = {}
    for draft in batch:
        _refuse_nonsense(draft)
        said[draft.series_id, draft.period_start, draft.released_at or draft.recorded_at or _NOW] = draft
    return [said[key] for key in sorted(said)]


def _refuse_nonsense(draft: ObservationDraft) -> None:
    for number in (draft.value, draft.numerator, draft.denominator):
        if number is not None and not math.isfinite(number):
            raise InvalidInputError(f"{number} is no number that can be kept: leave it empty where it is unknown")
    if draft.period_end is not None and draft.period_end <= draft.period_start:
        raise InvalidInputError(
            f"the period {draft.period_start.isoformat()} to {draft.period_end.isoformat()} ends before it begins: "
            "period_end is the first instant after it"
        )


def _in_chunks(
    drafts: Sequence[ObservationDraft], reporting: dict[int, Reporting]
) -> Iterable[dict[StretchKey, list[ObservationDraft]]]:
    def stretch(draft: ObservationDraft) -> StretchKey:
        start = to_micros(draft.period_start)
        return StretchKey(draft.series_id, start // reporting[draft.series_id].rhythm.stretch_width)

    chunk: dict[StretchKey, list[ObservationDraft]] = {}
    for key, of_stretch in groupby(drafts, key=stretch):
        chunk[key] = list(of_stretch)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = {}
    if chunk:
        yield chunk


def _news(
    drafts: Sequence[ObservationDraft], known: Columns, reporting: Reporting, *, now: int
) -> list[tuple[Any, ...]]:
    starts = [to_micros(draft.period_start) for draft in drafts]
    periods = _periods(known, starts)
    news = []
    for draft, start in zip(drafts, starts, strict=True):
        end = reporting.rhythm.end_of(start) if draft.period_end is None else to_micros(draft.period_end)
        released = micros_or_none(draft.released_at)
        version = periods[start].add(
            (end, draft.value, draft.numerator, draft.denominator),
            recorded_at=released if released is not None else micros_or_none(draft.recorded_at),
            imputed_at=reporting.imputed_at(end),
            now=now,
        )
        if version is not None:
            news.append(_row(draft, start, version, now=now, released=released))
    return news


def _periods(known: Columns, starts: Sequence[int]) -> dict[int, Versions]:
    distinct = sorted(set(starts))
    if not len(known):
        return {start: Versions() for start in distinct}
    first = np.searchsorted(known.starts, distinct, side="left").tolist()
    last = np.searchsorted(known.starts, distinct, side="right").tolist()
    rows = [row for begin, end in zip(first, last, strict=True) for row in range(begin, end)]
    versions = iter(_versions(known.take(np.array(rows, dtype=np.int64))))
    spans = zip(distinct, first, last, strict=True)
    return {start: Versions(islice(versions, end - begin)) for start, begin, end in spans}


def _versions(rows: Columns) -> list[Version]:
    numbers = (rows.values, rows.numerators, rows.denominators)
    contents = zip(rows.ends.tolist(), *(_with_none(column) for column in numbers), strict=True)
    return [Version(*row) for row in zip(rows.recorded.tolist(), rows.imputed.tolist(), contents, strict=True)]


def _with_none(column: NDArray[np.float64]) -> list[float | None]:
    return [None if number != number else number for number in column.tolist()]  # noqa: PLR0124  # NaN differs from itself


def _row(draft: ObservationDraft, start: int, version: Version, *, now: int, released: int | None) -> tuple[Any, ...]:
    end, value, numerator, denominator = version.content
    said = (draft.reported_by, draft.source, draft.note)
    seen = (version.recorded, version.imputed, value, numerator, denominator)
    return (draft.series_id, start, end, *seen, *said, now, released)


def _begin_watching(session: Session, series_ids: Sequence[int], now: datetime) -> None:
    for place in range(0, len(series_ids), CHUNK):
        some = series_ids[place : place + CHUNK]
        session.execute(update(Series).where(Series.id.in_(some)).values(first_ingested_at=now))
