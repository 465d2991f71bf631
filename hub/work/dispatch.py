"""Tell the queue of committed work. The queue carries ids only and may lose any of them: the database is the truth."""

from __future__ import annotations

import json
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from hub.work.failpoints import Failpoint, no_failpoint
from hub.work.service import Ready

ENTRY = "hub.work.run"
"""The one function name that jobs carry, for ever: a job of an older version must be understood by a newer one."""
JOB_SECONDS = 86_400
"""How long the queue keeps a job that nobody fetches; the reconciler asks again for what is still due."""
LONGEST_JOB = 200
"""Bytes: `["hub.work.run", null, [<id>], {}]` is far shorter, so anything longer is not ours."""
FIRST_REST, LONGEST_REST = 2.0, 30.0
"""Seconds for which a queue server that was away is left alone, doubling: no page waits for it at every commit."""

log = structlog.get_logger(__name__)


class ForeignJobError(Exception):
    """The queue holds something that Plumbline did not put there; it is not run."""


class Dispatcher:
    """Puts ids on the queue; a queue that is away is logged once and costs no commit."""

    def __init__(
        self,
        client: Redis,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        failpoint: Failpoint = no_failpoint,
    ) -> None:
        self._client = client
        self._monotonic = monotonic
        self._failpoint = failpoint
        self._rest = 0.0
        self._rest_until = 0.0

    def __call__(self, items: list[Ready]) -> None:
        """Take items that were just committed; those due later are left to the reconciler."""
        self._failpoint("work.before_dispatch")
        self.tell(item for item in items if not item.delayed)
        self._failpoint("work.dispatched")

    def tell(self, items: Iterable[Ready]) -> bool:
        """Put items on their queues; False when the queue server is away."""
        if self._rest and self._monotonic() < self._rest_until:
            return False
        by_queue: dict[str, list[Ready]] = defaultdict(list)
        for item in items:
            by_queue[item.queue].append(item)
        try:
            for name, ready in by_queue.items():
                _push(open_queue(self._client, name), ready)
        except RedisError as error:
            self._away(error)
            return False
        self._back()
        return True

    def waiting(self, name: str) -> set[str] | None:
        """List the jobs that wait on a queue; None when the queue server is away."""
        try:
            jobs = set(open_queue(self._client, name).get_job_ids())
        except RedisError as error:
            self._away(error)
            return None
        self._back()
        return jobs

    def _away(self, error: RedisError) -> None:
        if not self._rest:
            log.warning("queue.away", error=type(error).__name__)
        self._rest = min(2 * self._rest or FIRST_REST, LONGEST_REST)
        self._rest_until = self._monotonic() + self._rest

    def _back(self) -> None:
        if self._rest:
            log.info("queue.back")
        self._rest = 0.0


def open_queue(client: Redis, name: str) -> Queue:
    """Open one of our queues."""
    return Queue(f"plumbline-{name}", connection=client, serializer=JSONSerializer)


def job_name(item_id: int, attempt: int) -> str:
    """Name the job of the next attempt at an item: the same work waits under one name, however often it is told."""
    return f"work-{item_id}-{attempt}"


def read_job(data: bytes) -> int:
    """Read a job's content, as little of it as can be: the id of an item, or ForeignJobError."""
    try:
        plain = zlib.decompressobj().decompress(data, LONGEST_JOB)
        name, instance, arguments, named = json.loads(plain)
        (item_id,) = arguments
    except (zlib.error, ValueError, TypeError):
        raise ForeignJobError("its content is not a call of one function with one number") from None
    if (name, instance, named) != (ENTRY, None, {}) or type(item_id) is not int:
        raise ForeignJobError(f"it asks for something else than {ENTRY}")
    return item_id


def _push(queue: Queue, items: list[Ready]) -> None:
    queue.enqueue_many(
        [
            Queue.prepare_data(
                ENTRY,
                args=(item.id,),
                job_id=job_name(item.id, item.attempt),
                timeout=-1,  # our leases and deadlines hold, not RQ's alarm signals
                ttl=JOB_SECONDS,
                description=f"work item {item.id}",
            )
            for item in items
        ]
    )
