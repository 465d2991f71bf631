"""Keep the columns of series beside their observations: read and written in the transaction of the observations.

In the same transaction, because rules that read columns older than the ledger would call fresh data stale; and because
the stretch that has to be rewritten is what was read to find out which values are news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, delete, select, tuple_
from sqlalchemy.orm import Session

from hub.core.instants import to_micros
from hub.metrics.bulk import insert_rows
from hub.metrics.calendars import stretch_width
from hub.metrics.columns import PACKED, Columns
from hub.metrics.models import Observation, Series, SeriesColumn
from hub.metrics.service.versions import micros_or_none

CHUNK = 400


class StretchKey(NamedTuple):
    """Which stretch of which series."""

    series_id: int
    stretch: int


def load_stretches(session: Session, keys: Sequence[StretchKey]) -> dict[StretchKey, Columns]:
    """Read some stretches; those that are not there have no rows."""
    found = dict.fromkeys(keys, Columns.of(()))
    columns = [SeriesColumn.series_id, SeriesColumn.stretch, *(getattr(SeriesColumn, name) for name in PACKED)]
    for place in range(0, len(keys), CHUNK):
        rows = session.execute(select(*columns).where(_key_in(keys[place : place + CHUNK])))
        for series_id, stretch, *packed in rows:
            found[StretchKey(series_id, stretch)] = Columns.unpack([packed])
    return found


def save_stretches(session: Session, stretches: Mapping[StretchKey, Columns]) -> None:
    """Write stretches, in place of what they held."""
    keys = list(stretches)
    for place in range(0, len(keys), CHUNK):
        session.execute(delete(SeriesColumn).where(_key_in(keys[place : place + CHUNK])))
    packed = ((key, columns.pack()) for key, columns in stretches.items())
    _insert(session, [(*key, *(row[name] for name in PACKED)) for key, row in packed])


def rebuild_columns(session: Session, series_id: int) -> None:
    """Derive all columns of a series from its observations again."""
    locked = select(Series.cadence).where(Series.id == series_id).with_for_update(key_share=True)
    cadence = session.scalars(locked).one()
    session.execute(delete(SeriesColumn).where(SeriesColumn.series_id == series_id))
    width = stretch_width(cadence)
    rows: dict[StretchKey, list[tuple[object, ...]]] = {}
    for seen in session.scalars(
        select(Observation).where(Observation.series_id == series_id).order_by(Observation.id)
    ).yield_per(10_000):
        start = to_micros(seen.period_start)
        known = (start, to_micros(seen.period_end), micros_or_none(seen.recorded_at), seen.recorded_imputed)
        numbers = (seen.value, seen.numerator, seen.denominator)
        row = (*known, *numbers, seen.reported_by, seen.source, seen.note)
        rows.setdefault(StretchKey(series_id, start // width), []).append(row)
    save_stretches(session, {key: Columns.of(of_stretch).sorted() for key, of_stretch in rows.items()})


def _key_in(keys: Sequence[StretchKey]) -> ColumnElement[bool]:
    return tuple_(SeriesColumn.series_id, SeriesColumn.stretch).in_([tuple(key) for key in keys])


def _insert(session: Session, rows: Sequence[tuple[object, ...]]) -> None:
    table = SeriesColumn.__table__
    assert isinstance(table, Table)  # noqa: S101  # a declarative class may be mapped to less than a table, this one is not
    insert_rows(session, table, ("series_id", "stretch", *PACKED), rows)
