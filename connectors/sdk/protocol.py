"""The words between the hub and a connector.

Everything that crosses is JSON-serialisable, so that a connector can run in its own process, holding only its secrets.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from connectors.sdk.network import Network

SDK_VERSION = "1.0"
"""Version of this protocol; an older minor version keeps working for two releases of Plumbline."""


class Wire(BaseModel):
    """A frozen value that crosses the process border as JSON; an unknown key is an error, and so is NaN."""

    # Built when first used: a connector's process starts a tenth faster.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class ConnectorConfig(BaseModel):
    """Base of every connector's configuration: a typo is an error naming the key, secrets are SecretStr."""

    model_config = ConfigDict(frozen=True, extra="forbid")


ConfigT = TypeVar("ConfigT", bound=ConnectorConfig)

Key = str
"""The tool's own immutable id of a record, as text (Jira: the numeric id, never the issue key alone)."""

Cursor = dict[str, JsonValue]
"""Where the next read of a stream starts; opaque to the hub, stored as the connector gave it."""


class Capability(StrEnum):
    """What a connector can do; derived from the classes it implements."""

    SOURCE = "source"
    SINK = "sink"
    WEBHOOKS = "webhooks"
    TICKETING = "ticketing"
    MESSAGES = "messages"


class Spec(Wire):
    """A connector's own description."""

    kind: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="unique name; the KIND of `connections add`")
    title: str = Field(description="what people call the tool")
    summary: str = Field(description="one sentence: what is read and what is written")
    sdk_version: str = SDK_VERSION
    exempt: dict[str, str] = Field(default_factory=dict, description="contract check -> why it does not apply")


class Health(Wire):
    """The good outcome of `check`: what the credentials are and what they may do."""

    account: str | None = Field(default=None, description="who we are to the tool")
    product: str | None = Field(default=None, description="product and version that answered")
    permissions: tuple[str, ...] = ()
    missing: tuple[str, ...] = Field(default=(), description="permissions a feature needs, and how to grant")
    notes: tuple[str, ...] = ()


class Stream(Wire):
    """One kind of record that a source offers."""

    name: str
    title: str
    json_schema: dict[str, JsonValue] = Field(description="JSON Schema of Record.data")
    primary_key: tuple[str, ...] = Field(description="paths in data that Record.key is made of")
    cursor_field: str | None = None
    writable: tuple[str, ...] = Field(default=(), description="fields that a sink may change")


class Record(Wire):
    """One record as the tool has it now."""

    stream: str
    key: Key
    data: dict[str, JsonValue]
    deleted: bool = False
    version: str | None = Field(default=None, description="the tool's version or etag, for conflict checks")
    changed_at: datetime | None = Field(default=None, description="the tool's own time of change, UTC")
    place: str | None = Field(default=None, description="where a person finds it: file, sheet and row, or address")


class Checkpoint(Wire):
    """All records before it may be committed together with this cursor."""

    stream: str
    cursor: Cursor


class Rejected(Wire):
    """A record that could not be read: stored in quarantine, never dropped."""

    stream: str
    key: Key | None
    place: str
    reason: str
    remedy: str
    raw: JsonValue = None


class Op(StrEnum):
    """What a change does to a record."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Change(Wire):
    """One write that the hub asks of a sink; `id` is the same on every attempt."""

    id: str
    op: Op
    key: Key | None
    fields: dict[str, JsonValue]
    base_version: str | None = None


class Outcome(StrEnum):
    """What became of a write. AMBIGUOUS = nobody knows; it has to be looked up before it is repeated."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    AMBIGUOUS = "ambiguous"


class Receipt(Wire):
    """The answer to a change, a ticket operation or a message."""

    change_id: str
    outcome: Outcome
    key: Key | None = None
    version: str | None = None
    reason: str | None = None
    retry_after: float | None = Field(
        default=None, description="seconds after which a NOT_APPLIED write may be repeated"
    )
    url: str | None = Field(default=None, description="where a person sees the result")


class WebhookRequest(Wire):
    """A webhook exactly as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    received_at: datetime

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Touched(Wire):
    """A hint from a webhook: this record changed, fetch it. Bodies are never trusted."""

    stream: str
    key: Key
    event_id: str = Field(description="the tool's delivery id; the same on each retry")
    marker: str | None = Field(default=None, description="marker of a ticket of ours that the body shows")


class TicketDraft(Wire):
    """What a ticket says, in the tool's neutral terms; the connector renders it (ADF, wiki text, plain)."""

    title: str
    paragraphs: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = Field(default=(), description="evidence; the first row is the header")
    closes_when: str = Field(description="what ends the finding, in one sentence")
    labels: tuple[str, ...] = ()
    assignee: str | None = Field(default=None, description="account id in the tool")
    due: str | None = Field(default=None, description="ISO date")
    link: str | None = Field(default=None, description="address of the finding in Plumbline")
    link_title: str | None = None
    private: bool = False


class TicketState(StrEnum):
    """A ticket's state by category, never by status name: names are translated and renamed."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"


class Ticket(Wire):
    """A ticket as the tool has it now."""

    key: Key = Field(description="immutable id")
    label: str = Field(description="what people call it, for example an issue key")
    url: str
    state: TicketState
    marker: str | None = None
    resolution: str | None = None
    assignee: str | None = None
    changed_at: datetime | None = None


class Message(Wire):
    """A message to a person or channel."""

    id: str
    to: str
    subject: str
    body: str
    link: str | None = None


class Connector(ABC, Generic[ConfigT]):
    """A tool that Plumbline plugs into. It is built from its config and the network alone, and knows no hub."""

    spec: ClassVar[Spec]
    config_model: ClassVar[type[ConnectorConfig]]

    def __init__(self, config: ConfigT, network: Network | None = None) -> None:
        self.config = config
        self.network = network or Network.from_environ(os.environ)

    @abstractmethod
    def check(self) -> Health:
        """Ask the tool whether config and credentials work.

        Raises ConfigError, AuthError (naming the missing permission and how to grant it) or TransientError.
        """

    @classmethod
    def capabilities(cls) -> frozenset[Capability]:
        """Say what this class can do, from the interfaces it implements."""
        return frozenset(capability for capability, base in _INTERFACES.items() if issubclass(cls, base))


class Source(Connector[ConfigT]):
    """A tool that records are read from. Reading is at least once: the hub commits before a Checkpoint counts."""

    @abstractmethod
    def discover(self) -> Sequence[Stream]:
        """List the streams; the same config gives the same answer."""

    @abstractmethod
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        """Yield what changed since `cursor` (None = everything), oldest first, with a Checkpoint after each page."""

    @abstractmethod
    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        """Re-read records by key; one that is gone comes back with deleted=True and empty data."""

    @abstractmethod
    def keys(self, stream: Stream) -> Iterator[Key]:
        """Yield every key that exists now (census): finds deletes, moves and lost permission."""


class Sink(Connector[ConfigT]):
    """A tool that fields are written back to."""

    @abstractmethod
    def write(self, stream: Stream, changes: Iterable[Change]) -> Iterator[Receipt]:
        """Apply each change and answer each with one receipt, in order."""


class WebhookReceiver(Connector[ConfigT]):
    """A tool that calls us. Both methods work on the request alone, with no call to the tool."""

    @abstractmethod
    def verify(self, request: WebhookRequest) -> None:
        """Check signature and age of the raw bytes; raise ForgedRequestError before anything is parsed."""

    @abstractmethod
    def parse(self, request: WebhookRequest) -> Iterator[Touched]:
        """Yield which records a verified request speaks of."""


class Ticketing(Connector[ConfigT]):
    """A tool that keeps tickets. A write raises TransientError, NotAppliedError, AuthError or AmbiguousError."""

    @abstractmethod
    def create(self, draft: TicketDraft, marker: str) -> Ticket:
        """Create a ticket that carries `marker` from its first moment (in the create call itself)."""

    @abstractmethod
    def find(self, marker: str) -> Sequence[Ticket]:
        """Find tickets that carry `marker`, whatever their state; empty = not seen (yet: search may lag)."""

    @abstractmethod
    def get(self, key: Key) -> Ticket | None:
        """Read one ticket by id; None if it is gone."""

    @abstractmethod
    def update(self, key: Key, draft: TicketDraft) -> Ticket:
        """Bring title, body, assignee and due date to the draft."""

    @abstractmethod
    def comment(self, key: Key, text: str, marker: str) -> Receipt:
        """Add a comment that carries `marker`; if one with it is there already, do nothing and say applied."""

    @abstractmethod
    def transition(self, key: Key, state: TicketState) -> Ticket:
        """Bring the ticket to a state of that category; reads first, so that repeating it changes nothing."""


class Messenger(Connector[ConfigT]):
    """A tool that brings messages to people."""

    @abstractmethod
    def send(self, message: Message) -> Receipt:
        """Send one message."""


_INTERFACES: Mapping[Capability, type] = {
    Capability.SOURCE: Source,
    Capability.SINK: Sink,
    Capability.WEBHOOKS: WebhookReceiver,
    Capability.TICKETING: Ticketing,
    Capability.MESSAGES: Messenger,
}
