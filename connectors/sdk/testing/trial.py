"""What the contract checks work with: a sample of a connector's world, and a fresh connector in it."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pydantic import JsonValue

from connectors.sdk.configuration import parse_config
from connectors.sdk.entry import Entry
from connectors.sdk.errors import ConnectorError
from connectors.sdk.network import ALLOW_PRIVATE_HOSTS, CA_BUNDLE, Network
from connectors.sdk.process import ConnectorProcess
from connectors.sdk.protocol import Change, Checkpoint, Connector, Message, Record, Rejected, Stream, TicketDraft
from connectors.sdk.protocol import WebhookRequest as Request

README_HEADINGS = ("Set up", "Permissions", "What is read", "What is written", "Limits")


def must(holds: object, otherwise: str) -> None:
    """Fail the check with a sentence for the connector's author."""
    if not holds:
        raise AssertionError(otherwise)


@dataclass(frozen=True)
class Sample:
    """A small world in which a connector can be tried; a part that is None leaves its checks out.

    Writing checks need their part on purpose: nothing is written to a tool that was only given a configuration.
    """

    config: Mapping[str, JsonValue]
    """A configuration that works, with at least one record to read."""
    network: Network = field(default_factory=Network)
    overlap: timedelta = timedelta(0)
    """How far back a source reads again although nothing changed."""
    settle: Callable[[], None] = lambda: None
    """Called between a write and a look for it, where the tool's search lags behind."""
    changes: Callable[[Stream], Sequence[Change]] | None = None
    """Changes that a sink may apply."""
    webhook: Request | None = None
    """A genuine webhook."""
    draft: TicketDraft | None = None
    """A ticket that may be created."""
    message: Message | None = None
    """A message that may be sent."""
    config_at: Callable[[str], Mapping[str, JsonValue]] | None = None
    """The same configuration for a tool at another address, where a server answers that misbehaves."""


SampleFactory = Callable[[], AbstractContextManager[Sample]]


@dataclass(frozen=True)
class Trial:
    """One check's own view of a connector and its sample."""

    kind: type[Connector[Any]]
    sample: Sample | None

    @property
    def world(self) -> Sample:
        """The sample; without one the check is left out."""
        return self.sample if self.sample is not None else skip("no sample was given")

    def connector(self, config: Mapping[str, JsonValue] | None = None, network: Network | None = None) -> Any:  # noqa: ANN401 - each check knows which interface it needs
        """Build a connector, from the sample's configuration unless another is given."""
        text = json.dumps(self.world.config if config is None else config)
        return self.kind(parse_config(self.kind.config_model, text), network or self.world.network)

    def streams(self) -> Sequence[Stream]:
        """List the streams of a fresh connector."""
        return list(self.connector().discover())

    def read(
        self, stream: Stream, cursor: Mapping[str, JsonValue] | None = None
    ) -> list[Record | Rejected | Checkpoint]:
        """Read with a fresh connector, as after a restart: the cursor has been through JSON."""
        return list(self.connector().read(stream, None if cursor is None else json.loads(json.dumps(cursor))))

    def records(self, stream: Stream) -> list[Record]:
        """Read all records that exist; there has to be one, or nothing is proved."""
        found = [item for item in self.read(stream) if isinstance(item, Record) and not item.deleted]
        must(found, f"stream {stream.name!r} has no record in the sample: give it at least one")
        return found

    def entry(self) -> Entry:
        """Describe the class as if it were installed."""
        return Entry(self.kind.spec.kind, f"{self.kind.__module__}:{self.kind.__qualname__}", "this distribution", "?")

    def process(self) -> ConnectorProcess:
        """Return the connector in a process of its own."""
        network = self.world.network
        environ = {**os.environ, ALLOW_PRIVATE_HOSTS: ",".join(network.private_hosts)}
        if network.ca_bundle:
            environ[CA_BUNDLE] = str(network.ca_bundle)
        search = [str(Path(folder).resolve()) for folder in sys.path]
        return ConnectorProcess(self.entry(), json.dumps(self.world.config), environ=environ, search=search)

    def alone(self) -> Network:
        """Return the sample's network with nobody in it."""
        return replace(self.world.network, resolve=_nobody, attempts=1, https_proxy=None, http_proxy=None)


def skip(why: str) -> NoReturn:
    """Leave a check out, visibly."""
    pytest.skip(why)


def keys_of(items: Iterable[Record | Rejected | Checkpoint]) -> set[str]:
    """Collect the keys of what exists, readable or not."""
    gone = {item.key for item in items if isinstance(item, Record) and item.deleted}
    return {item.key for item in items if isinstance(item, Record | Rejected) and item.key is not None} - gone


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Collect everything that is logged meanwhile, at any level."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    ear, root = Ear(), logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.setLevel(level)
        root.removeHandler(ear)


def attempt(act: Callable[[], object]) -> ConnectorError | None:
    """Do something that may fail in the ways a connector may fail; any other exception is the connector's bug."""
    try:
        act()
    except ConnectorError as error:
        return error
    return None


def everything_said(error: ConnectorError) -> str:
    """Write an error as it would stand in a log, with the traceback and what it came from."""
    return f"{error!r} {vars(error)} " + "".join(traceback.format_exception(error))


def _nobody(host: str, port: int) -> list[str]:
    raise OSError(f"no way to {host}:{port}")
