"""Where tools are called from: a work item, or a command in the foreground. The same code runs in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.orm import Session

from connectors.sdk.network import Cost
from connectors.sdk.process import ConnectorProcess
from hub.connections import service
from hub.connections.service.configured import Configured
from hub.core.database import Database
from hub.core.instants import Clock

if TYPE_CHECKING:
    from hub.settings import Settings

CONNECTORS = "connectors"
"""Name under which a process lends its connectors (`Context.tools`)."""


class Tools(Protocol):
    """Lends connectors; `hub.connections.processes.Connectors`, or a stand-in."""

    def lend(self, configured: Configured) -> AbstractContextManager[ConnectorProcess]:
        """Give the process of a connection to one caller at a time; raises ConnectorError."""


class Place(Protocol):
    """What calling a tool needs; `hub.work.context.Context` has it."""

    @property
    def settings(self) -> Settings: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def tools(self) -> Mapping[str, Any]: ...

    @property
    def failpoint(self) -> Callable[[str], None]: ...

    def transaction(self) -> AbstractContextManager[Session]: ...

    def reading(self) -> AbstractContextManager[Session]: ...


@dataclass(frozen=True)
class Foreground:
    """A command that runs while somebody waits for it."""

    database: Database
    settings: Settings
    clock: Clock
    tools: Mapping[str, Any]
    failpoint: Callable[[str], None] = field(default=lambda _label: None)

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a write transaction."""
        return self.database.write()

    def reading(self) -> AbstractContextManager[Session]:
        """Open a read-only transaction."""
        return self.database.read()


@contextmanager
def using(place: Place, connection_id: int) -> Iterator[ConnectorProcess]:
    """Use the tool behind a connection; what it cost is added to its health. Raises ConnectorError."""
    with place.reading() as session:
        configured = service.find_configured(session, connection_id)
    tools: Tools = place.tools[CONNECTORS]
    meter = Meter(place.clock)
    try:
        with tools.lend(configured) as tool, meter.running(tool):
            yield tool
    finally:
        if meter.spent.requests:
            with place.transaction() as session:
                service.note_cost(session, connection_id, meter.spent)


class Meter:
    """Measures what a use of a connector costs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.spent = service.Spent()

    @contextmanager
    def running(self, tool: ConnectorProcess) -> Iterator[None]:
        """Measure what happens inside."""
        before, started = tool.cost, self._clock()
        try:
            yield
        finally:
            seconds = (self._clock() - started).total_seconds()
            after = tool.cost
            self.spent = service.Spent(after.requests - before.requests, _bytes(after) - _bytes(before), seconds)


def _bytes(cost: Cost) -> int:
    return cost.bytes_sent + cost.bytes_received
