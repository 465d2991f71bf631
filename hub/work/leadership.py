"""One process at a time does what only one may do: a lease in the database, renewed while its holder lives."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.database import Database, database_now
from hub.core.processes import is_surely_dead
from hub.work.models import LeaderLease

LEASE = timedelta(seconds=10)
"""How long others wait for a leader on another machine that has gone without a word."""


class Leadership:
    """One role, sought by one process."""

    def __init__(self, database: Database, role: str, owner: str) -> None:
        self._database = database
        self._role = role
        self._owner = owner

    def seek(self) -> bool:
        """Become or stay the leader; look first and write only when there is something to gain."""
        with self._database.read() as session:
            row = session.get(LeaderLease, self._role)
            now = database_now(session)
        if row is not None and row.owner == self._owner and now + LEASE / 2 < row.until <= now + LEASE:
            return True
        if row is not None and row.owner != self._owner and _holds(row, now):
            return False
        with self._database.write() as session:
            return self._take(session, row)

    def resign(self) -> None:
        """Let somebody else take over at once."""
        with self._database.write() as session:
            session.execute(delete(LeaderLease).where(LeaderLease.role == self._role, LeaderLease.owner == self._owner))

    def _take(self, session: Session, seen: LeaderLease | None) -> bool:
        until = database_now(session) + LEASE
        if seen is None:
            dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
            insert = dialect.insert(LeaderLease).values(role=self._role, owner=self._owner, until=until)
            statement = insert.on_conflict_do_nothing().returning(LeaderLease.role)
            return session.scalar(statement) is not None
        taken = session.scalar(
            update(LeaderLease)
            .where(LeaderLease.role == self._role, LeaderLease.owner == seen.owner, LeaderLease.until == seen.until)
            .values(owner=self._owner, until=until)
            .returning(LeaderLease.role)
            .execution_options(synchronize_session=False)
        )
        return taken is not None


def _holds(row: LeaderLease, now: datetime) -> bool:
    # a lease that ends later than one could have been given was written by a clock that has since gone back
    return now < row.until <= now + LEASE and not is_surely_dead(row.owner)
