"""Mapping on pages: look at everything, change what it means, publish what was looked at; and the quarantine desk."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import func, select

from connectors.sdk.errors import TransientError
from connectors.sdk.protocol import Stream
from hub.audit.models import AuditEntry
from hub.connections import service as connections
from hub.connections.models import Connection, ConnectionHealth
from hub.connections.places import Foreground
from hub.core.access import Role
from hub.core.database import Database
from hub.core.sealing import Sealer
from hub.metrics.models import Observation
from hub.settings import Settings
from hub.syncing.models import MappingVersion, Quarantined, QuarantineKind, QuarantineState, Record
from hub.syncing.previews import keep_preview, preview
from hub.syncing.service import find_mapping, quarantine
from hub.work.models import WorkItem
from tests.factories import SettableClock, build_cast
from tests.hub.syncing.honest_source import HonestSource, OneTool
from tests.visitors import SignIn, Visitor


class Desk:
    """A connection over a tool that the test fills."""

    def __init__(self, database: Database, settings: Settings, clock: SettableClock) -> None:
        self.database, self.settings, self.clock = database, settings, clock
        self.source = HonestSource()
        with database.write() as session:
            self.units = build_cast(session, now=clock()).org_units
            draft = connections.Draft("source", "spreadsheet", "Source", {}, {}, self.units["sales"])
            sealer = Sealer.from_settings(settings)
            made = connections.add_connection(session, draft, sealer=sealer, by="system:test", now=clock())
            self.id, self.address = made.id, f"/connections/{made.public_id}"

    def work(self, kind: str) -> list[dict[str, Any]]:
        with self.database.read() as session:
            return list(session.scalars(select(WorkItem.payload).where(WorkItem.kind == kind).order_by(WorkItem.id)))

    def look(self) -> dict[str, Any]:
        """Do the work that the page asked for last."""
        place = Foreground(self.database, self.settings, self.clock, {"connectors": OneTool(self.source)})
        body = self.work("syncing.preview")[-1]["mapping"]
        preview(place, self.id, body, lambda state: keep_preview(place, self.id, state))
        return self.seen()

    def seen(self) -> dict[str, Any]:
        with self.database.read() as session:
            report = session.get_one(ConnectionHealth, self.id).report or {}
            found: dict[str, Any] = report["preview"]
            return found

    def put_aside(self, place: str, reason: str = "'abc' is no number") -> str:
        with self.database.write() as session:
            return quarantine(
                session,
                self.id,
                "rows",
                kind=QuarantineKind.UNREADABLE,
                record_key=place,
                place=place,
                reason=reason,
                remedy="Write a number.",
                now=self.clock(),
                raw={"value": "abc"},
            ).public_id


@pytest.fixture
def desk(site_database: Database, settings: Settings, clock: SettableClock) -> Desk:
    return Desk(site_database, settings, clock)


@pytest.fixture
def admin(signed_in: SignIn) -> Visitor:
    return signed_in(Role.ADMIN)


MEANING = {
    "s.0.name": "issues",
    "s.0.as": "observations",
    "s.0.metric": "points",
    "s.0.column.period_start": "day",
    "s.0.column.value": "points",
    "s.0.unit": "points",
}


def fill(desk: Desk) -> None:
    desk.source.put("1", day="2026-01-01", points=3, colour="red")
    desk.source.put("2", day="2026-02-01", points="many", colour="red")
    desk.source.put("3", day="2026-03-01", points=5, colour="blue", marker="ours")


def test_before_a_preview_the_page_says_what_one_does(desk: Desk, admin: Visitor) -> None:
    assert "Nothing looked at yet" in admin.get(f"{desk.address}/mapping").text


def test_a_preview_says_what_is_understood_ignored_and_put_aside_and_keeps_nothing(desk: Desk, admin: Visitor) -> None:
    fill(desk)
    assert admin.send(f"{desk.address}/mapping/preview", **MEANING).status_code == 303
    waiting = admin.get(f"{desk.address}/mapping").text
    assert "hx-trigger" in waiting
    assert "Begin again" in waiting
    (stream,) = desk.look()["streams"]

    assert (stream["read"], stream["usable"], stream["put_aside"], stream["ours"]) == (3, 1, 1, 1)
    assert stream["metrics"] == {"points": 1}
    assert "colour" in stream["ignored"]
    (problem,) = stream["problems"]
    assert (problem["column"], problem["count"]) == ("points", 1)
    page = admin.get(f"{desk.address}/mapping").text
    for text in ("1 become observations", "1 are put aside", "&#39;many&#39; is no number", "colour", "Publish this"):
        assert text in page
    assert "hx-trigger" not in page
    with desk.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Record)) == 0
        assert session.scalar(select(func.count()).select_from(Observation)) == 0
        assert session.scalar(select(func.count()).select_from(Quarantined)) == 0


def test_without_a_mapping_records_are_kept_and_that_is_said(desk: Desk, admin: Visitor) -> None:
    fill(desk)
    admin.send(f"{desk.address}/mapping/preview")
    (stream,) = desk.look()["streams"]

    assert not stream["is_mapped"]
    assert "3 are kept as records" in admin.get(f"{desk.address}/mapping").text


def test_only_what_was_looked_at_is_published(desk: Desk, admin: Visitor) -> None:
    fill(desk)
    admin.send(f"{desk.address}/mapping/preview", **MEANING)
    assert admin.send(f"{desk.address}/mapping/publish", at="").status_code == 409
    at = desk.look()["at"]
    assert admin.send(f"{desk.address}/mapping/publish", at="another").status_code == 409

    assert admin.send(f"{desk.address}/mapping/publish", at=at).headers["Location"].endswith("done=published")
    assert admin.send(f"{desk.address}/mapping/publish", at=at).headers["Location"].endswith("done=same")

    assert "This is the mapping that counts." in admin.get(f"{desk.address}/mapping").text
    with desk.database.read() as session:
        layout = find_mapping(session, desk.id).streams["issues"]
        assert (layout.metric, layout.columns["period_start"], layout.traits.unit) == ("points", "day", "points")
        assert session.scalar(select(func.count()).select_from(MappingVersion)) == 1
        assert "mapping.changed" in session.scalars(select(AuditEntry.action)).all()


def test_what_the_form_says_of_a_stream_leaves_the_rest_of_its_mapping_alone(desk: Desk, admin: Visitor) -> None:
    body = {"streams": {"issues": {"metrics": {"a": {"unit": "kg"}}, "metric": "old"}, "other": {"metric": "x"}}}
    with desk.database.write() as session:
        connections.note_preview(session, desk.id, {"state": "done", "at": "1", "mapping": body, "streams": []})

    admin.send(f"{desk.address}/mapping/preview", **MEANING)
    asked = desk.work("syncing.preview")[-1]["mapping"]["streams"]
    assert (asked["issues"]["metrics"], asked["issues"]["metric"]) == ({"a": {"unit": "kg"}}, "points")
    assert asked["other"] == {"metric": "x"}

    admin.send(f"{desk.address}/mapping/preview", **{**MEANING, "s.0.as": "records"})
    assert list(desk.work("syncing.preview")[-1]["mapping"]["streams"]) == ["other"]


def test_a_mapping_that_cannot_be_is_refused_with_the_entry(desk: Desk, admin: Visitor) -> None:
    reply = admin.send(f"{desk.address}/mapping/preview", **{**MEANING, "s.0.direction": "sideways"})

    assert reply.status_code == 422
    assert "direction" in reply.text


def test_a_tool_that_fails_is_told_with_its_reason(desk: Desk, admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    admin.send(f"{desk.address}/mapping/preview")

    def fail() -> list[Stream]:
        raise TransientError("The tool does not answer.")

    monkeypatch.setattr(desk.source, "discover", fail)
    assert desk.look()["state"] == "failed"
    page = admin.get(f"{desk.address}/mapping").text
    assert "The tool does not answer." in page
    assert "Look again" in page


def test_a_check_keeps_the_preview_and_a_preview_keeps_the_check(desk: Desk) -> None:
    with desk.database.write() as session:
        connections.note_check(session, desk.id, {"account": "ada"}, now=desk.clock())
        connections.note_preview(session, desk.id, {"state": "asked"})
        connections.note_check(session, desk.id, {"account": "eve"}, now=desk.clock())

    with desk.database.read() as session:
        assert session.get_one(ConnectionHealth, desk.id).report == {"account": "eve", "preview": {"state": "asked"}}


def test_a_page_looks_again_until_what_was_asked_for_has_ended(desk: Desk, admin: Visitor) -> None:
    address = admin.send(f"{desk.address}/check").headers["Location"]
    assert "hx-trigger" in admin.get(address).text
    desk.clock.advance(seconds=1)
    with desk.database.write() as session:
        connections.note_check(session, desk.id, {"missing": ["Browse projects"]}, now=desk.clock())

    page = admin.get(address).text
    assert "hx-trigger" not in page
    assert "Browse projects" in page
    assert admin.get(f"{desk.address}?done=checking&since=nonsense").status_code == 200


def test_the_desk_lists_by_state_stream_and_words(desk: Desk, admin: Visitor) -> None:
    desk.put_aside("a.csv, row 7")
    desk.put_aside("b.csv, row 9", "no period is named")
    address = f"{desk.address}/quarantine"

    assert "row 7" in admin.get(address).text
    assert "row 9" not in admin.get(f"{address}?search=a.csv").text
    assert "row 7" not in admin.get(f"{address}?search=period").text
    assert "Nothing here" in admin.get(f"{address}?state=rejected").text
    assert "Nothing here" in admin.get(f"{address}?stream=other").text
    assert admin.get(f"{address}?state=lost").status_code == 422


def test_chosen_rows_are_rejected_together_with_one_reason(desk: Desk, admin: Visitor) -> None:
    first, second, _ = (desk.put_aside(f"a.csv, row {number}") for number in (1, 2, 3))
    address = f"{desk.address}/quarantine/reject"

    assert admin.send(address, item=[first, second]).status_code == 422
    assert admin.send(address, note="totals").status_code == 422
    assert admin.send(address, item=[first, second], note="totals").status_code == 303

    with desk.database.read() as session:
        rows = session.scalars(select(Quarantined).order_by(Quarantined.id)).all()
        assert [row.state for row in rows] == [QuarantineState.REJECTED] * 2 + [QuarantineState.WAITING]
        assert session.scalars(select(AuditEntry.action)).all().count("quarantine.rejected") == 2


def test_all_that_waits_is_read_again_after_a_repair(desk: Desk, admin: Visitor) -> None:
    desk.put_aside("a.csv, row 1")

    assert admin.send(f"{desk.address}/quarantine/retry").status_code == 303

    assert desk.work("syncing.sync") == [{"connection_id": desk.id, "full": True}]


def test_the_download_holds_no_formula_and_not_the_rows_themselves(desk: Desk, signed_in: SignIn) -> None:
    desk.put_aside("=cmd()!A1", "-1 is no number")

    reply = signed_in(Role.STEWARD).get(f"{desk.address}/quarantine?format=csv")

    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(io.StringIO(reply.text))
    assert (row["place"], row["reason"]) == ("'=cmd()!A1", "'-1 is no number")
    assert "raw" not in row


def test_who_may_only_read_sees_the_desk_and_changes_nothing(desk: Desk, signed_in: SignIn) -> None:
    """R22, R23."""
    desk.put_aside("a.csv, row 1")
    steward, stranger = signed_in(Role.STEWARD), signed_in(Role.ADMIN, desk.units["support"])

    page = steward.get(f"{desk.address}/quarantine").text
    assert "row 1" in page
    assert "Reject the chosen" not in page
    assert "abc&#34;" not in page
    for path in ("quarantine/reject", "quarantine/retry", "mapping/preview", "mapping/publish"):
        assert steward.send(f"{desk.address}/{path}").status_code == 403
        assert stranger.send(f"{desk.address}/{path}").status_code == 404
    for path in ("mapping", "quarantine", "quarantine?format=csv"):
        assert stranger.get(f"{desk.address}/{path}").status_code == 404


def test_a_removed_connection_has_no_desk(desk: Desk, admin: Visitor) -> None:
    with desk.database.write() as session:
        session.get_one(Connection, desk.id).removed_at = desk.clock()

    assert admin.get(f"{desk.address}/quarantine").status_code == 404
