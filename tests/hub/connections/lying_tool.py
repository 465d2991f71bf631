"""A tool that keeps tickets and lies: it drops answers, lags, refuses, and sees its caller die."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from connectors.sdk.errors import (
    AmbiguousError,
    AuthError,
    ConnectorError,
    NotAppliedError,
    TransientError,
)
from connectors.sdk.network import Cost
from connectors.sdk.protocol import (
    Change,
    Message,
    Outcome,
    Receipt,
    Stream,
    Ticket,
    TicketDraft,
    TicketState,
)
from hub.connections.service.configured import Configured

ADDRESS = "https://jira.example/browse/"
T = TypeVar("T")


class Fault(StrEnum):
    """What happens to one write."""

    NONE = "none"
    LOST_BEFORE = "lost before it was applied"
    LOST_AFTER = "lost after it was applied"
    DIES_BEFORE = "our process dies before it is applied"
    DIES_AFTER = "our process dies after it is applied"
    BUSY = "429 with Retry-After"
    AWAY = "cannot be reached"
    REFUSED = "400"
    UNAUTHORISED = "401"


class ProcessDeathError(BaseException):
    """Stands for kill -9: nothing of ours runs after it."""


@dataclass
class Kept:
    """A ticket as the tool has it."""

    number: int
    marker: str
    made_at: datetime
    state: TicketState = TicketState.OPEN
    comments: dict[str, str] = field(default_factory=dict)


@dataclass
class LyingTool:
    """Plays `ConnectorProcess` for a tool whose ledger the test reads."""

    clock: Callable[[], datetime]
    lag: timedelta = timedelta(0)
    retry_after: float = 30.0
    faults: deque[Fault] = field(default_factory=deque)
    tickets: dict[str, Kept] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    calls: list[tuple[datetime, str]] = field(default_factory=list)
    find_error: ConnectorError | None = None

    @property
    def cost(self) -> Cost:
        """Requests so far, as a connector's process tells them."""
        return Cost(requests=len(self.calls))

    def create(self, _draft: TicketDraft, marker: str) -> Ticket:
        return self._write("create", lambda: self._ticket(self._make(marker)))

    def comment(self, key: str, text: str, marker: str) -> Receipt:
        def apply() -> Receipt:
            self.tickets[key].comments.setdefault(marker, text)
            return Receipt(change_id=marker, outcome=Outcome.APPLIED, key=marker)

        return self._write("comment", apply)

    def transition(self, key: str, state: TicketState) -> Ticket:
        def apply() -> Ticket:
            self.tickets[key].state = state
            return self._ticket(self.tickets[key])

        return self._write("transition", apply)

    def send(self, message: Message) -> Receipt:
        def apply() -> Receipt:
            self.messages.append(message.id)
            return Receipt(change_id=message.id, outcome=Outcome.APPLIED)

        return self._write("send", apply)

    def discover(self) -> list[Stream]:
        return [Stream(name="issues", title="Issues", json_schema={}, primary_key=("id",), writable=("points",))]

    def write(self, _stream: Stream, changes: Sequence[Change]) -> Iterator[Receipt]:
        for change in changes:

            def apply(change: Change = change) -> Receipt:
                self.values.update({(str(change.key), name): value for name, value in change.fields.items()})
                return Receipt(change_id=change.id, outcome=Outcome.APPLIED, key=change.key)

            yield self._write("write", apply)

    def find(self, marker: str) -> list[Ticket]:
        self._note("find")
        if self.find_error is not None:
            raise self.find_error
        seen = [kept for kept in self.tickets.values() if kept.made_at + self.lag <= self.clock()]
        return [self._ticket(kept) for kept in seen if kept.marker == marker]

    def get(self, key: str) -> Ticket | None:
        self._note("get")
        return self._ticket(self.tickets[key]) if key in self.tickets else None

    def open_with(self, marker: str) -> list[Kept]:
        """List the open tickets that carry a marker: what the promise is about."""
        return [kept for kept in self.tickets.values() if kept.marker == marker and kept.state != TicketState.CLOSED]

    def _make(self, marker: str) -> Kept:
        kept = Kept(number=10001 + len(self.tickets), marker=marker, made_at=self.clock())
        self.tickets[str(kept.number)] = kept
        return kept

    def _ticket(self, kept: Kept) -> Ticket:
        url = f"{ADDRESS}T-{kept.number}"
        return Ticket(key=str(kept.number), label=f"T-{kept.number}", url=url, state=kept.state, marker=kept.marker)

    def _note(self, name: str) -> None:
        self.calls.append((self.clock(), name))

    def _write(self, name: str, apply: Callable[[], T]) -> T:
        self._note(name)
        fault = self.faults.popleft() if self.faults else Fault.NONE
        match fault:
            case Fault.DIES_BEFORE:
                raise ProcessDeathError
            case Fault.LOST_BEFORE:
                raise AmbiguousError("The connection was reset.")
            case Fault.BUSY:
                raise TransientError("Too many requests.", retry_after=self.retry_after)
            case Fault.AWAY:
                raise TransientError("Connection refused.")
            case Fault.REFUSED:
                raise NotAppliedError("The project has no such issue type.")
            case Fault.UNAUTHORISED:
                raise AuthError("The token has expired.")
        done = apply()
        if fault is Fault.DIES_AFTER:
            raise ProcessDeathError
        if fault is Fault.LOST_AFTER:
            raise AmbiguousError("No complete reply within 60 s.")
        return done


class LyingTools:
    """Lends lying tools by the key of their connection."""

    def __init__(self, **tools: LyingTool) -> None:
        self.tools = tools

    @contextmanager
    def lend(self, configured: Configured) -> Iterator[LyingTool]:
        yield self.tools[configured.key]
