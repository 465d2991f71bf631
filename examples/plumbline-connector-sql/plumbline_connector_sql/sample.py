"""A small database to try the connector on."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connectors.sdk.testing import Sample

SALES = (
    ("north", "2026-01", 12.5, 1, None),
    ("south", "2026-01", 7, 2, None),
    ("north", "2026-02", 9, 2, None),
    ("south", "2026-02", 1, 3, b"\x00"),
    ("east", "2026-02", 1, None, None),
)
"""The last two go to quarantine."""


@contextmanager
def sample() -> Iterator[Sample]:
    """Make a database for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sales.db"
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE sales (region TEXT, month TEXT, total REAL, changed INTEGER, scan BLOB)")
            database.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?)", SALES)
            database.commit()
        yield Sample(
            {"path": str(path), "query": "SELECT * FROM sales;", "key": ["region", "month"], "cursor": "changed"}
        )
