"""Migrations: the same tables as the models on both databases, up, down and up again, whatever happens in between."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from hub.core.database import Base, Database
from hub.migrations import run
from hub.migrations.metadata import load_metadata

TRIGGERS = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
}
DIE_AFTER = """
import os, signal, sys
from sqlalchemy import event
from hub.core.database import Database
from hub.migrations import run
database, left = Database(sys.argv[1]), int(sys.argv[2])
@event.listens_for(database.engine, "before_cursor_execute")
def die(connection, cursor, statement, *rest):
    global left
    left -= statement.lstrip().upper().startswith("CREATE TABLE")
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
run.upgrade(database)
"""


def triggers(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(text(TRIGGERS[database.engine.dialect.name])))


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_the_migrated_tables_are_those_of_the_models(empty_database: Database) -> None:
    run.upgrade(empty_database)
    with empty_database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, load_metadata()) == []


def test_the_migrated_triggers_are_those_of_the_models(empty_database: Database) -> None:
    run.upgrade(empty_database)
    migrated = triggers(empty_database)
    run.downgrade(empty_database, "base")
    load_metadata().create_all(empty_database.engine)
    assert migrated == triggers(empty_database) != set()


def test_an_upgrade_reaches_the_head_and_a_second_one_changes_nothing(empty_database: Database) -> None:
    assert run.current_revision(empty_database) is None
    run.upgrade(empty_database)
    assert run.current_revision(empty_database) == run.head_revision()
    run.upgrade(empty_database)
    assert run.current_revision(empty_database) == run.head_revision()


def test_up_down_and_up_again_leaves_alone_what_is_not_ours(empty_database: Database) -> None:
    with empty_database.write() as session:
        session.execute(text("CREATE TABLE guest (word TEXT)"))
        session.execute(text("INSERT INTO guest VALUES ('kept')"))
    run.upgrade(empty_database)
    run.downgrade(empty_database, "base")
    assert tables(empty_database) == {"guest"}
    assert triggers(empty_database) == set()
    run.upgrade(empty_database)
    assert tables(empty_database) == {"guest", *Base.metadata.tables}
    with empty_database.read() as session:
        assert session.scalars(text("SELECT word FROM guest")).all() == ["kept"]


@pytest.mark.parametrize("statements", [25])
def test_an_upgrade_that_is_killed_starts_again(empty_database: Database, statements: int) -> None:
    address = empty_database.url.render_as_string(hide_password=False)
    killed = subprocess.run(
        [sys.executable, "-c", DIE_AFTER, address, str(statements)], cwd=Path(run.__file__).parents[2], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert tables(empty_database) == set()
    run.upgrade(empty_database)
    assert tables(empty_database) == set(Base.metadata.tables)


def test_two_upgrades_at_once_do_not_meet(empty_database: Database) -> None:
    other = Database(empty_database.url)
    with ThreadPoolExecutor(2) as pool:
        upgrades = [pool.submit(run.upgrade, database) for database in (empty_database, other)]
        for done in upgrades:
            done.result()
    other.dispose()
    assert run.current_revision(empty_database) == run.head_revision()


def test_a_database_of_a_newer_version_is_left_alone(empty_database: Database) -> None:
    run.upgrade(empty_database)
    with empty_database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(run.UnknownRevisionError, match="9999"):
        run.upgrade(empty_database)
    with pytest.raises(run.UnknownRevisionError, match="9999"):
        run.downgrade(empty_database, "base")
    assert tables(empty_database) == set(Base.metadata.tables)


def test_a_migration_that_would_break_references_is_rolled_back(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.write() as session:
        session.execute(text("CREATE TABLE tree (id INTEGER PRIMARY KEY, above INTEGER REFERENCES tree (id))"))
    with pytest.raises(run.BrokenReferencesError, match="tree"), run._migrating(database) as config:
        config.attributes["connection"].execute(text("INSERT INTO tree VALUES (1, 7)"))
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM tree")) == 0
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    database.dispose()


def test_the_generator_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 2
    assert "usage" in capsys.readouterr().out
