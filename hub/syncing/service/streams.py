"""Where the reading of a stream stands, and who may move it on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.errors import ConflictError
from hub.syncing.models import StreamState

CENSUS_EVERY = timedelta(days=1)
"""How often deletes and moves are looked for without being asked."""


class SupersededError(ConflictError):
    """A newer run reads this stream now: this one may not move its cursor any more."""

    slug, title = "reading-superseded", "Another reading has begun"


def lock_stream(session: Session, connection_id: int, stream: str) -> StreamState:
    """Give the state of a stream, which nobody else stores records of until this transaction ends."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    session.execute(
        dialect.insert(StreamState)
        .values(connection_id=connection_id, stream=stream, census_due=False)
        .on_conflict_do_nothing(index_elements=["connection_id", "stream"])
    )
    return session.scalars(
        select(StreamState)
        .where(StreamState.connection_id == connection_id, StreamState.stream == stream)
        .with_for_update()
    ).one()


def take_over(
    session: Session, connection_id: int, stream: str, *, run: str, full: bool, now: datetime
) -> tuple[dict[str, Any] | None, bool]:
    """Make this run the one that reads a stream; give the cursor to start from, and whether a census is due."""
    state = lock_stream(session, connection_id, stream)
    state.run = run
    if full:
        state.cursor, state.census_due = None, True
    elif state.census_at is not None and now - state.census_at >= CENSUS_EVERY:
        state.census_due = True
    return state.cursor, state.census_due


def hold_stream(session: Session, connection_id: int, stream: str, *, run: str) -> StreamState:
    """Lock a stream that this run reads; raises SupersededError where a newer one does."""
    state = lock_stream(session, connection_id, stream)
    if state.run != run:
        raise SupersededError(f"Another reading of {stream} has begun since; it goes on where this one stood.")
    return state


def move_cursor(state: StreamState, cursor: Mapping[str, Any]) -> None:
    """Write down that everything before a checkpoint is stored."""
    state.cursor = dict(cursor)


def end_reading(state: StreamState, *, began_at: datetime, with_census: bool) -> None:
    """Write down that a reading reached the end; a first one was as good as a census, for there was nothing to miss."""
    state.read_at = began_at
    if with_census or state.census_at is None:
        state.census_at, state.census_due = began_at, False
