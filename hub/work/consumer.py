"""Take ids from the queue, and nothing else: whatever else somebody put there is refused unread (R38)."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.serializers import JSONSerializer

from hub.work.dispatch import LONGEST_JOB, ForeignJobError, open_queue, read_job

HEARTBEAT_SECONDS = 60
WAIT_SECONDS = 1
"""How long one look at an empty queue takes, and so how long an idle worker takes to stop."""
LONGEST_NAME = 80

Refused = Callable[[str, str], None]
"""Told the name of a foreign job and why it was refused."""


class Consumer(SimpleWorker):
    """An RQ worker whose jobs can only say which work item is due.

    RQ's own way of running a job imports the function, callbacks and webhooks that the job names, so that whoever can
    write to the queue could run code here; its commands and `rq suspend` could stop us. None of that is used: a job is
    one number, read here and removed from the queue before it is worked on. The database knows the rest.
    """

    dequeue_timeout = WAIT_SECONDS
    connection_timeout = 5  # RQ would raise the client's own limit to this if that were shorter

    def __init__(self, client: Redis, *, name: str, queue: str, run: Callable[[int], object], refused: Refused) -> None:
        super().__init__(
            [open_queue(client, queue)],
            name=name,
            connection=client,
            serializer=JSONSerializer,
            prepare_for_work=False,  # would ask the server who we are before anybody knows whether it is there
        )
        self.hostname, self.pid = socket.gethostname(), os.getpid()
        self._run = run
        self._refused = refused

    def serve(self, stopping: threading.Event) -> None:
        """Work until told to stop; a queue server that goes away is raised as RedisError."""
        self._register()
        beat = time.monotonic()
        try:
            while not stopping.is_set():
                self.serve_one()
                if time.monotonic() - beat > HEARTBEAT_SECONDS:
                    self.heartbeat()
                    beat = time.monotonic()
        finally:
            with suppress(RedisError):
                self.register_death()  # type: ignore[no-untyped-call]  # as above

    def _register(self) -> None:
        """Let dashboards list this worker; nothing of ours reads it."""
        self.connection.delete(self.key)  # from before the queue server was away: RQ takes it for another worker
        self.register_birth()  # type: ignore[no-untyped-call]  # RQ has no type there

    def serve_one(self) -> None:
        """Wait a moment for a job; run the item it names."""
        name = self._take()
        if name is None:
            return
        try:
            item_id = self._read(name)
        except ForeignJobError as error:
            self._remove(name)
            self._refused(name[:LONGEST_NAME], str(error))
            return
        self._remove(name)
        if item_id is not None:
            self._run(item_id)

    def _take(self) -> str | None:
        try:
            moved = Queue.lmove(self.connection, self.queues[0].key, WAIT_SECONDS)
        except DequeueTimeout:
            return None
        name: bytes = moved[1]
        return name.decode(errors="backslashreplace")

    def _read(self, name: str) -> int | None:
        """Read a job; None when it is gone, because it was told twice or nobody came for a day."""
        key = Job.key_for(name)
        try:
            if self.connection.hstrlen(key, "data") > LONGEST_JOB:
                raise ForeignJobError("it is longer than a job of ours can be")
            data: Any = self.connection.hget(key, "data")  # bytes: our client decodes nothing
        except ResponseError:
            raise ForeignJobError("it is not stored as a job") from None
        return None if data is None else read_job(data)

    def _remove(self, name: str) -> None:
        """Take a job off the queue for good: the database tells again what was not done."""
        pipeline = self.connection.pipeline()
        pipeline.delete(Job.key_for(name))
        pipeline.delete(IntermediateQueue.get_intermediate_queue_key(self.queues[0].key))
        pipeline.execute()
