"""Pages of a long list by an opaque cursor: where the next page starts, in the list's own order.

A cursor holds the last row's values of the ordering columns, so pages neither repeat nor skip rows while others add
some. It allows nothing: whoever changes one still sees only what the statement lets through. In place of a row's number
it holds the public id: numbers would tell how much there is that one may not see.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, ColumnElement, Select, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from hub.core.errors import InvalidInputError
from hub.core.instants import Instant, from_micros, to_micros

MOST = 200
"""Rows of a page at most."""
USUAL = 50
LONGEST_CURSOR = 2000
T = TypeVar("T")
Ordering = InstrumentedAttribute[Any] | ColumnElement[Any]


class PageQuery(BaseModel):
    """Query of every list: how many rows, and where the page starts."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=USUAL, ge=1, le=MOST, description="Rows of this page.")
    cursor: str | None = Field(default=None, description="next_cursor of the page before.")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None
    """None on the last page."""


def read_page(
    session: Session,
    statement: Select[T],
    *,
    by: Sequence[Ordering],
    query: PageQuery,
    newest_first: bool = False,
) -> Page[T]:
    """Read one page of a list of entities, ordered by columns that are never NULL, the last one unique."""
    columns = [column.expression if isinstance(column, InstrumentedAttribute) else column for column in by]
    if query.cursor is not None:
        after = tuple_(*_read_cursor(session, query.cursor, columns), types=[column.type for column in columns])
        here = tuple_(*columns)
        statement = statement.where(here < after if newest_first else here > after)
    order = [column.desc() if newest_first else column.asc() for column in columns]
    rows = session.scalars(statement.order_by(None).order_by(*order).limit(query.limit + 1)).all()
    items = list(rows[: query.limit])
    if len(rows) <= query.limit:
        return Page(items, None)
    return Page(items, _write_cursor([getattr(items[-1], str(_shown(column).key)) for column in columns]))


def _shown(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give the column whose value a cursor shows for this one."""
    if isinstance(column, Column) and column.primary_key:
        return column.table.c.get("public_id", column)
    return column


def _write_cursor(values: Sequence[Any]) -> str:
    plain = [to_micros(value) if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def _read_cursor(session: Session, cursor: str, columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    try:
        text = cursor[:LONGEST_CURSOR].encode("ascii")
        values = list(orjson.loads(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))))
        return [_find_value(session, value, column) for value, column in zip(values, columns, strict=True)]
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise InvalidInputError("cursor: not one that this list gave out; start again without it") from error


def _find_value(session: Session, value: Any, column: ColumnElement[Any]) -> Any:  # noqa: ANN401  # the type is the column's
    shown = _shown(column)
    plain = _read_value(value, shown)
    if shown is column:
        return plain
    found = session.scalar(select(column).where(shown == plain))
    if found is None:
        raise ValueError("no such row")
    return found


def _read_value(value: Any, column: ColumnElement[Any]) -> Any:  # noqa: ANN401  # the type is the column's
    instant = isinstance(column.type, Instant)
    wanted = int if instant else column.type.python_type
    if type(value) is not wanted or (wanted is int and not -(2**63) <= value < 2**63) or "\0" in str(value):
        raise TypeError
    return from_micros(value) if instant else value
