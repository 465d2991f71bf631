"""What makes the queue disposable: a leader that looks into the database and puts right what was lost or forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.area import Schedule
from hub.core.database import Database, database_now
from hub.work.claims import bury, find_dead
from hub.work.dispatch import Dispatcher, job_name
from hub.work.leadership import Leadership
from hub.work.models import WorkItem, WorkState
from hub.work.schedules import declare_schedules, fire_due, is_any_due
from hub.work.service import Ready

ROLE = "work"
BATCH = 1000
"""With so many jobs waiting the workers have enough to do: more are told when these are done."""

log = structlog.get_logger(__name__)


class Reconciler:
    """Frees what dead workers held, makes work of schedules, and tells the queue again of what is due.

    `tick` costs two short reads when there is nothing to do, so it is called every second: work that comes due later,
    and all that a vanished queue server knew, is started within seconds.
    """

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        *,
        owner: str,
        kinds: Collection[str],
        schedules: Iterable[Schedule] = (),
        queues: Sequence[str] = ("default",),
        thorough_seconds: float = 60,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.leadership = Leadership(database, ROLE, owner)
        self._database = database
        self._dispatcher = dispatcher
        self._kinds = tuple(kinds)
        self._schedules = tuple(schedules)
        self._queues = tuple(queues)
        self._thorough_seconds = thorough_seconds
        self._monotonic = monotonic
        self._thorough_at = monotonic()
        self._declared = False

    def tick(self) -> bool:
        """Look once and put right; False when another process is the leader."""
        if not self.leadership.seek():
            return False
        self._declare()
        self._put_right()
        for queue in self._queues:
            self._tell(queue)
        if self._monotonic() >= self._thorough_at:
            self._thorough_at = self._monotonic() + self._thorough_seconds
        return True

    def _declare(self) -> None:
        if not self._declared:
            with self._database.write() as session:
                declare_schedules(session, self._schedules)
            self._declared = True

    def _put_right(self) -> None:
        with self._database.read() as session:
            now = database_now(session)
            dead = find_dead(session, now=now)
            scheduled = is_any_due(session, now=now)
        if not dead and not scheduled:
            return
        with self._database.write() as session:
            buried = bury(session, dead)
            fired = fire_due(session, kinds=self._kinds, now=now)
        log.debug("work.scheduled", items=len(fired))
        if buried:
            log.warning("work.freed", deaths=buried)

    def _tell(self, queue: str) -> None:
        """Tell the queue what is due and not waiting there; to tell what is just being taken costs one idle look."""
        with self._database.read() as session:
            due = find_due(session, queue=queue, limit=BATCH)
        if not due:
            return
        waiting = self._dispatcher.waiting(queue)
        if waiting is None or (len(waiting) >= BATCH and self._monotonic() < self._thorough_at):
            return
        lost = [item for item in due if job_name(item.id, item.attempt) not in waiting]
        if lost:
            self._dispatcher.tell(lost)


def find_due(session: Session, *, queue: str, limit: int, now: datetime | None = None) -> list[Ready]:
    """List items that are due and held by nobody, the longest due first."""
    rows = session.execute(
        select(WorkItem.id, WorkItem.queue, WorkItem.attempt)
        .where(
            WorkItem.state == WorkState.READY,
            WorkItem.due_at <= (now or database_now(session)),
            WorkItem.lease_until.is_(None),
            WorkItem.queue == queue,
        )
        .order_by(WorkItem.due_at, WorkItem.id)
        .limit(limit)
    )
    return [Ready(row.id, row.queue, row.attempt) for row in rows]
