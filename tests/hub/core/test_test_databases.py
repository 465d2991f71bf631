"""The databases that tests ask for."""

from __future__ import annotations

from sqlalchemy import text

from hub.core.database import Database
from tests.factories import Cast


def test_every_test_gets_a_database_that_writes_and_reads(database: Database) -> None:
    with database.write() as session:
        session.execute(text("CREATE TABLE left_behind (id INTEGER)"))
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM left_behind")) == 0


def test_nothing_is_left_behind_for_the_next_test(database: Database) -> None:
    with database.write() as session:
        session.execute(text("CREATE TABLE left_behind (id INTEGER)"))


def test_work_items_are_there(database: Database) -> None:
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM work_item")) == 0


def test_rows_of_one_test_are_gone_in_the_next(database: Database, cast: Cast) -> None:
    assert cast.org_units["acme"] == 1


def test_ids_start_at_one_in_every_test(database: Database, cast: Cast) -> None:
    assert cast.org_units["acme"] == 1
