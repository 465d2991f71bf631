"""Compute once for each distinct combination: calendars are slow, but thousands of series share a few periods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.columns import Instants, Rows


def each_distinct(function: Callable[..., int], *columns: NDArray[Any]) -> Instants:
    """Return `function(*row)` for every row of some columns, calling it once for each distinct row."""
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values = _codes(column)
        codes = np.unique(codes * (values.max(initial=0) + 1) + values, return_inverse=True)[1].reshape(-1)
    first = np.unique(codes, return_index=True)[1]
    answers = np.fromiter(
        (function(*(column[row] for column in columns)) for row in first.tolist()), dtype=np.int64, count=len(first)
    )
    return answers[codes] if len(first) else codes


def _codes(column: NDArray[Any]) -> Rows:
    if column.dtype != object:
        return np.unique(column, return_inverse=True)[1].reshape(-1)
    seen: dict[Any, int] = {}
    return np.fromiter((seen.setdefault(value, len(seen)) for value in column), dtype=np.int64, count=len(column))
