"""A writer killed at any moment leaves a whole database: the file is sound, columns and observations agree (R5)."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from hub import metrics
from hub.core.database import Database
from hub.metrics.models import Observation, SeriesColumn
from hub.metrics.service import rebuild_columns
from tests.factories import build_cast

WRITE = """
import itertools, sys
from datetime import datetime, timedelta, UTC
from hub.core.database import Database
from hub.metrics.service import ObservationDraft, record_observations
database, series = Database(sys.argv[1]), int(sys.argv[2])
start = datetime.fromisoformat(sys.argv[3])
for batch in itertools.count():
    days = [ObservationDraft(series, start + timedelta(days=10 * batch + day), 1.0) for day in range(10)]
    with database.write() as session:
        record_observations(session, days, now=start + timedelta(days=9000))
    print(batch, flush=True)
"""


def kill_a_writer(database: Database, series: int, start: datetime, batches: int) -> int:
    """Start a writer, kill it after some batches, in the middle of the next; give the batches it reported."""
    address = database.url.render_as_string(hide_password=False)
    arguments = [sys.executable, "-c", WRITE, address, str(series), start.isoformat()]
    home = Path(metrics.__file__).parents[2]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=home, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(batches):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        return batches + len(writer.stdout.readlines())


@pytest.mark.parametrize("kills", [1, pytest.param(100, marks=[pytest.mark.full, pytest.mark.timeout(1800)])])
def test_what_was_reported_is_there_and_the_rest_is_whole(database: Database, kills: int) -> None:
    """R5: kill -9 in commit."""
    chance = random.Random(5)
    with database.write() as session:
        series = build_cast(session, now=datetime(2026, 1, 1, tzinfo=UTC)).series["calls"]
    for kill in range(kills):
        start = datetime(2000 + kill, 1, 1, tzinfo=UTC)
        reported = kill_a_writer(database, series, start, chance.randint(1, 8))
        with database.write() as session:
            written = session.scalars(select(Observation).where(Observation.period_start >= start)).all()
            assert len(written) % 10 == 0
            assert len(written) >= 10 * reported
            kept = session.scalars(select(SeriesColumn.starts).order_by(SeriesColumn.stretch)).all()
            rebuild_columns(session, series)
            session.expire_all()
            assert session.scalars(select(SeriesColumn.starts).order_by(SeriesColumn.stretch)).all() == kept
            if database.is_sqlite:
                assert session.scalar(text("PRAGMA integrity_check")) == "ok"
            session.execute(text("DELETE FROM observation"))
            session.execute(text("DELETE FROM series_column"))
