"""What a handler of work is given: the database behind a fence, the clock, and the process's tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.core.database import Database, database_now
from hub.core.instants import Clock
from hub.work.models import WorkItem, WorkState

if TYPE_CHECKING:
    from hub.settings import Settings


class RetryLater(Exception):  # noqa: N818  # a decision, not an error
    """Do this item again, not before `at`; says why, for the work page. Does not count against the attempts."""

    def __init__(self, reason: str, *, at: datetime) -> None:
        super().__init__(reason)
        self.at = at


class Park(Exception):  # noqa: N818  # a decision, not an error
    """A person has to look at this item; the message says what is wrong and what to do."""


class LostLeaseError(Exception):
    """Another worker has taken this item over: this attempt may not commit anything."""


@dataclass(frozen=True)
class Context:
    """One attempt at one work item.

    `transaction()` commits only while this attempt still holds the item (fencing), so a paused and resumed worker
    cannot write over the one that took over. A handler that wants its last change and the end of the item in one
    commit calls `finish(session)` inside that transaction; otherwise the engine ends the item after the handler.
    """

    database: Database
    settings: Settings
    clock: Clock
    item_id: int
    attempt: int
    tools: Mapping[str, Any] = field(default_factory=dict)
    """What the process owns and lends, by name: `connectors` = how to call a connection."""
    failpoint: Callable[[str], None] = lambda _label: None
    """Called at labelled steps, so that tests can kill the process exactly there (R1)."""

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a fenced write transaction."""
        with self.database.write() as session:
            self._hold(session)
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a read-only transaction."""
        with self.database.read() as session:
            yield session

    def finish(self, session: Session) -> None:
        """End the item in this transaction."""
        session.execute(
            update(WorkItem)
            .where(WorkItem.id == self.item_id, WorkItem.attempt == self.attempt)
            .values(state=WorkState.DONE, finished_at=database_now(session), lease_owner=None, lease_until=None)
            .execution_options(synchronize_session=False)
        )

    def _hold(self, session: Session) -> None:
        # an UPDATE, not a SELECT: it locks the row until commit, so nobody can take the item over in between
        held = session.scalar(
            update(WorkItem)
            .where(WorkItem.id == self.item_id, WorkItem.attempt == self.attempt, WorkItem.state == WorkState.READY)
            .values(attempt=self.attempt)
            .returning(WorkItem.id)
            .execution_options(synchronize_session=False)
        )
        if held is None:
            raise LostLeaseError(f"work item {self.item_id}: attempt {self.attempt} is no longer the current one")


Handler = Callable[[Context, dict[str, Any]], None]
"""The function behind a kind of work item. It may run more than once: everything it does outside is marked."""
