"""One thread of a web process that stores webhooks, many in one transaction: writers that take turns lose the tail."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.core.database import Database
from hub.core.errors import UnavailableError
from hub.syncing.service import Hint, store_hints

GATHER_SECONDS = 0.002
"""How long the first of a group waits for others (measured: two milliseconds cost nothing that a sender notices)."""
MOST_TOGETHER = 200
LONGEST_WAIT = 15.0
"""Seconds a sender waits for the commit; tools give up after twenty."""

log = structlog.get_logger(__name__)
Letter = tuple[Hint, "Future[None]"]


class InboxWriter:
    """Stores hints in groups; the thread starts with the first one, in whichever process that is."""

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._letters: queue.SimpleQueue[Letter] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def store(self, hint: Hint) -> None:
        """Store a hint with its work; returns once it is committed, raises UnavailableError if that cannot be."""
        self._start()
        done: Future[None] = Future()
        self._letters.put((hint, done))
        try:
            done.result(timeout=LONGEST_WAIT)
        except (SQLAlchemyError, TimeoutError):
            raise UnavailableError("The webhook could not be stored just now: send it again.") from None

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="webhook-inbox", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._write(self._gather())

    def _gather(self) -> list[Letter]:
        letters = [self._letters.get()]
        until = self._monotonic() + GATHER_SECONDS
        with suppress(queue.Empty):
            while len(letters) < MOST_TOGETHER:
                letters.append(self._letters.get(timeout=max(0.0, until - self._monotonic())))
        return letters

    def _write(self, letters: list[Letter]) -> None:
        try:
            with self._database.write() as session:
                store_hints(session, [hint for hint, _ in letters])
        except Exception as error:  # whatever it was: each sender is told, and the thread goes on
            log.exception("webhook.not_stored", count=len(letters))
            for _, done in letters:
                done.set_exception(error)
        else:
            for _, done in letters:
                done.set_result(None)
