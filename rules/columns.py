"""What a table of columns is: equal-length, read-only NumPy arrays, each described where it is declared.

A table is made from ready arrays (`Observations.of(offsets=..., start=..., value=...)`) without copying them; columns
that are not given stand for "unknown" and take no memory. Texts are object arrays of str ("" = unknown), instants int64
microseconds in UTC (`calendars.UNKNOWN` = unknown), numbers float64 (NaN = unknown).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache, cached_property
from typing import Any, ClassVar, Literal, NamedTuple, Self, get_type_hints

import numpy as np
from numpy.typing import NDArray

from rules.calendars import UNKNOWN, DayEdge, iso
from rules.durations import Duration
from rules.errors import HistoryError

Texts = NDArray[np.object_]
Objects = NDArray[np.object_]
Instants = NDArray[np.int64]
Rows = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Kind = Literal["text", "instant", "number", "flag", "duration", "numbers", "labels"]


class Column(NamedTuple):
    """What a column holds: how plain rows are read into it and what stands for unknown."""

    kind: Kind
    default: object
    dtype: type
    meaning: str
    required: bool = False
    day: DayEdge = "start"


def text(meaning: str, *, required: bool = False) -> Column:
    return Column("text", "", object, meaning, required)


def instant(meaning: str, *, required: bool = False, day: DayEdge = "start") -> Column:
    return Column("instant", UNKNOWN, np.int64, meaning, required, day)


def number(meaning: str, *, required: bool = False) -> Column:
    return Column("number", np.nan, np.float64, meaning, required)


def flag(meaning: str, *, default: bool = False) -> Column:
    return Column("flag", default, np.bool_, meaning)


def duration(meaning: str) -> Column:
    return Column("duration", None, object, meaning)


def numbers(meaning: str) -> Column:
    return Column("numbers", (), object, meaning)


def labels(meaning: str) -> Column:
    return Column("labels", None, object, meaning)


def known(meaning: str = "when it could be known") -> Column:
    return instant(meaning, day="last")


@dataclass(frozen=True, eq=False)
class Table:
    """Equal-length read-only columns."""

    name: ClassVar[str] = ""
    order: ClassVar[tuple[str, ...]] = ()
    """Columns that the rows are sorted by; grouped tables by series first."""

    def __post_init__(self) -> None:
        """Check the lengths and make every array read-only, as a view: the caller's array stays as it is."""
        size = len(self)
        for column in fields(self):
            array = getattr(self, column.name)
            if column.name != "offsets" and len(array) != size:
                raise HistoryError(f"{self.name}.{column.name} has {len(array)} rows, {self.first_column} has {size}")
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, column.name, view)

    @classmethod
    def of(cls, **columns: NDArray[Any]) -> Self:
        """Make a table from ready arrays; columns left out are unknown."""
        specs = cls.columns()
        for name in columns:
            if name not in specs and name != "offsets":
                raise HistoryError(f"{cls.name} has no column {name!r}: it has {', '.join(specs)}")
        for name, spec in specs.items():
            if spec.required and name not in columns:
                raise HistoryError(f"{cls.name}.{name} is missing: {spec.meaning}")
        size = len(columns[cls._first()]) if columns else 0
        filled = {name: columns.get(name, _unknown(spec, size)) for name, spec in specs.items()}
        if "offsets" in columns:
            filled["offsets"] = columns["offsets"]
        return cls(**filled)

    @classmethod
    def empty(cls) -> Self:
        """Make a table without rows."""
        return cls(**{name: _unknown(spec, 0) for name, spec in cls.columns().items()})

    @classmethod
    def columns(cls) -> dict[str, Column]:
        """Return what each column holds, in order."""
        specs: dict[str, Column] = _columns(cls)  # type: ignore[arg-type] # mypy takes a class for its instances here
        return specs

    @classmethod
    def _first(cls) -> str:
        return next(iter(cls.columns()))

    @property
    def first_column(self) -> str:
        """Name of the column that the others are measured by."""
        return self._first()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(getattr(self, self._first()))

    def take(self, rows: NDArray[Any]) -> Self:
        """Return some rows, by index or mask."""
        return type(self)(**self._picked(rows))

    def _picked(self, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
        size = int(np.count_nonzero(rows)) if rows.dtype == np.bool_ else len(rows)
        columns = {name: getattr(self, name) for name in self.columns()}
        return {
            name: _unknown_rows(array, size) if not any(array.strides) else array[rows]
            for name, array in columns.items()
        }

    def plain(self, row: int, *names: str) -> dict[str, Any]:
        """Return a row as JSON values, unknown ones left out; `names` chooses columns."""
        specs = self.columns()
        values = ((name, _plain(getattr(self, name)[row], specs[name])) for name in names or specs)
        return {name: value for name, value in values if value not in (None, "")}


@dataclass(frozen=True, eq=False)
class Entities(Table):
    """Rows with an id, their first column, by which other rows name them; one row an id."""

    @property
    def ids(self) -> Texts:
        """The id of each row."""
        ids: Texts = getattr(self, self._first())
        return ids

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row of each id."""
        return {name: row for row, name in enumerate(self.ids)}

    def rows_of(self, ids: Texts) -> Rows:
        """Return the row of each id, -1 where it is unknown."""
        find = self.row_of
        return np.fromiter((find.get(name, -1) for name in ids), dtype=np.int64, count=len(ids))


@dataclass(frozen=True, eq=False)
class Grouped(Table):
    """Rows that belong to one series each, sorted by period and recorded_at.

    Those of series `i` are `offsets[i]:offsets[i + 1]`.
    """

    offsets: Rows = field(default_factory=lambda: np.zeros(1, dtype=np.int64), kw_only=True)

    def __post_init__(self) -> None:
        """Check that the offsets fit the rows."""
        super().__post_init__()
        steps = np.diff(self.offsets)
        if self.offsets[0] != 0 or self.offsets[-1] != len(self) or (steps < 0).any():
            raise HistoryError(f"{self.name}.offsets must rise from 0 to the number of rows, {len(self)}")

    @cached_property
    def owner(self) -> Rows:
        """Row of the series that each row belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def take(self, rows: NDArray[Any]) -> Self:
        """Return some rows; they must stay in order, which masks and rising indices do."""
        counts = np.bincount(self.owner[rows], minlength=len(self.offsets) - 1)
        return type(self)(**self._picked(rows), offsets=np.concatenate(([0], np.cumsum(counts))))


@dataclass(frozen=True, eq=False)
class Versioned(Grouped):
    """Grouped rows that state something about a period; several rows for one period are versions, oldest first."""

    @cached_property
    def period_changes(self) -> Flags:
        """Which rows are followed by another period or series; one entry less than rows."""
        start: Instants = self.start  # type: ignore[attr-defined] # both subclasses have it
        changes: Flags = (np.diff(start) != 0) | (np.diff(self.owner) != 0)
        return changes

    @property
    def is_sorted(self) -> bool:
        """Whether periods rise within each series, and recorded times within each period."""
        start: Instants = self.start  # type: ignore[attr-defined] # as above
        recorded: Instants = self.recorded_at  # type: ignore[attr-defined] # as above
        together = np.diff(self.owner) == 0
        # Compared, not subtracted: the distance to an unknown instant does not fit into 64 bits.
        later, same = start[1:] >= start[:-1], start[1:] == start[:-1]
        return not (together & (~later | (same & (recorded[1:] < recorded[:-1])))).any()

    @cached_property
    def latest(self) -> Self:
        """The last known version of each period."""
        return self._versions(np.append(self.period_changes, True))

    @cached_property
    def first(self) -> Self:
        """The first known version of each period."""
        return self._versions(np.append(True, self.period_changes))

    def _versions(self, chosen: Flags) -> Self:
        return self if not len(self) or chosen.all() else self.take(chosen)


@cache
def _columns(table: type[Table]) -> dict[str, Column]:
    hints = get_type_hints(table, include_extras=True)
    marked = {column.name: getattr(hints[column.name], "__metadata__", ()) for column in fields(table)}
    return {name: marks[0] for name, marks in marked.items() if marks}


def _unknown_rows(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a column of another length that still takes no memory."""
    return np.broadcast_to(array[:1], size) if len(array) else np.empty(0, dtype=array.dtype)


def _unknown(spec: Column, size: int) -> NDArray[Any]:
    one: NDArray[Any] = np.empty(1, dtype=spec.dtype)
    one[0] = spec.default
    return np.broadcast_to(one, size)


def _plain(value: Any, spec: Column) -> object:  # noqa: ANN401 - whatever a column holds
    if spec.kind == "instant":
        return iso(int(value))
    if spec.kind == "number":
        return None if np.isnan(value) else float(value)
    if spec.kind == "flag":
        return bool(value)
    if isinstance(value, Duration | date):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
