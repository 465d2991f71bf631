"""A connector that keeps the whole contract, to a tool that is a few lists in memory."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue, SecretStr

from connectors.sdk.errors import AuthError, ConfigError, ForgedRequestError, NotAppliedError
from connectors.sdk.http import HttpClient, bearer
from connectors.sdk.protocol import (
    Change,
    Checkpoint,
    ConnectorConfig,
    Cursor,
    Health,
    Key,
    Message,
    Messenger,
    Op,
    Outcome,
    Receipt,
    Record,
    Rejected,
    Sink,
    Source,
    Spec,
    Stream,
    Ticket,
    TicketDraft,
    Ticketing,
    TicketState,
    Touched,
    WebhookReceiver,
    WebhookRequest,
)
from connectors.sdk.testing import Sample

TOKEN = "right-token-7"
START = datetime(2026, 1, 1, tzinfo=UTC)
THINGS = Stream(
    name="things",
    title="Things",
    json_schema={
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}, "n": {"type": "integer"}},
    },
    primary_key=("id",),
    cursor_field="changed_at",
    writable=("n",),
)


@dataclass
class Tool:
    """The tool behind the connector."""

    things: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 2, "c": 3})
    versions: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 2, "c": 3})
    applied: set[str] = field(default_factory=set)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


TOOL = Tool()


class GoodConfig(ConnectorConfig):
    token: SecretStr
    base_url: str | None = None


class Good(
    Source[GoodConfig], Sink[GoodConfig], WebhookReceiver[GoodConfig], Ticketing[GoodConfig], Messenger[GoodConfig]
):
    spec = Spec(kind="good", title="Good", summary="Keeps the contract.")
    config_model = GoodConfig
    page = 2

    @property
    def token(self) -> str:
        return self.config.token.get_secret_value()

    def check(self) -> Health:
        if self.config.base_url is not None:
            HttpClient(self.network, base_url=self.config.base_url, authorization=bearer(self.config.token)).get(
                "me"
            ).json()
        elif self.token != TOKEN:
            raise AuthError("The token is not known: make another one.")
        return Health(account="me")

    def discover(self) -> Sequence[Stream]:
        return [THINGS]

    def record(self, key: Key) -> Record:
        version = TOOL.versions[key]
        return Record(
            stream="things",
            key=key,
            data={"id": key, "n": TOOL.things[key]},
            version=str(version),
            changed_at=START + timedelta(days=version),
            place=key,
        )

    def rejected(self) -> Rejected:
        return Rejected(stream="things", key="z", place="z", reason="cannot be read", remedy="write it anew")

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        self.known(stream)
        since = int(str((cursor or {}).get("version", 0)))
        changed = sorted(
            (key for key, version in TOOL.versions.items() if version > since), key=TOOL.versions.__getitem__
        )
        if cursor is None:
            yield self.rejected()
        for start in range(0, len(changed), self.page):
            page = changed[start : start + self.page]
            yield from (self.record(key) for key in page)
            yield Checkpoint(stream=stream.name, cursor={"version": TOOL.versions[page[-1]]})
        yield Checkpoint(stream=stream.name, cursor={"version": max(TOOL.versions.values())})

    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        self.known(stream)
        for key in keys:
            yield self.record(key) if key in TOOL.things else Record(stream="things", key=key, data={}, deleted=True)

    def keys(self, stream: Stream) -> Iterator[Key]:
        self.known(stream)
        yield from [*TOOL.things, "z"]

    def known(self, stream: Stream) -> None:
        if stream.name != THINGS.name:
            raise ConfigError(f"There is no stream {stream.name}.")

    def write(self, stream: Stream, changes: Iterable[Change]) -> Iterator[Receipt]:
        for change in changes:
            yield self.write_one(change)

    def write_one(self, change: Change) -> Receipt:
        if change.key not in TOOL.things:
            return Receipt(change_id=change.id, outcome=Outcome.NOT_APPLIED, reason="there is no such thing")
        if change.id not in TOOL.applied:
            self.apply(change.key, change.fields["n"])
            TOOL.applied.add(change.id)
        return Receipt(change_id=change.id, outcome=Outcome.APPLIED, key=change.key)

    def apply(self, key: Key, value: JsonValue) -> None:
        TOOL.things[key] = int(str(value))
        TOOL.versions[key] = max(TOOL.versions.values()) + 1

    def verify(self, request: WebhookRequest) -> None:
        expected = hmac.new(TOKEN.encode(), request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(request.headers.get("x-signature", ""), expected):
            raise ForgedRequestError("The signature is wrong.")

    def parse(self, request: WebhookRequest) -> Iterator[Touched]:
        yield Touched(stream="things", key=request.body.decode(), event_id=request.headers["x-event"])

    def create(self, draft: TicketDraft, marker: str) -> Ticket:
        key = str(len(TOOL.tickets) + 1)
        TOOL.tickets[key] = Ticket(
            key=key, label=f"T-{key}", url=f"https://t/{key}", state=TicketState.OPEN, marker=marker
        )
        return TOOL.tickets[key]

    def find(self, marker: str) -> Sequence[Ticket]:
        return [ticket for ticket in TOOL.tickets.values() if ticket.marker == marker]

    def get(self, key: Key) -> Ticket | None:
        return TOOL.tickets.get(key)

    def update(self, key: Key, draft: TicketDraft) -> Ticket:
        return self.existing(key)

    def comment(self, key: Key, text: str, marker: str) -> Receipt:
        self.existing(key)
        comment = TOOL.comments.setdefault(marker, str(len(TOOL.comments) + 1))
        return Receipt(change_id=marker, outcome=Outcome.APPLIED, key=comment)

    def transition(self, key: Key, state: TicketState) -> Ticket:
        TOOL.tickets[key] = self.existing(key).model_copy(update={"state": state})
        return TOOL.tickets[key]

    def existing(self, key: Key) -> Ticket:
        if key not in TOOL.tickets:
            raise NotAppliedError(f"There is no ticket {key}.")
        return TOOL.tickets[key]

    def send(self, message: Message) -> Receipt:
        return Receipt(change_id=message.id, outcome=Outcome.APPLIED)


@contextmanager
def sample(**other: Any) -> Iterator[Sample]:  # noqa: ANN401 - fields of the sample
    """A fresh tool, and everything that the checks need of it."""
    TOOL.__init__()  # type: ignore[misc]  # everybody holds on to the one tool
    body = b"a"
    signature = hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
    yield Sample(
        config={"token": TOKEN},
        changes=lambda _: [
            Change(id="1", op=Op.UPDATE, key="a", fields={"n": 7}),
            Change(id="2", op=Op.UPDATE, key="b", fields={"n": 8}),
        ],
        webhook=WebhookRequest(
            method="POST",
            path="/",
            headers={"x-signature": signature, "x-event": "e1"},
            body=body,
            received_at=START,
        ),
        draft=TicketDraft(title="A ticket", closes_when="it is done"),
        message=Message(id="m1", to="ann", subject="s", body="b"),
        config_at=lambda url: {"token": TOKEN, "base_url": url},
    )
