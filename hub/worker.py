"""The worker process: takes due work from the queue, and from the database itself while the queue server is away."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import InterfaceError, OperationalError

from hub.areas import let_history_be_built
from hub.audit.service import record
from hub.connections.places import CONNECTORS
from hub.connections.processes import Connectors
from hub.core.area import Area
from hub.core.database import Database
from hub.core.processes import this_process
from hub.settings import Settings
from hub.work.consumer import Consumer
from hub.work.dispatch import Dispatcher
from hub.work.engine import Engine
from hub.work.failpoints import failpoint_from
from hub.work.handlers import Handlers, schedules_of, subscribers_of
from hub.work.queue_server import check_queue_server, connect
from hub.work.reconciler import Reconciler, find_due
from hub.work.service import WorkTables, install

TICK_SECONDS = 1.0
"""How often the leader looks for work that came due or was lost."""
PAUSE_SECONDS = 1.0
GRACE_SECONDS = 8.0
"""How long an item may go on after the worker was told to stop; then it is given back for another worker."""
ANSWER_SECONDS = 10.0
"""A queue server that says nothing for so long is taken for gone."""
AT_ONCE = 50
"""Items taken from the database between two looks for the queue server."""
REFUSALS_SECONDS = 60.0

log = structlog.get_logger(__name__)
DATABASE_AWAY = (OperationalError, InterfaceError)


class Tool(Protocol):
    """What a process owns and lends to handlers."""

    def close(self) -> None:
        """End what it started."""


MakeTool = Callable[[Settings], Tool]
TOOLS: Mapping[str, MakeTool] = {CONNECTORS: Connectors}
"""What handlers may borrow, by name: made once for each process (`Context.tools`)."""


def create_worker(
    settings: Settings,
    areas: Sequence[Area],
    *,
    tools: Mapping[str, MakeTool] | None = None,
    queue: str = "default",
    environ: Mapping[str, str] = os.environ,
) -> Worker:
    """Build a worker: the areas' handlers and schedules, one queue, and the tools that handlers may borrow."""
    database = Database(settings.database_address())
    failpoint = failpoint_from(environ)
    dispatcher = Dispatcher(connect(settings), failpoint=failpoint)
    install(database.info, WorkTables(dispatch=dispatcher, subscribers=subscribers_of(areas)))
    let_history_be_built(database, areas)
    handlers = Handlers(areas)
    made = {name: make(settings) for name, make in (tools or {}).items()}
    engine = Engine(
        database,
        settings,
        handlers,
        tools=made,
        owner=this_process(),
        failpoint=failpoint,
        on_hang=_kill_this_process,
    )
    reconciler = Reconciler(
        database,
        dispatcher,
        owner=engine.owner,
        kinds=handlers,
        schedules=schedules_of(areas),
        thorough_seconds=settings.reconcile_seconds,
    )
    return Worker(settings, database, engine, reconciler, queue=queue, tools=list(made.values()))


class Worker:
    """One process that works until it is told to stop, whichever of its neighbours is away."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        engine: Engine,
        reconciler: Reconciler,
        *,
        queue: str,
        tools: Sequence[Tool] = (),
    ) -> None:
        self.stopping = threading.Event()
        self.engine = engine
        self._settings = settings
        self._database = database
        self._reconciler = reconciler
        self._queue = queue
        self._tools = tools
        self._refused = Refusals(database)
        self._away: str | None = None

    def run(self) -> None:
        """Work until `stop` is called; refuse an unsafe queue server before the first item."""
        client = connect(self._settings, answer_seconds=ANSWER_SECONDS)
        self._check_queue_server(client)
        ended = threading.Event()
        threading.Thread(target=self._tick, args=(ended,), name="work-clock", daemon=True).start()
        try:
            while not self.stopping.is_set():
                self._work(client)
        finally:
            ended.set()
            client.close()
        with suppress(*DATABASE_AWAY):
            self._reconciler.leadership.resign()
        self.close()

    def stop(self) -> None:
        """Ask the worker to end after the item it has in hand."""
        self.stopping.set()

    def close(self) -> None:
        """Let go of everything this process holds."""
        for tool in self._tools:
            tool.close()
        self._database.dispose()

    def drain(self) -> int:
        """Do what is due, straight from the database, until nothing is; say how many items were tried."""
        done = 0
        while some := self._do_some():
            done += some
        return done

    def _check_queue_server(self, client: Redis) -> None:
        try:
            for warning in check_queue_server(client, self._settings):
                log.warning("queue.poor", why=warning)
        except RedisError:
            return  # it is away: the first look at the queue will say so

    def _work(self, client: Redis) -> None:
        try:
            self._serve(client)
        except RedisError as error:
            self._note("queue", error)
            with self._until_database_is_back():
                if not self._do_some():
                    self.stopping.wait(PAUSE_SECONDS)
        except DATABASE_AWAY as error:
            self._note("database", error)
            self.stopping.wait(PAUSE_SECONDS)

    def _serve(self, client: Redis) -> None:
        client.ping()
        self._note(None)
        Consumer(
            client, name=self.engine.owner, queue=self._queue, run=self.engine.run_item, refused=self._refused
        ).serve(self.stopping)

    def _do_some(self) -> int:
        with self._database.read() as session:
            due = find_due(session, queue=self._queue, limit=AT_ONCE)
        for item in due:
            if self.stopping.is_set():
                return 0
            self.engine.run_item(item.id)
        return len(due)

    @contextmanager
    def _until_database_is_back(self) -> Iterator[None]:
        try:
            yield
        except DATABASE_AWAY as error:
            self._note("database", error)
            self.stopping.wait(PAUSE_SECONDS)

    def _note(self, away: str | None, error: Exception | None = None) -> None:
        """Log that a neighbour went away or came back, once each."""
        if away == self._away:
            return
        if away is None:
            log.info("neighbour.back", neighbour=self._away)
        else:
            log.warning("neighbour.away", neighbour=away, error=type(error).__name__)
        self._away = away

    def _tick(self, ended: threading.Event) -> None:
        """Be the clock of all workers, if nobody else is; then see to it that this process ends."""
        while not self.stopping.is_set():
            try:
                self._reconciler.tick()
            except DATABASE_AWAY:
                pass  # the worker itself says so
            except Exception:
                log.exception("work.reconciler_failed")
            self.stopping.wait(TICK_SECONDS)
        if not ended.wait(GRACE_SECONDS):
            with suppress(*DATABASE_AWAY):
                self.engine.release_current()
            os._exit(0)


class Refusals:
    """Notes foreign jobs in log and audit trail; a flood of them makes one entry a minute, with its count."""

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._unwritten = 0
        self._next = 0.0

    def __call__(self, name: str, why: str) -> None:
        """Note one foreign job."""
        self._unwritten += 1
        now = self._monotonic()
        if now < self._next:
            return
        log.error("queue.job_refused", job=name, why=why, jobs=self._unwritten)
        with suppress(*DATABASE_AWAY), self._database.write() as session:
            detail = {"job": name, "why": why, "jobs": self._unwritten}
            record(session, action="queue_job.refused", subject=None, by="system:worker", detail=detail)
        self._unwritten, self._next = 0, now + REFUSALS_SECONDS


def _kill_this_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
