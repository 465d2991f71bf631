"""Read the columns of many series into one table: a few large copies, no Python object a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from hub.metrics.columns import PACKED, STORED, UNKNOWN_VALUES, Columns
from hub.metrics.models import SeriesColumn
from rules.tables import Observations

CHUNK = 2000
"""Rows of series_column read at a time: a few MB."""
NAMES: Mapping[str, str] = {
    "starts": "start",
    "ends": "end",
    "recorded": "recorded_at",
    "imputed": "recorded_imputed",
    "values": "value",
    "numerators": "numerator",
    "denominators": "denominator",
    "reported_by": "reported_by",
    "source": "source",
    "note": "note",
}
"""Column of series_column -> column of rules.tables.Observations."""


def read_observations(session: Session, series_ids: Sequence[int], as_of: int, *, everything: bool) -> Observations:
    """Read all versions known at an instant, grouped by series in the order of `series_ids` (rising).

    `everything` = these are all series there are, so one statement reads the whole table.
    """
    wanted = [None] if everything else [series_ids[at : at + CHUNK] for at in range(0, len(series_ids), CHUNK)]
    conditions = [None if ids is None else SeriesColumn.series_id.in_(ids) for ids in wanted]
    gathered = _Gathering(sum(_count(session, condition) for condition in conditions))
    places = np.asarray(series_ids, dtype=np.int64)
    counts = np.zeros(len(series_ids), dtype=np.int64)
    for condition in conditions:
        for rows in _read(session, condition):
            columns = Columns.unpack([row[1:] for row in rows])
            owner = np.repeat(np.searchsorted(places, [row[0] for row in rows]), [row[1] for row in rows])
            if len(columns) and columns.recorded.max() > as_of:
                known = columns.recorded <= as_of
                columns, owner = columns.take(known), owner[known]
            gathered.add(columns)
            counts += np.bincount(owner, minlength=len(counts))
    offsets = np.concatenate(([0], np.cumsum(counts)))
    return Observations.of(**gathered.arrays(), offsets=offsets)


class _Gathering:
    """Arrays that are filled from the left; a column in which nothing was said takes no memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._filled = 0
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.zeros(size, dtype=STORED[name]) for name in ("starts", "ends", "recorded", "values")
        }

    def add(self, columns: Columns) -> None:
        """Put rows behind those that are there."""
        until = self._filled + len(columns)
        for column in fields(columns):
            part: NDArray[Any] = getattr(columns, column.name)
            if column.name not in self._arrays:
                if part.strides == (0,):  # one unknown value, repeated without memory
                    continue
                self._arrays[column.name] = np.full(self._size, UNKNOWN_VALUES[column.name], dtype=part.dtype)
            self._arrays[column.name][self._filled : until] = part
        self._filled = until

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give what was filled, by the names that rules know."""
        return {NAMES[name]: array[: self._filled] for name, array in self._arrays.items()}


def _count(session: Session, condition: ColumnElement[bool] | None) -> int:
    statement = select(func.coalesce(func.sum(SeriesColumn.rows), 0))
    return int(session.scalar(statement if condition is None else statement.where(condition)) or 0)


def _read(session: Session, condition: ColumnElement[bool] | None) -> Iterator[Sequence[Sequence[Any]]]:
    columns = [SeriesColumn.series_id, *(getattr(SeriesColumn, name) for name in PACKED)]
    statement = select(*columns).order_by(SeriesColumn.series_id, SeriesColumn.stretch)
    if condition is not None:
        statement = statement.where(condition)
    yield from session.execute(statement, execution_options={"yield_per": CHUNK}).partitions()
