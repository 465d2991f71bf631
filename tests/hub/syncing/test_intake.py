"""Incoming webhooks: forged ones leave nothing, genuine ones are stored once before they are answered (R13, R28)."""

from __future__ import annotations

import hashlib
import hmac
import json
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from connectors import registry
from connectors.sdk.protocol import Touched, WebhookRequest
from hub.connections import service as connections
from hub.connections.models import Delivery, DeliveryKind, DeliveryState, Stage
from hub.core.database import Database
from hub.core.errors import NotFoundError, UnavailableError
from hub.core.sealing import Sealer
from hub.settings import Settings
from hub.syncing import jobs
from hub.syncing.inbox_writer import InboxWriter
from hub.syncing.intake import CHECKED_EVERY, LARGEST_BODY, ForgedWebhookError, Intake
from hub.syncing.models import Record, WebhookHint
from hub.syncing.service import Hint
from hub.work.context import Context, RetryLater
from hub.work.models import WorkItem, WorkState
from tests.factories import Cast, SettableClock, build_cast
from tests.hub.syncing.conftest import SyncBench
from tests.hub.syncing.honest_source import OneTool
from tests.visitors import Visitor

SECRET, OLD_SECRET = "It's a Secret to Everybody", "what it was before"
CONFIG = {
    "base_url": "https://acme.atlassian.example",
    "auth": {"kind": "pat", "token": "t"},
    "projects": ["ACME"],
    "webhook_secret": [SECRET, OLD_SECRET],
}


def connect(database: Database, settings: Settings, unit: int, clock: SettableClock, key: str = "jira") -> int:
    with database.write() as session:
        draft = connections.Draft(key, "jira", "Jira", CONFIG, {}, unit)
        sealer = Sealer.from_settings(settings)
        return connections.add_connection(session, draft, sealer=sealer, by="system:test", now=clock()).id


def body(issue: str = "10001", label: str | None = None) -> bytes:
    fields = {"labels": [f"plumbline-{label}"] if label else []}
    return json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": issue, "fields": fields}}).encode()


def sign(content: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def webhook(clock: SettableClock, content: bytes, *, event: str = "e1", signature: str | None = None) -> WebhookRequest:
    headers = {"x-hub-signature": signature or sign(content), "x-atlassian-webhook-identifier": event}
    return WebhookRequest(method="POST", path="/webhooks/jira", headers=headers, body=content, received_at=clock())


def hints(database: Database) -> list[WebhookHint]:
    with database.read() as session:
        return list(session.scalars(select(WebhookHint).order_by(WebhookHint.id)))


@pytest.fixture
def intake(database: Database, settings: Settings, clock: SettableClock, cast: Cast) -> Intake:
    connect(database, settings, cast.org_units["sales"], clock)
    return Intake(settings, database)


def test_a_signed_webhook_is_stored_with_the_work_it_asks_for(
    intake: Intake, database: Database, clock: SettableClock
) -> None:
    intake.take("jira", webhook(clock, body()))

    (hint,) = hints(database)
    assert (hint.event_id, hint.touched[0]["key"]) == ("e1", "10001")
    with database.read() as session:
        item = session.scalars(select(WorkItem).where(WorkItem.kind == "syncing.read_inbox")).one()
        assert item.payload == {"connection_id": hint.connection_id}


def test_each_event_is_stored_once_however_often_it_is_sent(
    intake: Intake, database: Database, clock: SettableClock
) -> None:
    for _ in range(3):
        intake.take("jira", webhook(clock, body()))
    intake.take("jira", webhook(clock, body(), event="e2"))

    assert [hint.event_id for hint in hints(database)] == ["e1", "e2"]


def test_forged_webhooks_leave_nothing(intake: Intake, database: Database, clock: SettableClock) -> None:
    """R28."""
    forged = ["sha256=" + "0" * 64, "sha256=", "sha1=" + "0" * 40, "nonsense", sign(body("1")), sign(body(), "another")]
    for signature in forged:
        with pytest.raises(ForgedWebhookError):
            intake.take("jira", webhook(clock, body(), signature=signature))

    assert hints(database) == []


def test_two_secrets_hold_during_a_rotation(intake: Intake, database: Database, clock: SettableClock) -> None:
    intake.take("jira", webhook(clock, body(), signature=sign(body(), OLD_SECRET)))

    assert len(hints(database)) == 1


def test_an_unknown_name_takes_no_webhooks(intake: Intake, clock: SettableClock) -> None:
    with pytest.raises(NotFoundError):
        intake.take("nobody", webhook(clock, body()))


def test_a_tool_that_sends_none_takes_no_webhooks(
    intake: Intake, database: Database, settings: Settings, cast: Cast, clock: SettableClock
) -> None:
    with database.write() as session:
        draft = connections.Draft("csv", "spreadsheet", "CSV", {"path": "/tmp/x.csv"}, {}, cast.org_units["sales"])  # noqa: S108  # never read
        connections.add_connection(session, draft, sealer=Sealer.from_settings(settings), by="system:test", now=clock())

    with pytest.raises(NotFoundError):
        intake.take("csv", webhook(clock, body()))


def test_a_rotated_secret_counts_within_seconds(
    database: Database, settings: Settings, clock: SettableClock, cast: Cast
) -> None:
    now = 0.0
    connect(database, settings, cast.org_units["sales"], clock)
    intake = Intake(settings, database, monotonic=lambda: now)
    intake.take("jira", webhook(clock, body()))
    with database.write() as session:
        changed = connections.Draft(
            "jira", "jira", "Jira", {**CONFIG, "webhook_secret": ["new"]}, {}, cast.org_units["sales"]
        )
        found = connections.find_connection(session, "jira")
        sealer = Sealer.from_settings(settings)
        connections.change_connection(session, found, changed, sealer=sealer, by="system:test", now=clock())

    now = CHECKED_EVERY + 0.1

    with pytest.raises(ForgedWebhookError):
        intake.take("jira", webhook(clock, body(), event="e2"))
    intake.take("jira", webhook(clock, body(), event="e3", signature=sign(body(), "new")))


def test_a_connector_of_others_verifies_in_a_process_of_its_own(
    database: Database, settings: Settings, clock: SettableClock, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R35: our own Jira connector stands for one that somebody else installed."""
    monkeypatch.setattr(registry, "OURS", "somebody-else")
    connect(database, settings, cast.org_units["sales"], clock)
    intake = Intake(settings, database)

    intake.take("jira", webhook(clock, body()))
    with pytest.raises(ForgedWebhookError):
        intake.take("jira", webhook(clock, body(), event="e2", signature=sign(body(), "wrong")))

    assert [hint.event_id for hint in hints(database)] == ["e1"]
    intake.close()


def test_a_signed_webhook_that_is_no_json_is_taken_and_stores_nothing(
    intake: Intake, database: Database, clock: SettableClock
) -> None:
    intake.take("jira", webhook(clock, b"\x1f\x8b not json"))

    assert hints(database) == []


def test_what_cannot_be_stored_is_said_so_that_the_tool_sends_it_again(
    intake: Intake, database: Database, clock: SettableClock
) -> None:
    intake.take("jira", webhook(clock, body()))
    WebhookHint.__table__.drop(database.engine)  # type: ignore[attr-defined]  # a Table at run time

    with pytest.raises(UnavailableError):
        intake.take("jira", webhook(clock, body(), event="e2"))


def test_many_at_once_are_each_stored_once(intake: Intake, database: Database, clock: SettableClock) -> None:
    """R13, small: duplicates, any order, several threads; nothing is lost and nothing is there twice."""
    events = [f"e{number % 160}" for number in range(200)]
    events.reverse()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda event: intake.take("jira", webhook(clock, body(event[1:]), event=event)), events))

    assert sorted(hint.event_id for hint in hints(database)) == sorted({*events})


@pytest.mark.full
@pytest.mark.timeout(300)
def test_ten_thousand_in_a_minute_are_each_stored_once(
    intake: Intake, database: Database, clock: SettableClock, record_property: Callable[[str, object], None]
) -> None:
    """R13: 167 a second, a fifth of them duplicates; the time of the slowest hundredth goes into the report."""
    began, waits = time.monotonic(), []

    def send(number: int) -> None:
        time.sleep(max(0.0, began + number / 167 - time.monotonic()))
        event = number - 1 if number % 5 == 0 else number
        sent = time.monotonic()
        intake.take("jira", webhook(clock, body(str(event)), event=f"e{event}"))
        waits.append(time.monotonic() - sent)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(send, range(1, 10_001)))

    assert len(hints(database)) == 8000
    record_property("p99 seconds", round(statistics.quantiles(waits, n=100)[98], 3))


def test_senders_that_come_together_share_a_transaction(sqlite_database: Database, settings: Settings) -> None:
    together = threading.Barrier(20)
    clock = SettableClock()
    with sqlite_database.write() as session:
        unit = build_cast(session, now=clock()).org_units["sales"]
    connection_id = connect(sqlite_database, settings, unit, clock)
    writer = InboxWriter(sqlite_database)
    touched = [Touched(stream="issues", key="1", event_id="e").model_dump(mode="json")]

    def send(number: int) -> None:
        together.wait()
        writer.store(Hint(connection_id, f"e{number}", touched, clock()))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(send, range(20)))

    assert len(hints(sqlite_database)) == 20
    with sqlite_database.read() as session:
        items = session.scalars(select(WorkItem.id).where(WorkItem.kind == "syncing.read_inbox")).all()
    assert len(items) < 20


class TestReadingWhatWasSpokenOf:
    """The work behind a webhook."""

    def store(self, bench: SyncBench, *keys: str, marker: str | None = None) -> None:
        from hub.syncing.service import store_hints

        with bench.database.write() as session:
            store_hints(
                session,
                [
                    Hint(
                        bench.connection_id,
                        f"event-{key}",
                        [Touched(stream="issues", key=key, event_id="e", marker=marker).model_dump(mode="json")],
                        bench.clock(),
                    )
                    for key in keys
                ],
            )

    def work(self, bench: SyncBench) -> None:
        """Do the next piece of the inbox's work."""
        with bench.database.write() as session:
            item = session.scalars(
                select(WorkItem)
                .where(WorkItem.kind == "syncing.read_inbox", WorkItem.state == WorkState.READY)
                .order_by(WorkItem.id)
            ).first()
            assert item is not None
            item.attempt += 1
        context = Context(
            bench.database,
            bench.settings,
            bench.clock,
            item.id,
            item.attempt,
            {"connectors": OneTool(bench.source)},
            bench.failpoint,
        )
        jobs.read_inbox(context, item.payload)

    def test_all_that_waits_is_read_together_and_each_record_once(self, bench: SyncBench) -> None:
        for key in ("1", "2"):
            bench.source.put(key, points=int(key))
        self.store(bench, "1", "2")
        with bench.database.write() as session:
            hint = session.scalars(select(WebhookHint).where(WebhookHint.event_id == "event-1")).one()
            hint.touched = [*hint.touched, *hint.touched]

        self.work(bench)

        assert bench.source.calls == ["fetch 2"]
        assert set(bench.records()) == {"1", "2"}
        assert all(hint.done_at for hint in hints(bench.database))

    def test_a_hint_is_no_more_than_a_hint(self, bench: SyncBench) -> None:
        """What is kept is what the tool says now, whatever the webhook said."""
        self.store(bench, "404")

        self.work(bench)

        assert bench.records() == {}
        assert all(hint.done_at for hint in hints(bench.database))

    def test_an_attempt_that_died_leaves_its_hints_to_the_next(self, bench: SyncBench) -> None:
        bench.source.put("1", points=1)
        self.store(bench, "1")

        def die(label: str) -> None:
            if label == "syncing.hints_taken":
                raise KeyboardInterrupt

        bench.failpoint = die
        with pytest.raises(KeyboardInterrupt):
            self.work(bench)
        bench.failpoint = lambda _label: None
        self.work(bench)

        assert set(bench.records()) == {"1"}

    def test_a_tool_that_is_away_is_asked_later(self, bench: SyncBench, monkeypatch: pytest.MonkeyPatch) -> None:
        from connectors.sdk.errors import TransientError

        def refuse(*_arguments: Any) -> Any:  # noqa: ANN401  # stands for any call
            raise TransientError("Connection refused.")

        monkeypatch.setattr(bench.source, "fetch", refuse)
        self.store(bench, "1")

        with pytest.raises(RetryLater):
            self.work(bench)

        assert [hint.done_at for hint in hints(bench.database)] == [None]

    def test_a_marker_hurries_the_delivery_that_waits_for_it(self, bench: SyncBench) -> None:
        marker = "0123456789abcdefghjkmnpqrs"
        with bench.database.write() as session:
            connections.set_stage(
                session,
                connections.find_connection(session, "source"),
                Stage.WRITING,
                by="system:test",
                now=bench.clock(),
            )
            made = connections.submit(
                session,
                bench.connection_id,
                DeliveryKind.CREATE_TICKET,
                "item",
                {"draft": {"title": "t", "closes_when": "done"}},
                marker=marker,
                dedupe_key="d",
                now=bench.clock(),
            )
            session.get_one(Delivery, made).state = DeliveryState.AMBIGUOUS
        bench.source.put("77", points=1)
        self.store(bench, "77", marker=marker)

        self.work(bench)

        with bench.database.read() as session:
            assert session.get_one(Delivery, made).hint_key == "77"
            drivers = session.scalars(select(WorkItem.id).where(WorkItem.kind == "connections.deliver")).all()
            assert len(drivers) == 2
            assert session.get_one(Delivery, made).work_item_id == max(drivers)
            assert session.scalars(select(Record.key)).all() == ["77"]


class TestTheAddress:
    """The route that tools call."""

    @pytest.fixture
    def jira(self, site_database: Database, settings: Settings, clock: SettableClock) -> int:
        with site_database.write() as session:
            unit = build_cast(session, now=clock()).org_units["sales"]
        return connect(site_database, settings, unit, clock)

    def send(self, visitor: Visitor, content: bytes, **headers: str) -> Any:  # noqa: ANN401  # a reply
        return visitor.client.post(
            "/webhooks/jira", data=content, headers={"X-Hub-Signature": sign(content), **headers}
        )

    def test_a_signed_webhook_is_accepted_without_a_sign_in(
        self, jira: int, nobody: Visitor, site_database: Database
    ) -> None:
        assert self.send(nobody, body()).status_code == 202
        assert [hint.connection_id for hint in hints(site_database)] == [jira]

    def test_a_forged_one_is_refused_in_a_way_that_is_not_repeated(self, jira: int, nobody: Visitor) -> None:
        reply = self.send(nobody, body(), **{"X-Hub-Signature": "sha256=" + "0" * 64})

        assert reply.status_code == 401
        assert reply.json["type"] == "/errors/forged-webhook"

    def test_a_body_above_the_limit_is_refused_before_it_is_read(
        self, jira: int, nobody: Visitor, site_database: Database
    ) -> None:
        """R28."""
        assert self.send(nobody, b"x" * (LARGEST_BODY + 1)).status_code == 413
        assert hints(site_database) == []

    def test_an_unknown_connection_is_not_found(self, jira: int, nobody: Visitor) -> None:
        assert nobody.client.post("/webhooks/other", data=b"{}").status_code == 404
        assert nobody.client.get("/webhooks/jira").status_code == 405
