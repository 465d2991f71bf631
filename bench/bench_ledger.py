"""How fast the ledger takes observations in and gives them to rules, beside what the driver alone does.

    python bench/bench_ledger.py [--series 10000] [--weeks 104] [--url postgresql://...]

Ratios matter, not seconds: other work on the machine moves both sides.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from hub.core.database import Base, Database
from hub.core.ids import new_public_id
from hub.metrics.history import build_history
from hub.metrics.models import Kind, Series
from hub.metrics.service import (
    CalendarDraft,
    MetricDraft,
    ObservationDraft,
    define_calendar,
    define_metric,
    record_observations,
)
from hub.migrations.metadata import load_metadata
from hub.people.models import OrgUnit

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
BATCH = 10_000
CHANGED = 1000
BY = "system:bench"


@contextmanager
def measured(what: str, rows: int) -> Iterator[None]:
    """Print how long a block took, and rows a second."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:<58} {wall:8.3f} s wall {cpu:8.3f} s CPU {rows / wall:12,.0f} rows/s")


def prepare(database: Database, count: int) -> list[int]:
    """Make the tables, one metric and many weekly series."""
    load_metadata()
    Base.metadata.create_all(database.engine)
    with database.write() as session:
        unit = OrgUnit(public_id=new_public_id("org"), key="acme", name="Acme", parent_id=None, function="sales")
        session.add(unit)
        session.flush()
        draft = MetricDraft(key="m", name="M", org_unit_id=unit.id, kind=Kind.MEASURE)
        metric = define_metric(session, draft, by=BY, now=NOW)
        calendar = define_calendar(session, CalendarDraft(key="default"), by=BY, now=NOW)
        common = {
            "metric_id": metric.id,
            "org_unit_id": unit.id,
            "calendar_id": calendar.id,
            "cadence": "weekly",
            "latency": "3d",
            "validation_policy": {},
            "function": "",
            "peers": "",
            "status": "active",
            "created_at": NOW,
        }
        rows = [
            common | {"public_id": new_public_id("ser"), "key": f"s{number}", "segment": str(number)}
            for number in range(count)
        ]
        session.execute(insert(Series), rows)
        return list(session.scalars(Series.__table__.select().with_only_columns(Series.id).order_by(Series.id)))


def drafts(series_ids: list[int], values: np.ndarray, first: int = 0) -> Iterator[list[ObservationDraft]]:
    """Yield batches as a sync would: series by series, week by week."""
    batch: list[ObservationDraft] = []
    for place, series_id in enumerate(series_ids):
        for week, value in enumerate(values[place]):
            batch.append(ObservationDraft(series_id, START + timedelta(weeks=first + week), float(value)))
            if len(batch) == BATCH:
                yield batch
                batch = []
    yield batch


def record_all(database: Database, batches: Iterator[list[ObservationDraft]]) -> int:
    """Record batches, one transaction each; give the number of new rows."""
    created = 0
    for batch in batches:
        with database.write() as session:
            created += record_observations(session, batch, now=NOW).created
    return created


def floor(folder: Path, rows: int) -> None:
    """Write rows of the same width with sqlite3 alone: no Python above the driver can be faster."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    names = "series_id, a, b, recorded_at, imputed, value, n, d, by, source, note, ingested_at, released_at"
    connection.execute(f"CREATE TABLE observation (id INTEGER PRIMARY KEY, {names})")  # names are above
    connection.execute("CREATE INDEX version ON observation (series_id, a, recorded_at)")
    row = (1, 2, 3, True, 0.5, None, None, None, None, None, 4, None)
    places = ", ".join("?" * 13)
    with measured("floor: sqlite3 executemany, one index", rows):
        for start in range(0, rows, BATCH):
            connection.execute("BEGIN IMMEDIATE")
            some = [(start + number, *row) for number in range(min(BATCH, rows - start))]
            connection.executemany(f"INSERT INTO observation ({names}) VALUES ({places})", some)  # noqa: S608  # as above
            connection.execute("COMMIT")
    connection.close()


def main() -> None:
    """Measure everything once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--url", help="an empty database; default: a new SQLite file")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), chosen.series, chosen.weeks, chosen.url or f"sqlite:///{folder}/bench.db")


def run(folder: Path, count: int, weeks: int, url: str) -> None:
    """Measure on one database."""
    database = Database(url)
    series_ids = prepare(database, count)
    values = np.random.default_rng(1).normal(100, 5, (count, weeks))
    rows = count * weeks
    print(f"{count:,} series x {weeks} weeks = {rows:,} observations, {database.engine.dialect.name}")
    floor(folder, rows)
    with measured("record_observations, all new", rows):
        assert record_all(database, drafts(series_ids, values)) == rows  # noqa: S101  # a bench that measures nothing is worse than none
    with measured("record_observations, the same again", rows):
        assert record_all(database, drafts(series_ids, values)) == 0  # noqa: S101  # as above
    changed = series_ids[:CHANGED]
    with measured(f"record_observations, one more week of {len(changed):,} series", len(changed)):
        record_all(database, drafts(changed, values[: len(changed), :1], first=weeks))
    with measured(f"build_history of {len(changed):,} series", len(changed) * weeks), database.read() as session:
        build_history(session, NOW, changed)
    with measured("build_history of everything", rows), database.read() as session:
        history = build_history(session, NOW)
    with measured("limit: sum of its values", rows):
        history.observations.value.sum()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak:,.0f} MiB")
    database.dispose()


if __name__ == "__main__":
    main()
