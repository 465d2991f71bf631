"""What a file of any format is to the rest: sheets that give their rows as often as they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

Cell = Any
"""As the package says; JSON."""

MOST_CELLS = 2_000_000
MOST_COLUMNS = 16_384
MOST_TEXT = 131_072
"""Characters of one cell: a longer one is a quote that was never closed."""


class RefusedError(Exception):
    """A file is not read at all: why, and what to do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}. {remedy}")
        self.reason, self.remedy = reason, remedy


@dataclass(slots=True)
class Row:
    """One row by the number that people see; `broken` says why its cells cannot be told apart."""

    number: int
    cells: list[Cell]
    hidden: bool = False
    broken: str | None = None


@dataclass
class Facts:
    """What is known of a sheet once its rows have been read."""

    hidden_columns: list[int] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    """First row, first column, last row, last column; rows count from 1, columns from 0."""


class Sheet(Protocol):
    """One sheet."""

    name: str
    hidden: bool
    facts: Facts

    def rows(self) -> Iterator[Row]:
        """Yield the rows that hold something, from the top."""


@dataclass
class Book:
    """One file."""

    format: str
    sheets: list[Sheet]
    notes: list[str] = field(default_factory=list)


def column_name(column: int) -> str:
    """Name a column as people see it: A, B, ... AA."""
    name = ""
    while column >= 0:
        name = chr(ord("A") + column % 26) + name
        column = column // 26 - 1
    return name


def trimmed(cells: list[Cell]) -> list[Cell]:
    """Cut the empty cells at the end."""
    while cells and (cells[-1] is None or cells[-1] == ""):
        cells.pop()
    return cells


def too_large(what: str) -> RefusedError:
    """Refuse a file for its size."""
    return RefusedError(f"it is too large: {what}", "Keep only the table in it, or save the table as CSV.")
