"""Copy a whole database into one file and back, while the product runs. Keys are never part of it.

SQLite: a SQLite file, made by its own online backup. PostgreSQL: a zip of one COPY text a table and `manifest.json`,
all of one snapshot. Either goes back into a database of its own kind.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, func, inspect, select
from sqlalchemy.orm import Session

from hub.core.database import Database
from hub.core.errors import PlumblineError
from hub.migrations import run

VERSION_TABLE = "alembic_version"
_MANIFEST = "manifest.json"
_SQLITE_MAGIC = b"SQLite format 3\0"
_COPY_BYTES = 1 << 20


class BackupError(PlumblineError):
    """A backup cannot be made or put back; the message says why and what to do."""

    slug, status, title = "backup", 500, "The backup cannot be used"


@dataclass(frozen=True)
class Manifest:
    """What a backup of PostgreSQL says about itself."""

    revision: str | None
    made_at: str
    rows: dict[str, int]


def write_backup(database: Database, path: Path, *, now: datetime) -> None:
    """Write a backup to a new file; it appears under its name only when it is whole."""
    if path.exists():
        raise BackupError(f"{path} is there already: choose another name, an old backup is never overwritten")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    if database.is_sqlite:
        _copy_sqlite(_file_of(database), partial)
        with closing(sqlite3.connect(partial)) as copy:
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, no -wal beside it
            _require_sound(copy, partial)
    else:
        _dump_postgresql(database, partial, now=now)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.rename(path)


def restore_backup(database: Database, path: Path) -> None:
    """Put a backup into a database that holds nothing; nothing is there if it fails."""
    if not path.is_file():
        raise BackupError(f"there is no backup at {path}")
    _require_empty(database)
    with path.open("rb") as file:
        is_sqlite = file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    if is_sqlite != database.is_sqlite or not (is_sqlite or zipfile.is_zipfile(path)):
        kind = "SQLite" if database.is_sqlite else "PostgreSQL"
        raise BackupError(f"{path} is no backup of a {kind} database: a backup goes back into the kind it came from")
    if is_sqlite:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as backup:
            _require_sound(backup, path)
        database.dispose()
        _copy_sqlite(path, _file_of(database))
    else:
        _load_postgresql(database, path)


def _file_of(database: Database) -> Path:
    if not database.url.database or database.url.database == ":memory:":
        raise BackupError("a database in memory cannot be backed up: set PLUMBLINE_DATABASE_URL or PLUMBLINE_HOME")
    return Path(database.url.database)


def _copy_sqlite(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)  # all pages in one step: one snapshot, and in WAL mode no writer waits for it


def _require_sound(connection: sqlite3.Connection, path: Path) -> None:
    try:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise BackupError(f"{path} is damaged ({found}): use another backup, or repair the disk and try again")


def _require_empty(database: Database) -> None:
    tables = [name for name in inspect(database.engine).get_table_names() if name != VERSION_TABLE]
    with database.engine.connect().execution_options(plumbline_read=True) as connection:
        quote = connection.dialect.identifier_preparer.quote
        for name in tables:
            if connection.exec_driver_sql(f"SELECT 1 FROM {quote(name)} LIMIT 1").first():  # noqa: S608  # names come from the database
                raise BackupError(
                    f"the database holds data already ({name}): restore into an empty one, such as a new PLUMBLINE_HOME"
                )


def _dump_postgresql(database: Database, path: Path, *, now: datetime) -> None:
    with database.read() as session, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        rows = {}
        for table in _tables(session):
            with archive.open(f"{table.name}.copy", "w", force_zip64=True) as file, _cursor(session) as cursor:
                with cursor.copy(f"COPY {_columns(session, table)} TO STDOUT") as lines:
                    for line in lines:
                        file.write(line)
                rows[table.name] = cursor.rowcount
        manifest = Manifest(run.current_revision(database), now.isoformat(), rows)
        archive.writestr(_MANIFEST, json.dumps(asdict(manifest), indent=1))


def _load_postgresql(database: Database, path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        manifest = Manifest(**json.loads(archive.read(_MANIFEST)))
        if manifest.revision is None:
            raise BackupError(f"{path} was made of a database without tables: there is nothing to restore")
        run.upgrade(database, manifest.revision)
        with database.write() as session:
            for table in _tables(session):
                with _cursor(session) as cursor, archive.open(f"{table.name}.copy") as file:
                    with cursor.copy(f"COPY {_columns(session, table)} FROM STDIN") as lines:
                        while part := file.read(_COPY_BYTES):
                            lines.write(part)
                    if cursor.rowcount != manifest.rows[table.name]:
                        raise BackupError(f"{path} is damaged ({table.name}): use another backup")
                _set_sequences(session, table)


def _tables(session: Session) -> Iterable[Table]:
    found = MetaData()
    found.reflect(session.connection())  # the tables as they are: a backup is made before an upgrade
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def _cursor(session: Session) -> Any:  # noqa: ANN401  # the driver's cursor
    return session.connection().connection.cursor()


def _columns(session: Session, table: Table) -> str:
    quote = session.connection().dialect.identifier_preparer.quote
    return f"{quote(table.name)} ({', '.join(quote(column.name) for column in table.columns)})"


def _set_sequences(session: Session, table: Table) -> None:
    connection = session.connection()
    quote = connection.dialect.identifier_preparer.quote
    for column in table.primary_key.columns:
        sequence = connection.execute(
            select(func.pg_get_serial_sequence(quote(table.name), column.name))
        ).scalar_one_or_none()
        last = connection.execute(select(func.max(column))).scalar()
        if sequence is not None and last is not None:
            connection.execute(select(func.setval(sequence, last)))
