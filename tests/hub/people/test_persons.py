"""Persons: found by what tools know of them, never twice under one key or address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hub.audit.models import AuditEntry, AuditPersonal
from hub.core.errors import ConflictError, NotFoundError
from hub.people.models import Person
from hub.people.service import add_person, change_person, find_person, find_person_by_email

if TYPE_CHECKING:
    from hub.core.database import Database
    from tests.factories import Cast, SettableClock

BY = "system:tests"


def test_a_person_is_found_by_key_public_id_and_address_in_any_case(database: Database, cast: Cast) -> None:
    with database.read() as session:
        ada = find_person(session, "ada")
        assert find_person(session, ada.public_id) is ada
        assert find_person_by_email(session, " Ada@Acme.Example ") is ada
        assert find_person_by_email(session, "nobody@acme.example") is None
        with pytest.raises(NotFoundError):
            find_person(session, "nobody")


def test_key_and_address_belong_to_one_person(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        for key, email in (("ada", None), ("new", "ADA@acme.example")):
            with pytest.raises(ConflictError, match="already"):
                add_person(session, key=key, name="Another", email=email, by=BY)
        ada = session.get_one(Person, cast.persons["ada"])
        with pytest.raises(ConflictError, match="already"):
            change_person(session, ada, {"email": "Bo@acme.example"}, by=BY, now=clock())
        change_person(session, ada, {"email": "Ada@acme.example"}, by=BY, now=clock())
        assert ada.email == "ada@acme.example"


def test_who_has_left_can_come_back(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        ada = session.get_one(Person, cast.persons["ada"])
        change_person(session, ada, {"active": False}, by=BY, now=clock())
        assert (ada.active, ada.left_at) == (False, clock())
        change_person(session, ada, {"active": True}, by=BY, now=clock())
        assert (ada.active, ada.left_at) == (True, None)


def test_names_and_addresses_are_only_in_the_erasable_part_of_the_trail(database: Database) -> None:
    with database.write() as session:
        add_person(session, key="eve", name="Eve Example", email="eve@acme.example", by=BY)
    with database.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "person.added")).one()
        personal = session.get_one(AuditPersonal, entry.id)
    assert "eve" not in entry.detail.lower()
    assert "eve@acme.example" in personal.value
