"""Make one row of any table, with the rows that it needs: enough for a route to find something."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, get_args, get_type_hints

from sqlalchemy import Column, inspect
from sqlalchemy.orm import Mapper, Session

from hub.core.database import Base
from hub.core.ids import new_public_id

NAME = 'Thing of Support"><img src=x onerror=alert(1)><script>alert(1)</script>'
"""In every text: a page that shows any of it is found, and one that shows it as markup gives itself away (R26)."""

COMPANIONS = {"connection": (("connection_health", "connection_id"), ("connection_version", "connection_id"))}
"""Rows that always stand beside another one."""


def make_row(session: Session, model: type[Base], *, now: datetime, **values: Any) -> Any:  # noqa: ANN401  # a row of any model
    """Add a row: what is not given gets a value by its type, what is required elsewhere is made too.

    `org_unit_id` is handed on, so that everything made on the way belongs there as well.
    """
    mapper: Mapper[Any] = inspect(model)
    filled = {name: value for name, value in values.items() if name in mapper.columns}
    for name, column in mapper.columns.items():
        if name not in filled and not _is_filled_by_itself(column):
            filled[name] = _value(session, mapper, name, now=now, org_unit_id=values.get("org_unit_id"))
    row = model(**filled)
    session.add(row)
    session.flush()
    for companion, reference in COMPANIONS.get(model.__tablename__, ()):
        make_row(session, _model_of(companion), now=now, **{reference: mapper.primary_key_from_instance(row)[0]})
    return row


def _is_filled_by_itself(column: Column[Any]) -> bool:
    return column.nullable or column.default is not None or (column.primary_key and not column.foreign_keys)


def _value(session: Session, mapper: Mapper[Any], name: str, *, now: datetime, org_unit_id: int | None) -> Any:  # noqa: ANN401  # by the column's type
    column = mapper.columns[name]
    for key in column.foreign_keys:
        target = _model_of(key.target_fullname.split(".")[0])
        return make_row(session, target, now=now, org_unit_id=org_unit_id).id
    hint = get_args(get_type_hints(mapper.class_, include_extras=False)[name])[0]
    if name == "public_id":
        return new_public_id("twn")
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    plain: dict[Any, Any] = {str: _text(column), int: 1, float: 1.0, bool: False, datetime: now, bytes: b""}
    return plain.get(hint, [] if "list" in str(hint) else {})


def _text(column: Column[Any]) -> str:
    longest = getattr(column.type, "length", None) or 200
    return f"{NAME} {new_public_id('x')[-12:]}"[:longest]


def _model_of(table: str) -> type[Base]:
    return next(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table.name == table)  # type: ignore[attr-defined]  # a mapped class has a table
