"""Columns of a series: all versions of its observations as arrays, and the same as bytes of a database row.

Sorted by period and recorded_at, instants as int64 microseconds, unknown numbers NaN, unknown texts "": exactly what
`rules.tables.Observations` holds, so that nothing is converted on the way to a detector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray

TEXTS = ("reported_by", "source", "note")
STORED: Mapping[str, str] = {
    "starts": "<i8",
    "ends": "<i8",
    "recorded": "<i8",
    "imputed": "|b1",
    "values": "<f8",
    "numerators": "<f8",
    "denominators": "<f8",
}
"""Column of series_column -> how its bytes are to be read."""
PACKED = ("rows", *STORED, "texts")
"""Columns of series_column that hold one stretch, in the order in which they are read."""
UNKNOWN_VALUES: Mapping[str, Any] = {
    "imputed": False,
    "values": np.nan,
    "numerators": np.nan,
    "denominators": np.nan,
    **dict.fromkeys(TEXTS, ""),
}
"""Columns that may say nothing -> what stands in each row then."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Versions of observations, one row each."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    recorded: NDArray[np.int64]
    imputed: NDArray[np.bool_]
    values: NDArray[np.float64]
    numerators: NDArray[np.float64]
    denominators: NDArray[np.float64]
    reported_by: NDArray[np.object_]
    source: NDArray[np.object_]
    note: NDArray[np.object_]

    def __len__(self) -> int:
        """Return the number of versions."""
        return len(self.starts)

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> Self:
        """Make columns from rows in the order of the fields; None = unknown."""
        lists = list(zip(*rows, strict=True)) or [()] * len(fields(cls))
        numbers = zip(STORED.items(), lists[: len(STORED)], strict=True)
        arrays: list[NDArray[Any]] = [np.array(given, dtype=kind) for (_, kind), given in numbers]
        return cls(*arrays, *(_texts(given) for given in lists[len(STORED) :]))

    @classmethod
    def join(cls, parts: Sequence[Columns]) -> Self:
        """Put columns one after another, unsorted."""
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)))

    def take(self, rows: NDArray[Any]) -> Columns:
        """Return some rows, by mask or index."""
        return Columns(*(getattr(self, column.name)[rows] for column in fields(self)))

    def sorted(self) -> Columns:
        """Return the rows by period and recorded_at; of equal ones the later stays later."""
        return self.take(np.lexsort((self.recorded, self.starts)))

    def pack(self) -> dict[str, Any]:
        """Return the columns as bytes of a database row, those that say nothing as empty bytes."""
        packed: dict[str, Any] = {"rows": len(self)}
        for name, kind in STORED.items():
            array = getattr(self, name)
            packed[name] = b"" if _says_nothing(name, array) else array.astype(kind).tobytes()
        words = {name: _words(getattr(self, name)) for name in TEXTS}
        said = {name: entry for name, entry in words.items() if entry is not None}
        packed["texts"] = orjson.dumps(said) if said else b""
        return packed

    @classmethod
    def unpack(cls, rows: Sequence[Sequence[Any]]) -> Self:
        """Read database rows, each in the order of PACKED, into one set of columns in their order."""
        counts, *stored, said = list(zip(*rows, strict=True)) or [()] * len(PACKED)
        numbers = [_read(name, stored[place], counts) for place, name in enumerate(STORED)]
        words = [orjson.loads(text) if text else {} for text in said] if any(said) else []
        return cls(*numbers, *(_read_texts(name, words, counts) for name in TEXTS))


def _texts(given: Sequence[str | None]) -> NDArray[np.object_]:
    array = np.empty(len(given), dtype=object)
    array[:] = [word or "" for word in given]
    return array


def _says_nothing(name: str, array: NDArray[Any]) -> bool:
    if name not in UNKNOWN_VALUES:
        return False
    return not array.any() if name == "imputed" else bool(np.isnan(array).all())


def _words(texts: NDArray[np.object_]) -> tuple[list[str], list[int]] | None:
    places: dict[str, int] = {}
    index = [places.setdefault(text, len(places)) for text in texts]
    return None if list(places) in ([], [""]) else (list(places), index)


def _read(name: str, parts: Sequence[bytes], counts: Sequence[int]) -> NDArray[Any]:
    kind = STORED[name]
    if name in UNKNOWN_VALUES and not any(parts):
        return np.broadcast_to(np.array(UNKNOWN_VALUES[name], dtype=kind), sum(counts))
    if not all(parts):
        unknown = np.array(UNKNOWN_VALUES.get(name, 0), dtype=kind).tobytes()
        parts = [part or unknown * count for part, count in zip(parts, counts, strict=True)]
    return np.frombuffer(b"".join(parts), dtype=kind)


def _read_texts(
    name: str, said: Sequence[Mapping[str, tuple[list[str], list[int]]]], counts: Sequence[int]
) -> NDArray[np.object_]:
    if not any(name in words for words in said):
        return np.broadcast_to(np.array("", dtype=object), sum(counts))
    parts = []
    for words, count in zip(said, counts, strict=True):
        distinct, index = words.get(name, ([""], None))
        table = np.array(distinct, dtype=object)
        parts.append(table[index] if index is not None else np.broadcast_to(table, count))
    return np.concatenate(parts)
