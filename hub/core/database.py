"""One database object for the whole process: engine, sessions, and what must hold on both SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.types import LargeBinary

from hub.core.instants import Instant, utc_now

BUSY_SECONDS = 30
"""How long a SQLite writer waits for another one before it gives up."""
FORGOTTEN_SECONDS = 120
"""How long a PostgreSQL transaction may wait for its own process. One that is frozen (paused machine, SIGSTOP) would
keep its row locks for ever, and who takes its work over would wait for them: so less than a lease (300 s), and far
more than any transaction of ours thinks between two statements."""

Id = Annotated[int, mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)]
Ref = BigInteger().with_variant(Integer, "sqlite")
"""Type of a column that points at an Id: `mapped_column(Ref, ForeignKey(...))`."""
PublicId = Annotated[str, mapped_column(String(40), unique=True)]
Json = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    """Base of every table; the naming convention lets migrations find constraints on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads a plain dict here
        datetime: Instant,
        dict[str, Any]: Json,
        list[Any]: Json,
        bytes: LargeBinary,
        int: Ref,
    }


class Database:
    """Engine and sessions.

    `write()` opens a transaction that may change things (SQLite: BEGIN IMMEDIATE, so that it never fails half way with
    'database is locked'); `read()` opens one that may not. `info` is put on every session: the subscribers of events
    and the dispatcher of work travel there, so that services stay free of global state.
    """

    def __init__(self, url: str | URL, *, pool_size: int = 10) -> None:
        self.url = make_url(url)
        self.info: dict[str, Any] = {}
        self.engine = _create_engine(self.url, pool_size)
        self._reader = self.engine.execution_options(plumbline_read=True)

    @property
    def is_sqlite(self) -> bool:
        """Say whether the database is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that commits at the end of the block, or rolls back on any error."""
        with Session(self.engine, expire_on_commit=False, info=self.info) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only looks; it sees one consistent state and rolls back at the end."""
        with Session(self._reader, expire_on_commit=False, autoflush=False, info=self.info) as session:
            yield session

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def database_now(session: Session) -> datetime:
    """Read the clock of the database: leases of several machines are compared by one clock.

    SQLite is always on this machine, so there it is the machine's clock.
    """
    if session.get_bind().dialect.name == "sqlite":
        return utc_now()
    now: datetime | None = session.scalar(select(func.clock_timestamp(type_=Instant)))
    if now is None:
        raise RuntimeError("the database did not tell the time")
    return now


def _create_engine(url: URL, pool_size: int) -> Engine:
    if url.get_backend_name() != "sqlite":
        if url.get_backend_name() == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401  # a driver's connection has no common type
    connection.isolation_level = None  # we say BEGIN ourselves (below)
    pragmas: Mapping[str, str] = {
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "foreign_keys": "ON",
        "busy_timeout": str(BUSY_SECONDS * 1000),
    }
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}")


def _begin_sqlite(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get("plumbline_read", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def _prepare_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401  # as above
    connection.autocommit = True  # else it would be forgotten with the first transaction that is rolled back
    connection.execute(f"SET idle_in_transaction_session_timeout = '{FORGOTTEN_SECONDS}s'")
    connection.autocommit = False


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("plumbline_read", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
