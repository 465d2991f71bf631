"""The page and the API of the audit trail: who may look, filters, pages, and how the trail stands."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.audit.service import erase_person, record, remember_verification
from hub.audit.verify_trail import Report
from hub.core.access import Role
from hub.core.errors import ForbiddenError
from tests.hub.audit.trails import Trail

if TYPE_CHECKING:
    from hub.core.database import Database
    from tests.visitors import SignIn, Visitor


@pytest.fixture
def trail(site_database: Database, tmp_path: Path) -> Trail:
    return Trail.begin(site_database, tmp_path)


@pytest.fixture
def auditor(signed_in: SignIn) -> Visitor:
    visitor: Visitor = signed_in(Role.AUDITOR)
    return visitor


def seen(visitor: Visitor, query: str = "") -> list[dict[str, object]]:
    reply = visitor.get(f"/api/v1/audit-entries?action=target&{query}")
    assert reply.status_code == 200, reply.text
    items: list[dict[str, object]] = reply.json["items"]  # type: ignore[index]  # a reply of 200 is JSON
    return items


def test_an_entry_is_shown_with_its_parts_and_its_place(trail: Trail, auditor: Visitor) -> None:
    with trail.database.write() as session:
        public_id = record(
            session,
            action="target.changed",
            subject=("target", "tgt_1"),
            by="system:test",
            detail={"from": 1, "to": [2], "why": "<b>bold</b>"},
            personal={"name": "Zoë"},
            now=trail.now,
        )
    [entry] = seen(auditor)
    assert entry == {
        "id": public_id,
        "at": "2026-03-03T09:00:00Z",
        "action": "target.changed",
        "subject": {"kind": "target", "id": "tgt_1"},
        "by": "system:test",
        "detail": {"from": 1, "to": [2], "why": "<b>bold</b>"},
        "personal": {"name": "Zoë"},
        "personal_erased": False,
        "place": None,
    }
    page = auditor.get("/audit-trail?action=target").text
    assert "why: &lt;b&gt;bold&lt;/b&gt;" in page
    assert "name: Zoë" in page
    assert "waiting" in page


def test_what_was_erased_is_said_to_be_erased(trail: Trail, auditor: Visitor) -> None:
    trail.add(1)
    with trail.database.write() as session:
        erase_person(session, person_id="per_1", names=["Person 0"], by="system:test", now=trail.now)
    trail.checkpoint()
    [entry] = seen(auditor)
    assert (entry["personal"], entry["personal_erased"]) == (None, True)
    assert isinstance(entry["place"], int)
    assert "personal part erased" in auditor.get("/audit-trail?action=target").text


def test_filters_and_pages_show_every_entry_once(trail: Trail, auditor: Visitor) -> None:
    trail.add(7)
    found: list[object] = []
    reply = auditor.get("/api/v1/audit-entries?action=target&limit=3").json
    while reply is not None:
        found += [one["subject"]["id"] for one in reply["items"]]
        cursor = reply["next_cursor"]
        reply = auditor.get(f"/api/v1/audit-entries?action=target&limit=3&cursor={cursor}").json if cursor else None
    assert found == [f"tgt_{number}" for number in range(6, -1, -1)]
    assert len(seen(auditor, "subject=tgt_3")) == 1
    assert len(seen(auditor, "since=2026-03-03T09:00:05Z")) == 3
    assert len(seen(auditor, "until=2026-03-03T09:00:05Z")) == 4
    assert seen(auditor, "by=per_nobody") == []


def test_days_of_the_page_are_days_where_the_reader_lives_and_both_count(trail: Trail, auditor: Visitor) -> None:
    trail.add(2, step=timedelta(hours=20))
    assert "tgt_0" in auditor.get("/audit-trail?since=2026-03-04&until=2026-03-04").text
    assert "tgt_0" not in auditor.get("/audit-trail?since=2026-03-05").text
    assert "tgt_0" not in auditor.get("/audit-trail?until=2026-03-03").text


def test_the_next_page_keeps_the_filters(trail: Trail, auditor: Visitor) -> None:
    trail.add(3)
    page = auditor.get("/audit-trail?action=target&limit=2").text
    assert "tgt_2" in page
    assert "tgt_0" not in page
    assert 'rel="next"' in page
    assert "action=target" in page.split('rel="next"')[1].split(">")[0]


@pytest.mark.parametrize(
    "query", ["since=yesterday", "colour=red", "until=9999-12-31", "cursor=x", "action=" + "x" * 81]
)
def test_a_filter_that_cannot_be_read_is_named(auditor: Visitor, query: str) -> None:
    page = auditor.get(f"/audit-trail?{query}")
    assert page.status_code in {400, 422}
    assert query.split("=", maxsplit=1)[0] in page.text


def test_an_empty_list_says_what_to_do(auditor: Visitor) -> None:
    assert "No entry is like that" in auditor.get("/audit-trail?action=nothing").text


@pytest.mark.parametrize("address", ["/audit-trail", "/api/v1/audit-entries"])
def test_who_may_look_only_into_a_part_of_the_organisation_sees_no_trail(
    trail: Trail, signed_in: SignIn, address: str
) -> None:
    """Entries belong to no org unit, so nothing smaller than the whole organisation is enough."""
    from tests.factories import build_cast

    with trail.database.write() as session:
        sales = build_cast(session, now=trail.now).org_units["sales"]
    assert signed_in(Role.GOVERNANCE_LEAD, sales).get(address).status_code == ForbiddenError.status
    assert signed_in(Role.VIEWER).get(address).status_code == ForbiddenError.status
    assert signed_in(Role.GOVERNANCE_LEAD).get(address).status_code == 200


def test_the_page_says_how_the_trail_stands(trail: Trail, auditor: Visitor) -> None:
    page = auditor.get("/audit-trail").text
    assert "not verified yet" in page
    assert "No checkpoint yet" in page
    assert "PLUMBLINE_AUDIT_CHECKPOINT_PATH" in page
    trail.add(1)
    trail.checkpoint()
    report = Report(entries=4)
    with trail.database.write() as session:
        remember_verification(session, report, now=trail.now)
    page = auditor.get("/audit-trail").text
    assert "sound</span>" in page
    assert "4 entries" in page
    assert "Last checkpoint: number 1" in page
    report.add("changed", 3, "entry aud_1 at place 3 is not what was sealed there")
    with trail.database.write() as session:
        remember_verification(session, report, now=trail.now)
    page = auditor.get("/audit-trail").text
    assert "not sound</span>" in page
    assert "First bad row: entry aud_1 at place 3" in page


def test_an_entry_of_the_api_is_plain_json(trail: Trail, auditor: Visitor) -> None:
    trail.add(1)
    assert json.loads(json.dumps(seen(auditor))) == seen(auditor)
