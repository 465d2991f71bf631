"""What the trail takes down, how it is sealed and signed, what an erasure leaves, how it goes on after a restore."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from hub.audit.models import AuditCheckpoint, AuditEntry, AuditLink, AuditPending, AuditPersonal
from hub.audit.service import (
    EntryFilter,
    TrailOlderError,
    checkpoints,
    erase_person,
    list_entries,
    look_at,
    make_checkpoint,
    read_state,
    record,
    remember_verification,
    resume_after_restore,
    seal_entries,
)
from hub.audit.verify_trail import Checkpoint, Signed
from hub.core.access import Principal
from hub.core.database import Database
from hub.core.errors import InvalidInputError
from tests.factories import TODAY
from tests.hub.audit.trails import Trail

PRINCIPAL = Principal(person_id=1, public_id="per_1", name="Ada", token_id="tok_1")


class Colour(StrEnum):
    """An enumeration as details hold it."""

    RED = "red"


@pytest.fixture
def trail(database: Database, tmp_path: Path) -> Trail:
    return Trail.begin(database, tmp_path)


def count(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_an_entry_belongs_to_the_transaction_of_the_change(database: Database) -> None:
    def change_and_fail() -> None:
        with database.write() as session:
            record(session, action="target.changed", subject=("target", "tgt_1"), by="system:test", detail={})
            raise LookupError

    with pytest.raises(LookupError):
        change_and_fail()
    with database.read() as session:
        assert count(session, AuditEntry) == 0


def test_an_entry_says_who_did_what_to_what_and_holds_no_name(database: Database) -> None:
    with database.write() as session:
        public_id = record(
            session,
            action="connection.created",
            subject=("connection", "cnx_1"),
            by=PRINCIPAL,
            detail={
                "kind": "jira",
                "colour": Colour.RED,
                "at": TODAY,
                "tags": {"b", "a"},
                "path": Path("a/b"),
                "n": 1.5,
            },
            personal={"name": "Zoë"},
            now=TODAY,
        )
    with database.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.public_id, entry.at, entry.done_by) == (public_id, TODAY, "per_1/tok_1")
        assert json.loads(entry.detail) == {
            "kind": "jira",
            "colour": "red",
            "at": TODAY.isoformat(),
            "tags": ["a", "b"],
            "path": "a/b",
            "n": 1.5,
        }
        assert look_at(session, [entry])[0].personal == {"name": "Zoë"}
        assert "Zo" not in entry.detail


def test_what_is_no_json_or_nobody_is_refused(database: Database) -> None:
    with database.write() as session:
        with pytest.raises(TypeError, match="holds a Session: give plain JSON"):
            record(session, action="a.b", subject=None, by="system:test", detail={"x": session})
        with pytest.raises(ValueError, match="by 'ada': give the principal"):
            record(session, action="a.b", subject=None, by="ada", detail={})


def test_the_application_itself_cannot_change_the_trail(trail: Trail) -> None:
    """R31: entries, places and checkpoints are INSERT only; of personal parts, erasure is the only change."""
    trail.add(1)
    trail.checkpoint()
    columns = {"audit_entry": "action", "audit_link": "digest", "audit_checkpoint": "body", "audit_personal": "value"}

    def change(statement: str) -> None:
        with trail.database.write() as session:
            session.connection().exec_driver_sql(statement)

    for table, column in columns.items():
        with pytest.raises(DatabaseError, match=f"{table} is append-only: UPDATE is refused"):
            change(f"UPDATE {table} SET {column} = 'x'")
        if table != "audit_personal":
            with pytest.raises(DatabaseError, match=f"{table} is append-only: DELETE is refused"):
                change(f"DELETE FROM {table}")
    change("DELETE FROM audit_personal")


def test_sealing_takes_what_waits_in_order_and_once(trail: Trail) -> None:
    trail.add(5)
    with trail.database.write() as session:
        assert seal_entries(session, limit=3) == 3
        assert seal_entries(session, limit=3) == 2
        assert seal_entries(session, limit=3) == 0
        assert count(session, AuditPending) == 0
        assert (
            session.scalars(select(AuditLink.entry_id).order_by(AuditLink.position)).all()
            == session.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).all()
        )


def test_sealers_and_writers_at_the_same_time_leave_one_sound_chain(trail: Trail) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            with trail.database.write() as session:
                record(session, action="target.changed", subject=None, by="system:test", detail={"by": number})

    def seal(_number: int) -> None:
        for _ in range(5):
            with trail.database.write() as session:
                seal_entries(session, limit=2)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda job: job[0](job[1]), [(write, 1), (seal, 1), (write, 2), (seal, 2)]))
    trail.now = datetime.now(UTC)
    trail.checkpoint()
    report = trail.verify()
    assert report.sound, report.problems
    assert (report.entries, report.waiting) == (10, 0)


def test_an_open_transaction_holds_up_neither_other_writers_nor_the_sealer(trail: Trail) -> None:
    if trail.database.is_sqlite:
        pytest.skip("on SQLite all writers take turns anyway")
    with trail.database.write() as slow:
        record(slow, action="slow.done", subject=None, by="system:test", detail={}, now=trail.now)
        trail.add(2)
        trail.checkpoint()
    trail.checkpoint()
    with trail.database.read() as session:
        order = session.scalars(
            select(AuditEntry.action).join(AuditLink, AuditLink.entry_id == AuditEntry.id).order_by(AuditLink.position)
        )
        assert order.all() == ["target.changed", "target.changed", "slow.done"]
    assert trail.verify().sound


def test_a_checkpoint_seals_first_and_follows_the_one_before(trail: Trail) -> None:
    trail.add(3)
    trail.checkpoint()
    trail.checkpoint()
    sent = [Checkpoint.read(one) for one in trail.outside.read()]
    assert [(one.number, one.position) for one in sent] == [(1, 3), (2, 3)]
    assert sent[0].first == 1
    assert sent[1].marks == ""
    assert trail.outside.path.with_name("public-key.txt").read_text().strip() == trail.key().public.hex()
    assert trail.verify().sound


def test_a_checkpoint_of_a_trail_without_entries_holds(trail: Trail) -> None:
    trail.checkpoint()
    assert trail.verify().sound


def test_a_long_way_takes_several_checkpoints(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MOST_MARKS", 4)
    trail.add(10, step=timedelta(hours=1))
    trail.checkpoint()
    assert [Checkpoint.read(one).position for one in trail.outside.read()] == [4, 8, 10]
    assert trail.verify().sound


def test_what_could_not_be_sent_is_sent_the_next_time(trail: Trail) -> None:
    trail.add(1)
    trail.checkpoint()
    trail.add(1)
    with trail.database.write() as session:
        make_checkpoint(session, trail.key(), now=trail.now)
    assert len(trail.outside.read()) == 1
    trail.checkpoint()
    assert [Checkpoint.read(one).number for one in trail.outside.read()] == [1, 2, 3]


def test_a_line_torn_by_a_power_cut_does_no_harm(trail: Trail) -> None:
    trail.add(1)
    trail.checkpoint()
    whole = trail.outside.path.read_text()
    trail.outside.path.write_text(whole + whole[: len(whole) // 2])
    trail.checkpoint()
    assert [Checkpoint.read(one).number for one in trail.outside.read()] == [1, 2]
    assert trail.verify().sound


def test_without_a_place_outside_checkpoints_stay_beside_the_trail(trail: Trail) -> None:
    trail.settings = trail.settings.model_copy(update={"audit_checkpoint_path": None})
    trail.add(1)
    trail.checkpoint()
    with trail.database.read() as session:
        assert count(session, AuditCheckpoint) == 1
    assert trail.verify(outside=False).sound


def test_an_older_database_signs_nothing_until_somebody_says_why(trail: Trail) -> None:
    trail.add(2)
    trail.checkpoint()
    lose_the_place_outside_ahead(trail)
    with pytest.raises(
        TrailOlderError, match="knows checkpoint 3, this database ends at 1: put the right database back"
    ):
        trail.checkpoint()
    with trail.database.read() as session:
        assert count(session, AuditCheckpoint) == 1


def test_another_database_cannot_take_over_the_place_outside(trail: Trail) -> None:
    trail.add(1)
    trail.checkpoint()
    other = Signed(trail.outside.read()[0].body.replace("T09", "T08"), "00")
    trail.outside.path.write_text(json.dumps(other._asdict()) + "\n")
    with pytest.raises(TrailOlderError, match=r"checkpoint 1 in .* is not the one of this database"):
        trail.checkpoint()


def lose_the_place_outside_ahead(trail: Trail) -> None:
    """Make the place outside know two checkpoints more than the database, as after a restore."""
    kept = trail.copy()
    trail.add(3)
    trail.checkpoint()
    trail.add(3)
    trail.checkpoint()
    with trail.database.read() as session:
        last = session.scalar(select(func.max(AuditEntry.id)))
    trail.tamper(
        f"DELETE FROM audit_checkpoint WHERE number > {len(kept.inside)}",
        f"DELETE FROM audit_link WHERE position > {len(kept.rows)}",
        f"DELETE FROM audit_personal WHERE entry_id > {len(kept.rows)}",
        f"DELETE FROM audit_entry WHERE id > {len(kept.rows)} AND id <= {last}",
    )


def test_after_a_restore_the_trail_goes_on_in_the_open(trail: Trail) -> None:
    trail.add(2)
    trail.checkpoint()
    lose_the_place_outside_ahead(trail)
    trail.add(4)
    with trail.database.write() as session:
        resume_after_restore(
            session, trail.key(), trail.outside.read(), reason="disk died", by="system:test", now=trail.now
        )
    trail.checkpoint()
    assert [Checkpoint.read(one).number for one in trail.outside.read()] == [1, 2, 3, 4, 5]
    report = trail.verify()
    assert [(one.kind, one.position) for one in report.problems] == [("restored", 3)]
    assert "up to place 2: disk died (accept it with --accept-restore 4)" in report.problems[0].text
    accepted = trail.verify(accepted_restores=[4])
    assert accepted.sound
    assert accepted.notes == ["before checkpoint 4 an older database was restored, up to place 2: disk died"]


def test_nothing_can_be_resumed_where_nothing_was_lost(trail: Trail) -> None:
    trail.add(1)
    trail.checkpoint()
    with trail.database.write() as session, pytest.raises(InvalidInputError, match="nothing to resume"):
        resume_after_restore(session, trail.key(), trail.outside.read(), reason="why", by="system:test")


def test_an_erased_person_is_gone_and_the_trail_still_verifies(trail: Trail) -> None:
    """R47: by subject, by author, by token, by a name or address anywhere in a personal part; nobody else's."""
    others = trail.add(1)
    with trail.database.write() as session:
        entries: list[tuple[tuple[str, str], Principal | str, dict[str, Any]]] = [
            (("person", "per_1"), "system:test", {"name": "Ada Ünal"}),
            (("grant", "gra_1"), PRINCIPAL, {"note": "x"}),
            (("grant", "gra_2"), "system:test", {"to": {"email": "ADA@acme.example"}}),
            (("grant", "gra_3"), "system:test", {"names": ["Ada Ünal", "Bo"]}),
            (("grant", "gra_4"), "system:test", {"name": "Ada Ünal-Smith"}),
        ]
        for subject, by, personal in entries:
            record(session, action="x.changed", subject=subject, by=by, detail={}, personal=personal, now=trail.now)
    trail.checkpoint()
    with trail.database.write() as session:
        names = ["Ada Ünal", "ada@acme.example"]
        assert erase_person(session, person_id="per_1", names=names, by="system:test", now=trail.now) == 4
    trail.checkpoint()
    with trail.database.read() as session:
        left = session.scalars(select(AuditPersonal.value)).all()
        assert [json.loads(one)["name"] for one in left] == ["Person 0", "Ada Ünal-Smith"]
        listed = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "audit.personal-erased")).one()
        assert len(json.loads(listed)["entries"]) == 4
        assert others[0] not in listed
    report = trail.verify()
    assert report.sound, report.problems
    assert report.erased == 4


def test_a_personal_part_that_is_gone_without_an_erasure_is_a_problem(trail: Trail) -> None:
    trail.add(1)
    trail.checkpoint()
    with trail.database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM audit_personal")
    assert [one.kind for one in trail.verify().problems] == ["personal"]


def test_entries_are_found_by_what_they_say(trail: Trail) -> None:
    start = trail.now
    trail.add(3)
    trail.add(2, action="target")
    with trail.database.write() as session:
        record(session, action="rule.enabled", subject=None, by=PRINCIPAL, detail={}, now=trail.now)
    with trail.database.read() as session:

        def found(wanted: EntryFilter) -> int:
            return len(session.scalars(list_entries(wanted)).all())

        assert found(EntryFilter()) == 6
        assert found(EntryFilter(action="target")) == 5
        assert found(EntryFilter(action="target.changed")) == 3
        assert found(EntryFilter(by="per_1")) == 1
        assert found(EntryFilter(by="per")) == 0
        assert found(EntryFilter(subject="tgt_1")) == 2
        assert found(EntryFilter(since=trail.now)) == 2
        assert found(EntryFilter(until=start)) == 0


def test_the_state_says_what_waits_and_what_was_found(trail: Trail) -> None:
    trail.add(2)
    with trail.database.read() as session:
        state = read_state(session)
        assert (state.waiting, state.checkpoint, state.verification) == (2, None, None)
    trail.checkpoint()
    report = trail.verify()
    with trail.database.write() as session:
        remember_verification(session, report, now=trail.now)
        state = read_state(session)
        assert state.waiting == 0
        assert state.checkpoint is not None
        assert state.checkpoint.position == 2
        assert state.verification is not None
        assert (state.verification.sound, state.verification.entries, state.verification.finding) == (True, 2, None)
