"""Connectors that each break one check of the contract; the check's name is the key."""

from __future__ import annotations

import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import ConfigDict

from connectors.sdk.errors import AuthError, ConfigError, TransientError
from connectors.sdk.http import HttpClient
from connectors.sdk.protocol import (
    Change,
    Checkpoint,
    ConnectorConfig,
    Cursor,
    Health,
    Key,
    Message,
    Outcome,
    Receipt,
    Record,
    Rejected,
    Spec,
    Stream,
    Ticket,
    TicketDraft,
    TicketState,
    Touched,
    WebhookRequest,
)
from tests.contract.connectors_reference.good import THINGS, TOOL, Good, GoodConfig

BROKEN: dict[str, type[Good]] = {}
COUNT = itertools.count(1)


def breaks(check: str) -> Any:  # noqa: ANN401 - a decorator of classes
    def keep(kind: type[Good]) -> type[Good]:
        BROKEN[check] = kind
        return kind

    return keep


# every connector


@breaks("passes_the_gate")
class OldSdk(Good):
    spec = Spec(kind="good", title="Good", summary="Made for another SDK.", sdk_version="0.9")


class LaxPart(ConnectorConfig):
    model_config = ConfigDict(extra="ignore")
    size: int = 1


class LaxConfig(GoodConfig):
    part: LaxPart = LaxPart()


@breaks("config_forbids_unknown_keys")
class Lax(Good):
    config_model = LaxConfig


class OpenConfig(GoodConfig):
    api_key: str = ""


@breaks("secrets_are_declared_as_secrets")
class Open(Good):
    config_model = OpenConfig


@breaks("check_answers_with_health")
class Healthless(Good):
    def check(self) -> Health:
        return None  # type: ignore[return-value]  # the fault


class ForgivingConfig(GoodConfig):
    model_config = ConfigDict(extra="allow")


@breaks("a_wrong_config_names_the_key_and_no_value")
class Forgiving(Good):
    config_model = ForgivingConfig


@breaks("secrets_are_never_shown")
class Talkative(Good):
    def check(self) -> Health:
        logging.getLogger("talkative").debug("signing in with %s", json.dumps({"t": self.token}))
        return super().check()


@breaks("wrong_credentials_are_refused")
class Trusting(Good):
    def check(self) -> Health:
        return Health()


@breaks("an_unreachable_tool_is_transient")
class Offline(Good):
    def check(self) -> Health:
        try:
            self.network.resolve("tool.example", 443)
        except OSError as error:
            raise ConfigError("The tool is not there.") from error
        return Health()


class Kept(Record):
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]  # as every class with an __eq__ of its own


@breaks("what_it_gives_survives_json")
class Unstable(Good):
    def record(self, key: Key) -> Record:
        return Kept(**super().record(key).model_dump())


@breaks("runs_in_a_process_of_its_own")
class Local(Good):
    def check(self) -> Health:
        return Health(account=str(os.getpid()))


# sources


@breaks("discover_is_stable")
class Fickle(Good):
    def discover(self) -> Sequence[Stream]:
        return [THINGS.model_copy(update={"title": f"Things {next(COUNT)}"})]


@breaks("schemas_are_valid")
class BadSchema(Good):
    def discover(self) -> Sequence[Stream]:
        return [THINGS.model_copy(update={"json_schema": {"type": "object", "required": "id"}})]


@breaks("records_match_their_schema")
class Mismatched(Good):
    def discover(self) -> Sequence[Stream]:
        return [THINGS.model_copy(update={"json_schema": {"type": "object", "properties": {"n": {"type": "string"}}}})]


@breaks("records_belong_to_the_stream_asked_for")
class Foreign(Good):
    def record(self, key: Key) -> Record:
        return super().record(key).model_copy(update={"stream": "others"})


@breaks("primary_key_is_unique_and_never_null")
class Doubled(Good):
    def record(self, key: Key) -> Record:
        record = super().record(key)
        return record.model_copy(update={"data": {**record.data, "id": "same"}})


@breaks("a_read_ends_in_a_checkpoint")
class Endless(Good):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        yield from (item for item in super().read(stream, cursor) if not isinstance(item, Checkpoint))


@breaks("reading_on_yields_nothing_older")
class Forgetful(Good):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        return super().read(stream, None)


@breaks("reading_on_from_any_checkpoint_loses_nothing")
class Hasty(Good):
    """Promises everything with the first page."""

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        end = {"version": max(TOOL.versions.values())}
        for item in super().read(stream, cursor):
            yield item.model_copy(update={"cursor": end}) if isinstance(item, Checkpoint) else item


@breaks("reading_changes_nothing")
class Stamping(Good):
    def record(self, key: Key) -> Record:
        return super().record(key).model_copy(update={"version": str(next(COUNT))})


@breaks("fetch_gives_what_read_gave")
class Halved(Good):
    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        for record in super().fetch(stream, keys):
            yield record.model_copy(update={"data": {"id": record.key}})


@breaks("an_unknown_key_is_deleted")
class Silent(Good):
    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        return (record for record in super().fetch(stream, keys) if not record.deleted)


@breaks("the_census_is_what_is_read")
class Partial(Good):
    def keys(self, stream: Stream) -> Iterator[Key]:
        return itertools.islice(super().keys(stream), 1)


@breaks("what_is_rejected_says_where_why_and_what_to_do")
class Curt(Good):
    def rejected(self) -> Rejected:
        return super().rejected().model_copy(update={"remedy": ""})


@breaks("an_unknown_stream_is_refused")
class Obliging(Good):
    def known(self, stream: Stream) -> None:
        pass


# writers


@breaks("receipts_answer_the_changes_in_order")
class Reversed(Good):
    def write(self, stream: Stream, changes: Iterable[Change]) -> Iterator[Receipt]:
        return iter(list(super().write(stream, changes))[::-1])


@breaks("writing_twice_with_one_change_id_writes_once")
class Repeating(Good):
    def write_one(self, change: Change) -> Receipt:
        TOOL.applied.clear()
        return super().write_one(change)


@breaks("a_change_of_what_is_not_there_is_not_applied")
class Boastful(Good):
    def write_one(self, change: Change) -> Receipt:
        return super().write_one(change).model_copy(update={"outcome": Outcome.APPLIED})


@breaks("a_created_ticket_is_found_by_its_marker")
class Unmarked(Good):
    def create(self, draft: TicketDraft, marker: str) -> Ticket:
        made = super().create(draft, marker)
        TOOL.tickets[made.key] = made.model_copy(update={"marker": None})
        return made


@breaks("a_closed_ticket_is_still_found")
class OpenOnly(Good):
    def find(self, marker: str) -> Sequence[Ticket]:
        return [ticket for ticket in super().find(marker) if ticket.state is not TicketState.CLOSED]


@breaks("an_unknown_marker_finds_nothing")
class Generous(Good):
    def find(self, marker: str) -> Sequence[Ticket]:
        return list(TOOL.tickets.values())


@breaks("a_ticket_is_read_by_its_key")
class Inventive(Good):
    def get(self, key: Key) -> Ticket | None:
        return super().get(key) or next(iter(TOOL.tickets.values()))


@breaks("updating_keeps_key_and_marker")
class Renewing(Good):
    def update(self, key: Key, draft: TicketDraft) -> Ticket:
        return self.create(draft, self.existing(key).marker or "")


@breaks("commenting_twice_with_one_marker_comments_once")
class Chatty(Good):
    def comment(self, key: Key, text: str, marker: str) -> Receipt:
        return super().comment(key, text, f"{marker}-{next(COUNT)}")


@breaks("a_transition_repeated_changes_nothing")
class Restless(Good):
    def transition(self, key: Key, state: TicketState) -> Ticket:
        return super().transition(key, state).model_copy(update={"resolution": str(next(COUNT))})


@breaks("a_ticket_that_is_gone_is_not_written_to")
class Careless(Good):
    def comment(self, key: Key, text: str, marker: str) -> Receipt:
        return Receipt(change_id=marker, outcome=Outcome.APPLIED, key="1")


@breaks("a_message_is_answered_with_its_id")
class Anonymous(Good):
    def send(self, message: Message) -> Receipt:
        return Receipt(change_id="?", outcome=Outcome.APPLIED)


# webhooks


@breaks("a_genuine_webhook_is_believed")
class Suspicious(Good):
    def verify(self, request: WebhookRequest) -> None:
        super().verify(request.model_copy(update={"headers": {}}))


@breaks("a_wrong_signature_is_refused_before_anything_is_parsed")
class Gullible(Good):
    def verify(self, request: WebhookRequest) -> None:
        if request.body:
            list(self.parse(request))
        super().verify(request)

    def parse(self, request: WebhookRequest) -> Iterator[Touched]:
        try:
            request.body.decode()
        except UnicodeDecodeError:
            raise ConfigError("The body cannot be parsed.") from None
        return super().parse(request)


@breaks("parsing_needs_no_network_and_gives_the_same_each_time")
class Numbering(Good):
    def parse(self, request: WebhookRequest) -> Iterator[Touched]:
        return (touched.model_copy(update={"event_id": str(next(COUNT))}) for touched in super().parse(request))


@breaks("webhooks_speak_of_known_streams")
class Rambling(Good):
    def parse(self, request: WebhookRequest) -> Iterator[Touched]:
        return (touched.model_copy(update={"stream": "others"}) for touched in super().parse(request))


# tools that misbehave


@breaks("refused_credentials_are_an_auth_error")
class Hopeful(Good):
    def check(self) -> Health:
        try:
            return super().check()
        except AuthError as error:
            raise TransientError(str(error)) from None


@breaks("retry_after_is_passed_on")
class Impatient(Good):
    def check(self) -> Health:
        try:
            return super().check()
        except TransientError as error:
            raise TransientError(str(error), retry_after=1) from None


@breaks("a_broken_reply_is_transient")
class Blaming(Good):
    def check(self) -> Health:
        try:
            return super().check()
        except TransientError as error:
            raise ConfigError(str(error)) from None


@breaks("an_empty_reply_is_no_bug")
class Presuming(Good):
    def check(self) -> Health:
        if self.config.base_url is None:
            return super().check()
        return Health(account=HttpClient(self.network, base_url=self.config.base_url).get("me").json()["name"])
