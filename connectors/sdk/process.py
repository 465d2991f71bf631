"""The hub's side of a connector that runs in a process of its own, with its own secrets only (R35).

    with ConnectorProcess(entry, config_json) as connector:
        for item in connector.read(stream, cursor): ...

The methods are those of the interfaces, and so are the errors. A process is started at the first call, used for many,
and replaced after it died. When it dies or falls silent a read raises TransientError and a write AmbiguousError.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic_core import from_json

from connectors.sdk.calls import CALLS
from connectors.sdk.child import Child, ChildLostError, ProcessLimits
from connectors.sdk.configuration import texts_in
from connectors.sdk.entry import Entry
from connectors.sdk.errors import ConnectorError, TransientError
from connectors.sdk.network import ALLOW_PRIVATE_HOSTS, CA_BUNDLE, FILE_ROOTS, Cost
from connectors.sdk.protocol import (
    Capability,
    Change,
    Checkpoint,
    Cursor,
    Health,
    Key,
    Message,
    Receipt,
    Record,
    Rejected,
    Stream,
    Ticket,
    TicketDraft,
    TicketState,
    Touched,
    WebhookRequest,
)
from connectors.sdk.redaction import Redactor

PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT",
    "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy",
    ALLOW_PRIVATE_HOSTS, CA_BUNDLE, FILE_ROOTS,
)  # fmt: skip
"""The only variables a connector gets to see."""

ROOT = str(Path(__file__).resolve().parents[2])
"""Where `connectors` is found, wherever the child is started."""


class ConnectorProcess:
    """A connector of any kind behind a pipe; one call at a time, from any thread."""

    def __init__(
        self,
        entry: Entry,
        config_json: str,
        limits: ProcessLimits | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        search: Sequence[str] = (),
    ) -> None:
        self.entry = entry
        self.limits = limits or ProcessLimits()
        self._config = config_json
        self._mask = Redactor(texts_in(from_json(config_json)))
        passed = {name: environ[name] for name in PASSED_ON if name in environ}
        self._environ = passed | {
            "PYTHONPATH": os.pathsep.join([ROOT, *search]),
            "PYDANTIC_DISABLE_PLUGINS": "__all__",  # a tenth of the start-up
        }
        self._child: Child | None = None
        self._calling = threading.Lock()
        self._spent = Cost()

    def __repr__(self) -> str:
        return f"ConnectorProcess({self.entry.kind!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; a later call would start another."""
        child, self._child = self._child, None
        if child is not None:
            self._spent = _sum(self._spent, child.cost)
            child.close()

    @property
    def cost(self) -> Cost:
        """Requests and bytes so far, as of the last finished call."""
        return _sum(self._spent, self._child.cost) if self._child else self._spent

    @property
    def pid(self) -> int | None:
        """Of the process that is running now."""
        return self._child.pid if self._child else None

    def capabilities(self) -> frozenset[Capability]:
        """Say what the connector can do; starts it."""
        return self._started().capabilities

    def check(self) -> Health:
        answer: Health = self._one("check")
        return answer

    def discover(self) -> list[Stream]:
        return list(self._items("discover"))

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        return self._items("read", stream=stream, cursor=cursor)

    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        return self._items("fetch", stream=stream, keys=keys)

    def keys(self, stream: Stream) -> Iterator[Key]:
        return self._items("keys", stream=stream)

    def write(self, stream: Stream, changes: Iterable[Change]) -> Iterator[Receipt]:
        """As Sink.write; when it raises, every change without a receipt is ambiguous."""
        return self._items("write", stream=stream, changes=list(changes))

    def verify(self, request: WebhookRequest) -> None:
        self._one("verify", request=request)

    def parse(self, request: WebhookRequest) -> Iterator[Touched]:
        return self._items("parse", request=request)

    def create(self, draft: TicketDraft, marker: str) -> Ticket:
        answer: Ticket = self._one("create", draft=draft, marker=marker)
        return answer

    def find(self, marker: str) -> list[Ticket]:
        return list(self._items("find", marker=marker))

    def get(self, key: Key) -> Ticket | None:
        answer: Ticket | None = self._one("get", key=key)
        return answer

    def update(self, key: Key, draft: TicketDraft) -> Ticket:
        answer: Ticket = self._one("update", key=key, draft=draft)
        return answer

    def comment(self, key: Key, text: str, marker: str) -> Receipt:
        answer: Receipt = self._one("comment", key=key, text=text, marker=marker)
        return answer

    def transition(self, key: Key, state: TicketState) -> Ticket:
        answer: Ticket = self._one("transition", key=key, state=state)
        return answer

    def send(self, message: Message) -> Receipt:
        answer: Receipt = self._one("send", message=message)
        return answer

    def _one(self, name: str, **arguments: object) -> Any:  # noqa: ANN401 - the callers say which type
        (item,) = self._items(name, **arguments)
        return item

    def _items(self, name: str, **arguments: object) -> Iterator[Any]:
        """Make a call and yield its items; leaving it unfinished ends the process, there is no other way to stop it."""
        call = CALLS[name]
        if not self._calling.acquire(blocking=False):
            raise RuntimeError("Another call is under way: finish or close it first, or use a second process.")
        finished = False
        try:
            child = self._started()
            child.ask(call.dump_arguments(arguments))
            yield from child.answer(call)
            finished = True
        except ConnectorError as error:
            finished = not isinstance(error, ChildLostError)
            raise (error.meaning(call) if isinstance(error, ChildLostError) else error) from None
        finally:
            if not finished:
                self.close()
            self._calling.release()

    def _started(self) -> Child:
        if self._child is None or not self._child.alive:
            self.close()
            hello = {
                "parent": os.getpid(),
                "entry": asdict(self.entry),
                "config": self._config,
                "memory_bytes": self.limits.memory_bytes,
                "cpu_seconds": self.limits.cpu_seconds,
            }
            child = Child(self.limits, self._environ, self._mask)
            try:
                child.greet(hello)
            except ChildLostError as error:
                child.close()
                raise TransientError(f"{self.entry.kind}: {error}") from None
            except ConnectorError:
                child.close()
                raise
            self._child = child
        return self._child


def _sum(one: Cost, other: Cost) -> Cost:
    return Cost(**{name: value + getattr(other, name) for name, value in asdict(one).items()})
