"""Run one work item: claim it, keep the lease while its handler works, and write down how it ended."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from connectors.sdk.errors import ConnectorError, TransientError
from hub.core.database import Database, database_now
from hub.core.errors import PlumblineError
from hub.core.instants import Clock, utc_now
from hub.core.logs import place_of, places_of
from hub.core.processes import this_process
from hub.work import claims
from hub.work.claims import Claim
from hub.work.context import Context, Handler, LostLeaseError, Park, RetryLater
from hub.work.failpoints import Failpoint, no_failpoint

if TYPE_CHECKING:
    from hub.settings import Settings

MAX_FAILURES = 10
"""After so many errors (about an hour and a half) an item waits for a person."""
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
JITTER = 0.25
"""Waits are longer by up to this part, so that what failed together does not come back together."""
HANG_LEASES = 12
"""A handler that runs for more than this many leases is taken for hung."""
SETTLE_PAUSE = 1.0
LONGEST_REASON = 1000

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    RETRY = "retry"
    LATER = "later"
    PARKED = "parked"
    LOST = "lost"
    """Another worker has taken over; nothing of this attempt was committed after that."""
    SKIPPED = "skipped"
    """There was nothing to do: ended, not due, or held by another worker."""


class UnknownKindError(Exception):
    """No area of this version of the program handles this kind of work."""


class Engine:
    """Runs items one at a time for one process; time, chance and the handlers come in as arguments."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        handlers: Mapping[str, Handler],
        *,
        tools: Mapping[str, Any] | None = None,
        clock: Clock = utc_now,
        chance: Callable[[], float] = random.random,
        pause: Callable[[float], None] = time.sleep,
        owner: str | None = None,
        failpoint: Failpoint = no_failpoint,
        on_hang: Callable[[], None] = lambda: None,
    ) -> None:
        self.owner = owner or this_process()
        self.current: Claim | None = None
        self._database = database
        self._settings = settings
        self._handlers = handlers
        self._tools = tools or {}
        self._clock = clock
        self._chance = chance
        self._pause = pause
        self._failpoint = failpoint
        self._on_hang = on_hang
        self._lease = timedelta(seconds=settings.lease_seconds)

    def run_item(self, item_id: int) -> Outcome:
        """Do one item, if it is due and free."""
        self._failpoint("work.before_claim")
        with self._database.write() as session:
            held = claims.claim(session, item_id, owner=self.owner, lease=self._lease)
        if held is None:
            return Outcome.SKIPPED
        self._failpoint("work.claimed")
        self.current = held
        try:
            with self._renewing(held):
                ending = self._attempt(held)
            self._failpoint("work.handled")
            outcome = self._settle(held, ending)
        finally:
            self.current = None
        self._failpoint("work.settled")
        return outcome

    def release_current(self) -> None:
        """Give back what is being worked on, because this process is about to end."""
        held = self.current
        if held is not None:
            with self._database.write() as session:
                claims.release(session, held)

    def _attempt(self, held: Claim) -> Exception | None:
        context = Context(
            database=self._database,
            settings=self._settings,
            clock=self._clock,
            item_id=held.item_id,
            attempt=held.attempt,
            tools=self._tools,
            failpoint=self._failpoint,
        )
        try:
            self._handler(held.kind)(context, held.payload)
        except Exception as error:  # noqa: BLE001  # the one place where any failure of a handler becomes a row
            return error
        return None

    def _handler(self, kind: str) -> Handler:
        try:
            return self._handlers[kind]
        except KeyError:
            raise UnknownKindError(kind) from None

    def _settle(self, held: Claim, ending: Exception | None) -> Outcome:
        """Write down how the attempt ended, for as long as it takes a database that is away to come back."""
        while True:
            try:
                with self._database.write() as session:
                    outcome = self._write_ending(session, held, ending)
            except (OperationalError, InterfaceError) as error:
                log.warning("work.database_away", item=held.item_id, kind=held.kind, error=type(error).__name__)
                self._pause(SETTLE_PAUSE)
            else:
                _tell(held, outcome, ending)
                return outcome

    def _write_ending(self, session: Session, held: Claim, ending: Exception | None) -> Outcome:
        if ending is None:
            return Outcome.DONE if claims.finish(session, held) else Outcome.LOST
        if isinstance(ending, LostLeaseError):
            claims.release(session, held)  # a handler that slept too long gives up before anybody has taken over
            return Outcome.LOST
        outcome, written = self._put_off(session, held, ending)
        if written:
            return outcome
        return Outcome.DONE if claims.is_done(session, held) else Outcome.LOST

    def _put_off(self, session: Session, held: Claim, ending: Exception) -> tuple[Outcome, bool]:
        why = describe(ending)
        if isinstance(ending, RetryLater):
            return Outcome.LATER, claims.postpone(session, held, until=ending.at, why=why, failed=False)
        if isinstance(ending, Park) or held.failures + 1 >= MAX_FAILURES:
            return Outcome.PARKED, claims.park(session, held, why=why)
        until = database_now(session) + self._wait(held.failures, ending)
        return Outcome.RETRY, claims.postpone(session, held, until=until, why=why, failed=True)

    def _wait(self, failures: int, ending: Exception) -> timedelta:
        wait: timedelta = min(FIRST_WAIT * 2.0**failures, LONGEST_WAIT)
        if isinstance(ending, TransientError) and ending.retry_after is not None:
            wait = max(wait, timedelta(seconds=ending.retry_after))
        return wait * (1 + JITTER * self._chance())

    @contextmanager
    def _renewing(self, held: Claim) -> Iterator[None]:
        ended = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(held, ended), name="work-lease", daemon=True)
        renewal.start()
        try:
            yield
        finally:
            ended.set()
            renewal.join()

    def _renew(self, held: Claim, ended: threading.Event) -> None:
        """Renew three times a lease; stop for a handler that hangs, so that its item comes free."""
        for _ in range(3 * HANG_LEASES):
            if ended.wait(self._lease.total_seconds() / 3):
                return
            try:
                with self._database.write() as session:
                    if not claims.renew(session, held, owner=self.owner, lease=self._lease):
                        return
            except (OperationalError, InterfaceError):
                continue
        log.error("work.hung", item=held.item_id, kind=held.kind, attempt=held.attempt)
        self._on_hang()


def describe(error: Exception) -> str:
    """Say for the work page what went wrong.

    The messages of our own errors are written for people. Those of anything else may quote the data that was worked
    on, so only the class and the place are kept.
    """
    if isinstance(error, (Park, RetryLater)):
        return str(error)[:LONGEST_REASON]
    if isinstance(error, (PlumblineError, ConnectorError)):
        return f"{type(error).__name__}: {error}"[:LONGEST_REASON]
    if isinstance(error, UnknownKindError):
        return f"This version of Plumbline does not know work of the kind {error}: update every worker."
    return f"{type(error).__name__} at {place_of(error)}"


def _tell(held: Claim, outcome: Outcome, ending: Exception | None) -> None:
    facts: dict[str, Any] = {"item": held.item_id, "kind": held.kind, "attempt": held.attempt}
    if outcome == Outcome.LOST:
        log.info("work.ended", outcome=outcome.value, **facts)
    elif ending is None or isinstance(ending, RetryLater):
        log.debug("work.ended", outcome=outcome.value, **facts)
    else:
        log.warning("work.ended", outcome=outcome.value, error=places_of(ending), **facts)
