"""The field inventory (R46): every column of every table has an entry, and one without fails."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hub.core.database import Base, Id, Json, PublicId, Ref
from hub.core.instants import Instant
from hub.core.inventory import Inventory, Personal, find_gaps, inventory_markdown, list_entries
from hub.core.sealing import Sealed
from hub.migrations.metadata import load_metadata


class Kind(StrEnum):
    """An enumeration."""

    ONE = "one"


_KEPT: list[type] = []
"""SQLAlchemy holds classes weakly."""


def new_base() -> type[DeclarativeBase]:
    class PlantedBase(DeclarativeBase):
        metadata = MetaData()
        type_annotation_map = {dict[str, Any]: Json}  # noqa: RUF012  # as SQLAlchemy reads it

    class Person(PlantedBase):
        __tablename__ = "person"
        __inventory__ = Inventory(
            purpose="Who.", retention="until erased", seen_by="all", personal={"name": "to greet"}
        )

        id: Mapped[Id]
        name: Mapped[str] = mapped_column(String(20))

    _KEPT.append(Person)
    return PlantedBase


def test_every_column_of_every_table_has_an_entry() -> None:
    load_metadata()
    assert find_gaps(Base) == []


def test_what_people_see_of_the_inventory_is_complete() -> None:
    load_metadata()
    entries = list_entries(Base)
    assert {(entry.table, entry.column) for entry in entries} == {
        (table.name, column.name) for table in Base.metadata.tables.values() for column in table.columns
    }
    assert all(entry.purpose and entry.retention and entry.seen_by for entry in entries)
    personal = {f"{entry.table}.{entry.column}" for entry in entries if entry.personal}
    assert {"audit_personal.value", "person.name", "person.email"} <= personal


def test_a_table_without_an_inventory_is_found() -> None:
    base = new_base()

    class Planted(base):  # type: ignore[misc,valid-type]  # a base made for this test
        __tablename__ = "planted"
        id: Mapped[Id]

    assert find_gaps(base) == [
        "table planted has no __inventory__: say what it is for, how long it stays and who sees it"
    ]


def test_a_column_without_an_entry_is_found_whatever_its_type() -> None:
    base = new_base()

    class Planted(base):  # type: ignore[misc,valid-type]  # a base made for this test
        __tablename__ = "planted"
        __inventory__ = Inventory(purpose="Test.", retention="a day", seen_by="nobody", plain=("listed", "gone"))

        id: Mapped[Id]
        public_id: Mapped[PublicId]
        kind: Mapped[Kind] = mapped_column(String(10))
        maybe_kind: Mapped[Kind | None] = mapped_column(String(10))
        at: Mapped[int] = mapped_column(Instant)
        count: Mapped[int]
        done: Mapped[bool]
        token: Mapped[Sealed]
        self_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("planted.id"))
        listed: Mapped[str] = mapped_column(Text)
        note: Mapped[str] = mapped_column(Text)
        body: Mapped[dict[str, Any]]
        content: Mapped[bytes]
        person_id: Mapped[int] = mapped_column(Ref, ForeignKey("person.id"))

    assert find_gaps(base) == [
        *[
            f"planted.{name} could hold people's data: list it in `plain` or in `personal`"
            for name in ("note", "body", "content", "person_id")
        ],
        "planted.gone is in the inventory and not in the table: remove the entry",
    ]


def test_an_entry_cannot_be_plain_and_personal() -> None:
    base = new_base()

    class Planted(base):  # type: ignore[misc,valid-type]  # a base made for this test
        __tablename__ = "planted"
        __inventory__ = Inventory(
            purpose="Test.", retention="a day", seen_by="nobody", plain=("note",), personal={"note": "why"}
        )

        id: Mapped[Id]
        note: Mapped[str] = mapped_column(Text)

    assert find_gaps(base) == ["planted.note is listed as plain and as personal: keep one"]


def test_a_table_without_a_class_is_held_to_the_same() -> None:
    base = new_base()
    Table("planted", base.metadata, Column("id", Integer, primary_key=True))
    with pytest.raises(AssertionError):
        assert find_gaps(base) == []
    base = new_base()
    inventory = Inventory(purpose="Test.", retention="a day", seen_by="nobody")
    Table("planted", base.metadata, Column("id", Integer, primary_key=True), info={"inventory": inventory})
    assert find_gaps(base) == []


def test_an_entry_of_a_person_may_differ_from_its_table() -> None:
    base = new_base()

    class Planted(base):  # type: ignore[misc,valid-type]  # a base made for this test
        __tablename__ = "planted"
        __inventory__ = Inventory(
            purpose="Test.",
            retention="a year",
            seen_by="all",
            personal={"note": Personal("whom to ask", retention="90 days", seen_by="admins")},
        )

        id: Mapped[Id]
        token: Mapped[Sealed]
        note: Mapped[str] = mapped_column(Text)

    assert len(inventory_markdown(base, personal_only=True).splitlines()) == 4
    lines = inventory_markdown(base).splitlines()
    assert lines[0].startswith("| table | column |")
    assert lines[2:] == [
        "| person | id | no | Who. | until erased | all |",
        "| person | name | yes | to greet | until erased | all |",
        "| planted | id | no | Test. | a year | all |",
        "| planted | token | no | sealed secret | a year | all |",
        "| planted | note | yes | whom to ask | 90 days | admins |",
    ]


def test_the_command_writes_the_inventory_of_this_version() -> None:
    from click.testing import CliRunner

    from hub.cli.inventory import command

    everything, about_people = CliRunner().invoke(command), CliRunner().invoke(command, ["--personal"])
    assert "| audit_personal | value | yes |" in about_people.output
    assert set(about_people.output.splitlines()) < set(everything.output.splitlines())
