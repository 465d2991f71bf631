"""The field inventory: what every column is for, how long it stays and who sees it; a column without an entry fails.

A table says it once, in `__inventory__`, beside its columns. What could hold people's data (text, JSON, bytes, and
references to a person or an account) is named column by column, as `plain` or as `personal`; ids, instants, numbers,
enumerations and sealed secrets are covered by the table's own line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from sqlalchemy import JSON, Column, LargeBinary, String, Table, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper

PEOPLE_TABLES = frozenset({"person", "account"})
"""A reference to one of these says something about a person, whatever the column is called."""
SEALED = "sealed"
"""Key in a column's `info`: it holds a sealed secret (hub.core.sealing)."""
INVENTORY = "inventory"
"""Key in a table's `info`, for tables that have no class."""
_COULD_NAME_PEOPLE = (String, JSON, LargeBinary)


@dataclass(frozen=True)
class Personal:
    """Why a column about people is kept; retention and audience where they differ from the table's."""

    purpose: str
    retention: str | None = None
    seen_by: str | None = None


@dataclass(frozen=True)
class Inventory:
    """What a table is for, how long its rows stay, who sees them, and which of its columns are about people."""

    purpose: str
    retention: str
    seen_by: str
    plain: tuple[str, ...] = ()
    """Columns that could hold people's data by their type, and do not."""
    personal: Mapping[str, str | Personal] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Entry:
    """One column of the finished inventory."""

    table: str
    column: str
    purpose: str
    personal: bool
    retention: str
    seen_by: str


def find_gaps(base: type[DeclarativeBase]) -> list[str]:
    """List, one sentence each, every column without an entry and every entry without a column."""
    return [gap for table, declared, enums in _tables(base) for gap in _gaps(table, declared, enums)]


def list_entries(base: type[DeclarativeBase]) -> list[Entry]:
    """List the inventory of every declared table, sorted by table; columns in their own order."""
    return [
        _entry(table, column, declared)
        for table, declared, _enums in _tables(base)
        if declared is not None
        for column in table.columns
    ]


def personal_columns(base: type[DeclarativeBase], *, models: str | None = None) -> dict[Table, list[Column[Any]]]:
    """Give the columns about people, by table; of all tables, or of those that a module declares."""
    declared_in = {mapper.local_table: mapper.class_.__module__ for mapper in base.registry.mappers}
    return {
        table: [table.columns[name] for name in declared.personal]
        for table, declared, _enums in _tables(base)
        if declared is not None and declared.personal and models in (None, declared_in.get(table))
    }


def _tables(base: type[DeclarativeBase]) -> Iterator[tuple[Table, Inventory | None, frozenset[str]]]:
    mappers = {mapper.local_table: mapper for mapper in base.registry.mappers}
    for table in sorted(base.metadata.tables.values(), key=lambda table: table.name):
        mapper = mappers.get(table)
        if mapper is None:
            yield table, table.info.get(INVENTORY), frozenset()
        else:
            yield table, getattr(mapper.class_, "__inventory__", None), _enumerations(mapper)


def _enumerations(mapper: Mapper[Any]) -> frozenset[str]:
    hints = get_type_hints(mapper.class_)
    return frozenset(
        mapper.columns[name].name
        for name, hint in hints.items()
        if get_origin(hint) is Mapped and any(_is_enumeration(part) for part in _parts(get_args(hint)[0]))
    )


def _parts(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401  # a type hint has no common type
    return get_args(hint) or (hint,)


def _is_enumeration(hint: Any) -> bool:  # noqa: ANN401  # as above
    return isinstance(hint, type) and issubclass(hint, Enum)


def _gaps(table: Table, declared: Inventory | None, enumerations: frozenset[str]) -> Iterator[str]:
    if declared is None:
        yield f"table {table.name} has no __inventory__: say what it is for, how long it stays and who sees it"
        return
    listed = {*declared.plain, *declared.personal}
    for column in table.columns:
        if column.name not in listed and column.name not in enumerations and _needs_entry(column):
            yield f"{table.name}.{column.name} could hold people's data: list it in `plain` or in `personal`"
    for name in sorted(listed - {column.name for column in table.columns}):
        yield f"{table.name}.{name} is in the inventory and not in the table: remove the entry"
    for name in sorted(set(declared.plain) & set(declared.personal)):
        yield f"{table.name}.{name} is listed as plain and as personal: keep one"


def _needs_entry(column: Column[Any]) -> bool:
    if column.info.get(SEALED) or column.name == "public_id":
        return False
    if column.foreign_keys:
        return any(key.target_fullname.split(".")[0] in PEOPLE_TABLES for key in column.foreign_keys)
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return isinstance(kind, _COULD_NAME_PEOPLE)


def _entry(table: Table, column: Column[Any], declared: Inventory) -> Entry:
    said = declared.personal.get(column.name)
    personal = Personal(said) if isinstance(said, str) else said
    if personal is None:
        purpose = "sealed secret" if column.info.get(SEALED) else declared.purpose
        return Entry(table.name, column.name, purpose, False, declared.retention, declared.seen_by)  # noqa: FBT003  # the column of the table
    return Entry(
        table=table.name,
        column=column.name,
        purpose=personal.purpose,
        personal=True,
        retention=personal.retention or declared.retention,
        seen_by=personal.seen_by or declared.seen_by,
    )


def inventory_markdown(base: type[DeclarativeBase], *, personal_only: bool = False) -> str:
    """Write the inventory as one table: who must know what is stored about people reads it."""
    lines = ["| table | column | about people | purpose | kept | seen by |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| {entry.table} | {entry.column} | {'yes' if entry.personal else 'no'} | {entry.purpose} | {entry.retention} "
        f"| {entry.seen_by} |"
        for entry in list_entries(base)
        if entry.personal or not personal_only
    ]
    return "\n".join(lines) + "\n"
