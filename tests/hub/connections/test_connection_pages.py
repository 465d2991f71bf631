"""Pages and API of connections and deliveries, as people with different roles see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.sdk.errors import TransientError
from hub.connections import service
from hub.connections.models import Delivery, DeliveryKind, DeliveryState, Stage
from hub.core.access import Role
from hub.core.database import Database
from hub.core.ids import new_marker
from hub.core.sealing import Sealer
from hub.settings import Settings
from hub.syncing.models import Quarantined, QuarantineKind, QuarantineState, SyncMode
from hub.syncing.service import Counts, begin_run, end_run, quarantine
from hub.work.models import WorkItem
from tests.factories import SettableClock, build_cast
from tests.hub.connections.outbox_bench import DRAFT
from tests.visitors import SignIn, Visitor

SECRET = "s3cret-of-the-site"  # planted
PLAIN = {"base_url": "https://acme.atlassian.example", "auth": {"token": {"sealed": True}}}


class Site:
    """A connection of the org unit sales, with one delivery of each sort."""

    def __init__(self, database: Database, settings: Settings, clock: SettableClock) -> None:
        self.database = database
        with database.write() as session:
            self.units = build_cast(session, now=clock()).org_units
            draft = service.Draft("jira", "jira", "Jira of sales", PLAIN, {"auth.token": SECRET}, self.units["sales"])
            sealer = Sealer.from_settings(settings)
            made = service.add_connection(session, draft, sealer=sealer, by="system:test", now=clock())
            self.id, self.public_id = made.id, made.public_id
            self.delivery = self._add_delivery(session, clock)

    def _add_delivery(self, session: Session, clock: SettableClock) -> str:
        made = service.submit(
            session,
            self.id,
            DeliveryKind.CREATE_TICKET,
            "item",
            {"draft": DRAFT},
            marker=new_marker(),
            dedupe_key="one",
            now=clock(),
        )
        return session.get_one(Delivery, made).public_id

    def set(self, **values: object) -> None:
        """Write columns of the delivery."""
        with self.database.write() as session:
            row = session.scalars(select(Delivery)).one()
            for name, value in values.items():
                setattr(row, name, value)

    def work(self, kind: str) -> list[dict[str, object]]:
        """List the payloads of work of a kind."""
        with self.database.read() as session:
            return list(session.scalars(select(WorkItem.payload).where(WorkItem.kind == kind)))


@pytest.fixture
def site(site_database: Database, settings: Settings, clock: SettableClock) -> Site:
    return Site(site_database, settings, clock)


def test_without_connections_the_page_says_how_to_add_one(signed_in: SignIn) -> None:
    page = signed_in(Role.ADMIN).get("/connections")

    assert "plumbline connections add" in page.text


def test_the_list_shows_how_each_connection_fares(site: Site, signed_in: SignIn, clock: SettableClock) -> None:
    with site.database.write() as session:
        service.note_read(session, site.id, started_at=clock(), error=TransientError("Connection refused."))

    page = signed_in(Role.ADMIN).get("/connections")

    assert "Jira of sales" in page.text
    assert "failing" in page.text
    assert "Connection refused." in page.text


def test_a_connection_shows_its_configuration_and_never_a_secret(site: Site, signed_in: SignIn) -> None:
    page = signed_in(Role.ADMIN).get(f"/connections/{site.public_id}")

    assert "acme.atlassian.example" in page.text
    assert SECRET not in page.text
    assert "Nothing read yet" in page.text
    assert "Nothing waits" in page.text


def test_a_connection_shows_streams_runs_and_quarantine(site: Site, signed_in: SignIn, clock: SettableClock) -> None:
    with site.database.write() as session:
        run = begin_run(session, site.id, SyncMode.FULL, now=clock())
        counts = {"issues": Counts(read=7, quarantined=1)}
        end_run(session, run, counts, service.Spent(3, 100, 1.5), now=clock() + timedelta(seconds=2))
        quarantine(
            session,
            site.id,
            "rows",
            kind=QuarantineKind.UNREADABLE,
            record_key="1",
            place="numbers.csv, row 7",
            reason="'abc' is no number",
            remedy="Write a number.",
            now=clock(),
        )

    page = signed_in(Role.ADMIN).get(f"/connections/{site.public_id}")

    for text in ("numbers.csv, row 7", "Write a number.", "Open the quarantine desk", "full"):
        assert text in page.text


def test_who_belongs_elsewhere_sees_no_connection_and_no_delivery(site: Site, signed_in: SignIn) -> None:
    """R22, R23."""
    stranger = signed_in(Role.ADMIN, site.units["support"])

    assert "Jira of sales" not in stranger.get("/connections").text
    assert site.delivery not in stranger.get("/deliveries").text
    for address in (f"/connections/{site.public_id}", f"/deliveries/{site.delivery}"):
        assert stranger.get(address).status_code == 404
    for address in ("pause", "resume", "check", "stage/writing", "read"):
        assert stranger.send(f"/connections/{site.public_id}/{address}").status_code == 404


def test_a_reader_changes_nothing(site: Site, signed_in: SignIn) -> None:
    steward = signed_in(Role.STEWARD)

    assert "Let it write" not in steward.get(f"/connections/{site.public_id}").text
    for address in ("pause", "check", "stage/writing", "read"):
        assert steward.send(f"/connections/{site.public_id}/{address}").status_code == 403
    assert steward.send("/connections/writes/off").status_code == 403


def test_an_admin_pauses_resumes_and_lets_it_write(site: Site, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)

    assert admin.send(f"/connections/{site.public_id}/pause").status_code == 303
    assert "Paused by an admin." in admin.get(f"/connections/{site.public_id}").text
    assert admin.send(f"/connections/{site.public_id}/resume").status_code == 303
    assert admin.send(f"/connections/{site.public_id}/stage/writing").status_code == 303
    assert admin.send(f"/connections/{site.public_id}/stage/nonsense").status_code == 422

    with site.database.read() as session:
        found = service.find_connection(session, "jira")
        assert (found.paused_at, found.stage) == (None, Stage.WRITING)
    assert {"connection_id": site.id} in site.work("connections.release")


def test_check_and_reading_are_work_for_a_worker(site: Site, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)

    admin.send(f"/connections/{site.public_id}/check")
    admin.send(f"/connections/{site.public_id}/read", full="yes")

    assert site.work("connections.check") == [{"connection_id": site.id}]
    assert site.work("syncing.sync") == [{"connection_id": site.id, "full": True}]


def test_the_stop_switch_is_seen_on_both_pages(site: Site, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)

    admin.send("/connections/writes/off")

    assert "Writing to tools is stopped" in admin.get("/connections").text
    assert "Writing to tools is stopped" in admin.get("/deliveries").text
    assert admin.send("/connections/writes/on").status_code == 303
    assert "Writing to tools is stopped" not in admin.get("/connections").text
    assert admin.send("/connections/writes/sideways").status_code == 422


def test_the_switch_belongs_to_admins_of_the_whole_organisation(site: Site, signed_in: SignIn) -> None:
    assert signed_in(Role.ADMIN, site.units["sales"]).send("/connections/writes/off").status_code == 403


def test_deliveries_are_listed_by_state(site: Site, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)

    assert site.delivery in admin.get("/deliveries").text
    assert site.delivery in admin.get("/deliveries?state=queued").text
    assert "Nothing here" in admin.get("/deliveries?state=applied").text
    assert admin.get("/deliveries?state=lost").status_code == 422


def test_every_ambiguity_stays_listed_when_it_is_resolved(site: Site, signed_in: SignIn, clock: SettableClock) -> None:
    with site.database.write() as session:
        row = session.scalars(select(Delivery)).one()
        service.log_step(session, row, "ambiguous", "The connection was reset.", now=clock())
        row.state = DeliveryState.APPLIED

    page = signed_in(Role.ADMIN).get("/deliveries")

    assert "The connection was reset." in page.text


def test_a_delivery_shows_what_is_written_and_each_step(site: Site, signed_in: SignIn) -> None:
    page = signed_in(Role.ADMIN).get(f"/deliveries/{site.delivery}")

    assert DRAFT.title in page.text
    assert "asked for" in page.text
    assert "Try again" not in page.text


def test_a_delivery_that_was_given_up_is_tried_again_by_who_may(site: Site, signed_in: SignIn) -> None:
    site.set(state=DeliveryState.GIVEN_UP)
    admin, steward = signed_in(Role.ADMIN), signed_in(Role.STEWARD)
    assert "Try again" in admin.get(f"/deliveries/{site.delivery}").text
    assert "Try again" not in steward.get(f"/deliveries/{site.delivery}").text

    assert steward.send(f"/deliveries/{site.delivery}/retry").status_code == 403
    assert admin.send(f"/deliveries/{site.delivery}/retry").status_code == 303

    with site.database.read() as session:
        assert session.scalars(select(Delivery.state)).one() == DeliveryState.QUEUED


def test_a_row_in_quarantine_is_read_again_or_rejected_with_a_reason(
    site: Site, signed_in: SignIn, clock: SettableClock
) -> None:
    with site.database.write() as session:
        item = quarantine(
            session,
            site.id,
            "rows",
            kind=QuarantineKind.UNREADABLE,
            record_key="1",
            place="numbers.csv, row 7",
            reason="'abc' is no number",
            remedy="Write a number.",
            now=clock(),
        )
    admin, address = signed_in(Role.ADMIN), f"/connections/{site.public_id}/quarantine/{item.public_id}"

    assert admin.send(f"{address}/retry").status_code == 303
    assert [payload["full"] for payload in site.work("syncing.sync")] == [True]
    assert admin.send(f"{address}/reject").status_code == 422
    assert admin.send(f"{address}/reject", note="a total").status_code == 303
    assert admin.send(f"{address}/reject", note="a total").status_code == 409

    with site.database.read() as session:
        row = session.scalars(select(Quarantined)).one()
        assert (row.state, row.note) == (QuarantineState.REJECTED, "a total")


def test_the_api_lists_what_one_may_see(site: Site, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)

    (shown,) = items(admin, "/api/v1/connections")
    assert (shown["key"], shown["stage"], "config" in shown) == ("jira", "observe_only", False)
    assert admin.get(f"/api/v1/connections/{site.public_id}").json == shown
    (delivery,) = items(admin, "/api/v1/deliveries?state=queued")
    assert (delivery["id"], delivery["connection"], delivery["kind"]) == (
        site.delivery,
        site.public_id,
        "create_ticket",
    )
    stranger = signed_in(Role.ADMIN, site.units["support"])
    assert items(stranger, "/api/v1/connections") == []
    assert items(stranger, "/api/v1/deliveries") == []


def items(visitor: Visitor, address: str) -> list[dict[str, Any]]:
    """Read one page of a list."""
    reply = visitor.get(address)
    assert reply.json is not None, reply.text
    found: list[dict[str, Any]] = reply.json["items"]
    return found
