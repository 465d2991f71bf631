"""Several writers at once: no 'database is locked', nothing lost, nothing twice (R5)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from hub.core.database import Database
from hub.metrics.models import Observation, SeriesColumn
from hub.metrics.service import ObservationDraft, observations_as_of, record_observations
from tests.factories import Cast, SettableClock

START = datetime(2025, 1, 1, tzinfo=UTC)
WRITERS, BATCHES, DAYS = 4, 6, 25


def test_writers_at_once_lose_nothing_and_double_nothing(database: Database, cast: Cast, clock: SettableClock) -> None:
    """R5: all writers say the same about the same days of one series, batch by batch."""
    series = cast.series["calls"]

    def write(_writer: int) -> int:
        other = Database(database.url)  # as another process: an engine of its own
        created = 0
        for batch in range(BATCHES):
            days = [
                ObservationDraft(series, START + timedelta(days=batch * DAYS + day), float(day)) for day in range(DAYS)
            ]
            with other.write() as session:
                created += record_observations(session, days, now=clock()).created
        other.dispose()
        return created

    with ThreadPoolExecutor(WRITERS) as pool:
        created = sum(pool.map(write, range(WRITERS)))
    assert created == BATCHES * DAYS
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Observation)) == BATCHES * DAYS
        assert session.scalar(select(func.sum(SeriesColumn.rows))) == BATCHES * DAYS
        assert [seen.value for seen in observations_as_of(session, series)] == [
            float(day) for day in range(DAYS)
        ] * BATCHES
