"""A person's data, all of them (R47, R49): given out whole, and erased so that nothing names the person any more.

The tests go through the field inventory: they plant the person in every column that it calls personal, so a new
column is held to the same without a line here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from sqlalchemy import JSON, Boolean, Column, Connection, Float, LargeBinary, Table, TypeDecorator, select, text

from hub.areas import AREAS
from hub.audit.service import record
from hub.cli.group import plumbline
from hub.core.access import Role
from hub.core.database import Base
from hub.core.errors import ConflictError
from hub.core.instants import Instant, utc_now
from hub.core.inventory import personal_columns
from hub.core.personal import Subject
from hub.core.privacy import PeopleData
from hub.core.sealing import Sealer
from hub.migrations.metadata import load_metadata
from hub.people.models import Account, Grant, Person, SigninAttempt
from hub.people.service import (
    change_person,
    erase_person,
    export_person,
    find_person,
    give_role,
    note_attempt,
    set_password,
    subject_of,
)
from hub.people.service.personal import NOBODY
from hub.people.service.signin import hash_account
from hub.web import AREA as WEB
from tests.factories import Cast, SettableClock
from tests.hub.audit.trails import Trail

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from hub.core.database import Database
    from hub.settings import Settings

NAME, MAIL, ACCOUNT = "Zoë Quell-Ørsted", "zoe.quell@acme.example", "712020:zq-account"
EARLIER = "Zoë Before"
CANARIES = (NAME, MAIL, ACCOUNT, EARLIER)
ALL = (WEB, *AREAS)
TRAIL = {"audit_entry", "audit_personal"}
"""Planted by the trail's own verb: its rows are bound to each other."""


@pytest.fixture
def people(settings: Settings, database: Database) -> PeopleData:
    settings.home.mkdir()
    with database.write() as session:
        return PeopleData.load(session, settings, Sealer.from_settings(settings))


@pytest.fixture
def zoe(database: Database, cast: Cast, people: PeopleData, clock: SettableClock) -> int:
    """Plant a person in every personal column of every table; give the id."""
    load_metadata()
    with database.write() as session:
        person = find_person(session, "cy")
        for name in (EARLIER, NAME):
            change_person(session, person, {"name": name, "email": MAIL}, by="system:tests", now=clock())
        people.actors(session, [NAME, ACCOUNT])
        note_attempt(session, email=MAIL, address="203.0.113.9", now=clock())
        record(session, action="test.done", subject=None, by="system:tests", detail={}, personal={"who": [NAME]})
        told = (person.id, clock())
    with _without_foreign_keys(database) as connection:
        for table, columns in personal_columns(Base).items():
            if table.name not in TRAIL | {"person", "actor_name", "signin_attempt"}:
                connection.execute(table.insert().values(_row(table, columns, *told)))
    return told[0]


@contextmanager
def _without_foreign_keys(database: Database) -> Iterator[Connection]:
    """Let rows be planted whose neighbours are not there."""
    with database.engine.connect() as connection:
        plain = connection.connection.driver_connection
        assert plain is not None
        if database.is_sqlite:
            plain.execute("PRAGMA foreign_keys = OFF")  # before the transaction, in which it would count for nothing
        with connection.begin():
            if not database.is_sqlite:
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            yield connection
        if database.is_sqlite:
            plain.execute("PRAGMA foreign_keys = ON")


def _row(table: Table, personal: list[Column[Any]], person: int, now: datetime) -> dict[str, Any]:
    return {
        column.name: _about(column, person) if column in personal else _anything(column, now)
        for column in table.columns
        if column in personal or not (column.nullable or column.name == "id")
    }


def _about(column: Column[Any], person: int) -> Any:  # noqa: ANN401  # whatever the column holds
    if column.foreign_keys:
        return person
    kind = _kind(column)
    if isinstance(kind, JSON):
        return {"who": NAME, "said": [f"ask {MAIL} or {NAME}'s team"], "account": ACCOUNT}
    if isinstance(kind, LargeBinary):
        return json.dumps([NAME]).encode()
    return NAME[: getattr(kind, "length", None)]


def _anything(column: Column[Any], now: datetime) -> Any:  # noqa: ANN401  # as above
    kind = _kind(column)
    if isinstance(column.type, Instant):
        return now
    for of_kind, value in ((JSON, {}), (LargeBinary, b""), (Boolean, False), (Float, 1.0)):
        if isinstance(kind, of_kind):
            return value
    return (1 if column.foreign_keys else 77) if kind.python_type is int else "x"


def _kind(column: Column[Any]) -> Any:  # noqa: ANN401  # a type of SQLAlchemy
    return column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type


def everything(database: Database) -> dict[str, str]:
    """Write out every cell of every table, by column."""
    cells: dict[str, str] = {}
    with database.read() as session:
        for table in Base.metadata.tables.values():
            for row in session.execute(select(table)).mappings():
                for name, value in row.items():
                    plain = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                    words = json.dumps(plain, ensure_ascii=False, default=str)
                    cells[f"{table.name}.{name}"] = cells.get(f"{table.name}.{name}", "") + words
    return cells


def named_in(cells: dict[str, str]) -> set[str]:
    """Give the columns in which a canary stands, however its letters are written."""
    spelled = {
        form.lower()
        for word in CANARIES
        for form in (word, json.dumps(word)[1:-1], json.dumps(word)[1:-1].replace("\\", "\\\\"))
    }
    return {place for place, words in cells.items() if any(form in words.lower() for form in spelled)}


def subject(session: Session, zoe: int, people: PeopleData) -> Subject:
    return subject_of(session, session.get_one(Person, zoe), people, also=[ACCOUNT])


def erase(database: Database, zoe: int, people: PeopleData, clock: SettableClock) -> Subject:
    with database.write() as session:
        gone = subject(session, zoe, people)
        erase_person(session, gone, ALL, people=people, by="system:tests", now=clock())
    return gone


def personal_texts() -> set[str]:
    return {
        f"{table.name}.{column.name}"
        for table, columns in personal_columns(Base).items()
        for column in columns
        if not column.foreign_keys and table.name not in TRAIL | {"actor_name", "signin_attempt"}
    }


def test_an_erased_person_is_named_in_no_column(
    database: Database, zoe: int, people: PeopleData, clock: SettableClock
) -> None:
    planted = named_in(everything(database))
    missed = personal_texts() - planted - {"person.key", "person.time_zone", "account.password_hash"}
    assert not {place for place in missed if not place.endswith("_hash")}, "the planting misses what it is to prove"
    gone = erase(database, zoe, people, clock)
    cells = everything(database)
    assert named_in(cells) == set()
    assert gone.stand_in in cells["observation.note"]
    assert gone.stand_in in cells["record.data"]
    with database.read() as session:
        actions = session.scalars(text("SELECT action FROM audit_entry")).all()
        assert {"person.erased", "audit.personal-erased"} <= set(actions)
        assert people.known(session, CANARIES) == frozenset()  # nothing leads from a name to what stood for it
        person = session.get_one(Person, zoe)
        assert (person.name, person.key, person.active) == (NOBODY, person.public_id, False)
        assert session.scalars(select(Account).where(Account.person_id == zoe)).all() == []
        assert hash_account(MAIL) not in session.scalars(select(SigninAttempt.subject_hash)).all()
        assert session.scalars(select(Grant).where(Grant.person_id == zoe, Grant.ended_at.is_(None))).all() == []


def test_the_audit_trail_verifies_after_an_erasure(
    database: Database, cast: Cast, people: PeopleData, clock: SettableClock, tmp_path: Path
) -> None:
    trail = Trail.begin(database, tmp_path)
    trail.now = utc_now()  # entries are dated by the database's clock
    trail.checkpoint()
    with database.write() as session:
        change_person(session, find_person(session, "cy"), {"name": NAME}, by="system:tests", now=clock())
    trail.checkpoint()
    erase(database, cast.persons["cy"], people, clock)
    trail.checkpoint()
    report = trail.verify()
    assert report.sound, report.problems
    assert report.erased > 0


def test_an_area_that_does_not_do_its_part_is_found(
    database: Database, zoe: int, people: PeopleData, clock: SettableClock
) -> None:
    with database.write() as session:
        some = [area for area in ALL if area.name not in {"metrics", "syncing"}]
        erase_person(session, subject(session, zoe, people), some, people=people, by="system:tests", now=clock())
    left = {place.split(".")[0] for place in named_in(everything(database))}
    assert {"observation", "target", "series_column", "record", "quarantined"} <= left


def test_what_is_given_out_is_every_row_about_the_person(
    database: Database, zoe: int, people: PeopleData, clock: SettableClock
) -> None:
    with database.write() as session:
        found = export_person(session, subject(session, zoe, people), ALL, by="system:tests")
        assert "person.exported" in session.scalars(text("SELECT action FROM audit_entry")).all()
    packed = {"series_column", "signin_attempt"}  # the observations again; a hash
    assert set(found) >= {table.name for table in personal_columns(Base)} - packed
    words = json.dumps(found, default=str)
    for canary in CANARIES:
        assert json.dumps(canary)[1:-1].replace("\\", "") in words.replace("\\", "")  # perhaps in JSON within the JSON
    assert not [name for rows in found.values() for row in rows for name in row if name.endswith("_hash")]
    assert "secrets" not in found["connection_version"][0]


def test_others_are_left_as_they_are(database: Database, zoe: int, people: PeopleData, clock: SettableClock) -> None:
    before = others(database, zoe)
    with database.write() as session:
        found = export_person(session, subject(session, zoe, people), ALL, by="system:tests")
    assert [row["id"] for row in found["person"]] == [zoe]
    erase(database, zoe, people, clock)
    assert others(database, zoe) == before


def others(database: Database, zoe: int) -> list[tuple[Any, ...]]:
    with database.read() as session:
        listed = session.execute(select(Person.__table__).where(Person.id != zoe).order_by(Person.id)).all()
        return [tuple(row) for row in listed]


def test_a_name_inside_another_word_is_no_name(database: Database, cast: Cast, people: PeopleData) -> None:
    one = Subject(1, "per_1", frozenset({"Ann Li", "ann@a.example"}), frozenset(), "anon-1")
    assert one.hide("Joann Lidl asked ANN LI (ann@a.example).") == "Joann Lidl asked anon-1 (anon-1)."
    assert not one.is_meant_by({"said": ["Joann Lidl"]})
    nameless = Subject(1, "per_1", frozenset(), frozenset(), "anon-1")
    assert nameless.hide("nothing happens") == "nothing happens"


def test_the_last_admin_is_not_erased(database: Database, cast: Cast, people: PeopleData, clock: SettableClock) -> None:
    with database.write() as session:
        ada = find_person(session, "ada")
        set_password(session, ada, "hash", by="system:tests", now=clock())
        give_role(session, person=ada, role=Role.ADMIN, org_unit_id=None, by="system:tests", now=clock())
    with pytest.raises(ConflictError, match="last admin"):
        erase(database, ada.id, people, clock)
    with database.read() as session:
        assert session.get_one(Person, ada.id).name != NOBODY


def test_the_command_gives_and_erases(
    sqlite_database: Database, settings: Settings, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.factories import build_cast

    monkeypatch.setenv("PLUMBLINE_HOME", str(settings.home))
    monkeypatch.setenv("DATABASE_URL", sqlite_database.url.render_as_string())
    monkeypatch.setattr("hub.cli.loading.configure_logs", lambda **_: None)
    with sqlite_database.write() as session:
        build_cast(session, now=clock())
        change_person(
            session, find_person(session, "cy"), {"email": MAIL, "name": NAME}, by="system:tests", now=clock()
        )
    out = settings.home.parent / "cy.json"
    run = CliRunner()
    run.invoke(plumbline, ["people", "export", MAIL, "--out", str(out)], catch_exceptions=False)
    assert json.loads(out.read_text())["person"][0]["name"] == NAME
    assert out.stat().st_mode & 0o777 == 0o600
    done = run.invoke(plumbline, ["people", "erase", "cy", "--yes"], catch_exceptions=False)
    assert "Erased" in done.output, done.output
    assert NAME not in everything(sqlite_database)["person.name"]
