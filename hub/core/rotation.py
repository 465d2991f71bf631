"""Rotation of keys: every sealed column is sealed again with the newest key while the product runs.

A value that a running process replaces in the meantime is left alone: its writer used a key of the same keyring, and
the next rotation takes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Column, MetaData, Table, select, update
from sqlalchemy.orm import Session

from hub.core.database import Base, Database
from hub.core.inventory import SEALED
from hub.core.sealing import SealedValueError, Sealer

BATCH = 500
"""Rows that one transaction seals again: short enough that writers do not wait."""


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed secrets, and how its rows are found and named."""

    column: Column[Any]
    key: Column[Any]
    """Primary key: the order in which rows are visited."""
    row_id: Column[Any]
    """What the associated data names: `public_id`, or the primary key where that is a text."""

    @property
    def name(self) -> str:
        """Name the column."""
        return f"{self.column.table.name}.{self.column.name}"

    def place(self, row_id: str) -> str:
        """Name the place of one value, as `hub.core.sealing.place` does."""
        return f"{self.name}:{row_id}"


class _Row(NamedTuple):
    key: Any
    row_id: str
    sealed: str


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: values sealed again, and one sentence for each that could not be opened."""

    count: int
    failures: tuple[str, ...]


def find_sealed_columns(metadata: MetaData = Base.metadata) -> list[SealedColumn]:
    """Find every column that was declared as `Sealed`."""
    return [
        _describe(table, column)
        for table in sorted(metadata.tables.values(), key=lambda table: table.name)
        for column in table.columns
        if column.info.get(SEALED)
    ]


def rotate(database: Database, sealer: Sealer, columns: list[SealedColumn]) -> Rotated:
    """Seal everything again that an older key has sealed, in short transactions."""
    count = 0
    failures: list[str] = []
    for column in columns:
        after: Any = None
        while True:
            with database.write() as session:
                rows = _older(session, sealer, column, after)
                for row in rows:
                    try:
                        count += _seal_again(session, sealer, column, row)
                    except SealedValueError as error:
                        failures.append(str(error))
            if not rows:
                break
            after = rows[-1].key
    return Rotated(count, tuple(failures))


def count_by_key(session: Session, columns: list[SealedColumn]) -> Iterator[tuple[SealedColumn, str, int]]:
    """Count the sealed values of each column by the id of their key."""
    for column in columns:
        ids: dict[str, int] = {}
        statement = select(column.column).where(column.column.is_not(None))
        for sealed in session.scalars(statement.execution_options(yield_per=BATCH)):
            key_id = sealed.split(".")[1] if sealed.count(".") else "unreadable"
            ids[key_id] = ids.get(key_id, 0) + 1
        for key_id, number in sorted(ids.items()):
            yield column, key_id, number


def _older(session: Session, sealer: Sealer, column: SealedColumn, after: Any) -> list[_Row]:  # noqa: ANN401  # a key is a number or a text
    statement = (
        select(column.key, column.row_id, column.column)
        .where(column.column.is_not(None), ~column.column.startswith(sealer.prefix, autoescape=True))
        .order_by(column.key)
        .limit(BATCH)
    )
    if after is not None:
        statement = statement.where(column.key > after)
    return [_Row(key, str(row_id), sealed) for key, row_id, sealed in session.execute(statement)]


def _seal_again(session: Session, sealer: Sealer, column: SealedColumn, row: _Row) -> int:
    place = column.place(row.row_id)
    fresh = sealer.seal(sealer.open(row.sealed, place), place)
    done = session.execute(
        update(column.column.table)
        .where(column.key == row.key, column.column == row.sealed)
        .values({column.column: fresh})
    )
    changed: int = done.rowcount  # type: ignore[attr-defined]  # an UPDATE gives a CursorResult, the stub says Result
    return changed


def _describe(table: Table, column: Column[Any]) -> SealedColumn:
    keys = list(table.primary_key.columns)
    if len(keys) != 1:
        raise TypeError(f"{table.name}.{column.name} is sealed: give the table a primary key of one column")
    return SealedColumn(column, keys[0], table.columns.get("public_id", keys[0]))
