import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.sdk.errors import ConfigError, TransientError
from connectors.sdk.protocol import Checkpoint, Cursor, Record
from plumbline_connector_sql.config import SqlConfig
from plumbline_connector_sql.source import SqlSource


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "a b?.db", isolation_level=None)) as opened:
        opened.execute("CREATE TABLE t (id INTEGER, n TEXT, at INTEGER)")
        opened.execute("INSERT INTO t VALUES (1, 'one', 10), (2, 'two', 20)")
        yield opened


def source(tmp_path: Path, **changes: object) -> SqlSource:
    config = {"path": tmp_path / "a b?.db", "query": "SELECT * FROM t", "key": ("id",), "cursor": "at", **changes}
    return SqlSource(SqlConfig.model_validate(config))


def read(sql: SqlSource, cursor: Cursor | None = None) -> tuple[list[str], Cursor]:
    (stream,) = sql.discover()
    *items, last = sql.read(stream, cursor)
    assert isinstance(last, Checkpoint)
    return [str(item.data["n"]) for item in items if isinstance(item, Record)], last.cursor


def test_a_late_row_with_the_last_value_is_not_lost(tmp_path: Path, database: sqlite3.Connection) -> None:
    first, cursor = read(source(tmp_path))
    database.execute("INSERT INTO t VALUES (3, 'three', 20), (4, 'four', 30)")
    second, cursor = read(source(tmp_path), cursor)
    assert (first, second) == (["one", "two"], ["three", "four"])
    assert read(source(tmp_path), cursor)[0] == []


def test_a_changed_row_comes_again(tmp_path: Path, database: sqlite3.Connection) -> None:
    _, cursor = read(source(tmp_path))
    database.execute("UPDATE t SET n = 'uno', at = 21 WHERE id = 1")
    assert read(source(tmp_path), cursor)[0] == ["uno"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": ("no",)}, "key"),
        ({"cursor": "no"}, "cursor"),
        ({"query": "SELECT * FROM nothing"}, "query"),
        ({"query": "DELETE FROM t"}, "query"),
        ({"query": "SELECT 1); DROP TABLE t; --"}, "query"),
        ({"path": Path("/nowhere/x.db")}, "path"),
        ({"path": Path(__file__)}, "path"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_changed(
    tmp_path: Path, database: sqlite3.Connection, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        source(tmp_path, **changes).check()
    assert raised.value.field == field
    assert database.execute("SELECT count(*) FROM t").fetchone() == (2,)


def test_a_locked_database_is_transient(tmp_path: Path, database: sqlite3.Connection) -> None:
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TransientError):
        source(tmp_path).check()
