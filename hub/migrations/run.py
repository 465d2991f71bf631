"""Bring a database to a revision, or write the next one: `python -m hub.migrations.run revision "what changes"`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from hub.core.database import Database
from hub.core.errors import PlumblineError

FOLDER = Path(__file__).parent
_LOCK = 7_012_026_001
"""Number of the advisory lock on PostgreSQL: two processes that start at once migrate one after the other."""


class UnknownRevisionError(PlumblineError):
    """The database was migrated by a newer version of this program."""

    slug, status, title = "unknown-revision", 500, "The database is newer than this program"


class BrokenReferencesError(PlumblineError):
    """A migration would leave rows that point at nothing; it was rolled back."""

    slug, status, title = "broken-references", 500, "A migration would break references"


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database up to a revision; all of it in one transaction, so a killed upgrade leaves no trace."""
    _refuse_newer(database)
    with _migrating(database) as config:
        command.upgrade(config, revision)


def downgrade(database: Database, revision: str) -> None:
    """Bring the database down to a revision (`base` = no tables); what only newer tables held is gone."""
    _refuse_newer(database)
    with _migrating(database) as config:
        command.downgrade(config, revision)


def head_revision() -> str | None:
    """Give the newest revision that this program knows."""
    return _scripts().get_current_head()


def current_revision(database: Database) -> str | None:
    """Give the revision of the database; None where nothing was migrated yet."""
    with database.engine.connect().execution_options(plumbline_read=True) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def write_revision(message: str) -> Path:
    """Write the migration from the newest revision to the tables as the models declare them now."""
    number = f"{len(_all_revisions()) + 1:04d}"
    with tempfile.TemporaryDirectory() as compared:
        database = Database(f"sqlite:///{compared}/compare.db")
        upgrade(database)
        with _migrating(database) as config:
            command.revision(config, message, autogenerate=True, rev_id=number)
        database.dispose()
    path = next((FOLDER / "versions").glob(f"{number}_*.py"))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "# ###" not in line), encoding="utf-8")
    return path


def _refuse_newer(database: Database) -> None:
    current = current_revision(database)
    if current is not None and current not in _all_revisions():
        raise UnknownRevisionError(
            f"the database is at revision {current}, which this version does not know: install the version that "
            "migrated it, or restore the backup that was made before"
        )


def _all_revisions() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER))


@contextmanager
def _migrating(database: Database) -> Iterator[Config]:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        with _without_foreign_keys(connection) if database.is_sqlite else _alone(connection):
            yield config


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    with connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        yield


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Let SQLite replace tables that others point at; every reference is checked before the commit."""
    switch: Callable[[str], object] = connection.connection.execute  # a PRAGMA counts only outside of a transaction
    switch("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            yield
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                tables = ", ".join(sorted({row[0] for row in broken}))
                raise BrokenReferencesError(f"rows of {tables} would point at nothing: nothing was changed")
    finally:
        switch("PRAGMA foreign_keys=ON")


def main(arguments: list[str]) -> int:
    """Run the generator from the command line."""
    if len(arguments) == 2 and arguments[0] == "revision":  # noqa: PLR2004  # the word and its message
        print(write_revision(arguments[1]))  # noqa: T201  # the answer of the command
        return 0
    print('usage: python -m hub.migrations.run revision "what changes"')  # noqa: T201  # as above
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
