"""Databases for tests: each test gets one with all tables and no rows, at the price of a few milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import psycopg
from sqlalchemy.engine import make_url

from hub.core.database import Base, Database
from hub.migrations.metadata import load_metadata

_SHAPE = """
SELECT md5(string_agg(entry, E'\n' ORDER BY entry)) FROM (
  SELECT concat(relname, relkind, relnatts) FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat(tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS shape (entry)
"""
_CLOSE_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_RESTART_SEQUENCES = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) "
    "FROM pg_sequences WHERE last_value IS NOT NULL"
)


class PostgresqlDatabases:
    """The databases of one server. Making one takes a second, emptying one takes a tenth: a clean one is used again."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._numbers = count(1)
        self._spare: list[str] = []
        self._template: str | None = None
        self._shape: object = None

    def take(self, *, tables: bool) -> Database:
        """Give a database without rows, with all tables or without any."""
        if tables and self._spare:
            return self._open(self._spare.pop())
        if tables and self._template is None:
            self._template = self._make_template()
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {self._template if tables else 'template0'}")
        return self._open(name)

    def give_back(self, database: Database) -> None:
        """Empty a database for the next test, or drop it where the test changed its tables."""
        database.dispose()
        name = str(database.url.database)
        if self._template is not None and self._empty(name):
            self._spare.append(name)
        else:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _make_template(self) -> str:
        load_metadata()
        self._run("CREATE DATABASE with_tables TEMPLATE template0")
        database = self._open("with_tables")
        Base.metadata.create_all(database.engine)
        database.dispose()
        with psycopg.connect(self._address("with_tables")) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()
        return "with_tables"

    def _empty(self, name: str) -> bool:
        with psycopg.connect(self._address(name)) as connection:
            connection.execute(_CLOSE_OTHERS)
            connection.execute("DROP TABLE IF EXISTS alembic_version")
            if connection.execute(_SHAPE).fetchone() != self._shape:
                return False
            connection.execute("SET LOCAL session_replication_role = replica")  # neither references nor triggers
            connection.execute("; ".join(f'DELETE FROM "{table}"' for table in Base.metadata.tables).encode())
            connection.execute(_RESTART_SEQUENCES)
        return True

    def _open(self, name: str) -> Database:
        return Database(make_url(self.server).set(database=name))

    def _address(self, name: str) -> str:
        return make_url(self.server).set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement.encode())


def borrow(databases: PostgresqlDatabases, *, tables: bool) -> Iterator[Database]:
    """Give a database for the length of one test."""
    database = databases.take(tables=tables)
    yield database
    databases.give_back(database)
