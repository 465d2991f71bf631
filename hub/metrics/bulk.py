"""Write many rows by the driver's own executemany: several times faster than one statement a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.orm import Session

from hub.core.instants import Instant, from_micros


def insert_rows(session: Session, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows whose values stand in the order of `names`; instants are given in microseconds."""
    if not rows:
        return
    connection = session.connection()
    sqlite = connection.dialect.name == "sqlite"
    instants = [place for place, name in enumerate(names) if isinstance(table.columns[name].type, Instant)]
    quote = connection.dialect.identifier_preparer.quote
    columns, places = ", ".join(quote(name) for name in names), ", ".join("?" if sqlite else "%s" for _ in names)
    statement = f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({places})"  # noqa: S608  # names are ours, from the table
    given = [tuple(row) if sqlite else _with_datetimes(row, instants) for row in rows]
    connection.exec_driver_sql(statement, given)


def _with_datetimes(row: Sequence[Any], instants: Sequence[int]) -> tuple[Any, ...]:
    values = list(row)
    for place in instants:
        if values[place] is not None:
            values[place] = from_micros(values[place])
    return tuple(values)
