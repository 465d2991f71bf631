"""The audit trail under attack (R31): by whoever edits rows, recomputes the chain, or even holds the signing key.

Every attack is tried at three levels; what is verified is compared with the copies of the checkpoints outside. The
first bad row has to be named each time.
"""

from __future__ import annotations

import json
from copy import copy as shallow
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from hub.audit.models import AuditCheckpoint, AuditEntry, AuditLink
from hub.audit.service import SigningKey
from hub.audit.verify_trail import Row, Signed, canonical
from tests.hub.audit.trails import Attack, Copy, Trail, disarm

if TYPE_CHECKING:
    from hub.core.database import Database

ENTRIES, CHECKPOINT_EVERY = 60, 20
"""Three checkpoints, at places 20, 40 and 60."""
BAD = 27
"""Where the attacks begin, between two checkpoints."""


@pytest.fixture(scope="module")
def original(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return make_original(sqlite_template, tmp_path_factory.mktemp("trail"), ENTRIES, CHECKPOINT_EVERY)


def make_original(template: Path, folder: Path, entries: int, every: int) -> Copy:
    from hub.core.database import Database

    path = folder / "plumbline.db"
    path.write_bytes(template.read_bytes())
    trail = Trail.begin(Database(f"sqlite:///{path}"), folder)
    for _ in range(entries // every):
        trail.add(10, step=timedelta(minutes=1))
        trail.fill(every - 10, step=timedelta(minutes=1))
        trail.checkpoint()
    made = trail.copy()
    trail.database.dispose()
    return made


@pytest.fixture
def held(original: Copy) -> Copy:
    """Give a copy to attack."""
    return Copy(list(original.rows), list(original.inside), list(original.outside), original.key)


def edit_detail(held: Copy) -> None:
    held.edit(BAD, detail='{"value":0}')


def edit_author(held: Copy) -> None:
    held.edit(BAD, done_by="per_somebody_else")


def edit_time(held: Copy) -> None:
    held.edit(BAD, at=held.rows[BAD - 2].at)


def delete(held: Copy) -> None:
    del held.rows[BAD - 1]


def delete_and_close_the_gap(held: Copy) -> None:
    del held.rows[BAD - 1]
    held.renumber()


def insert(held: Copy) -> None:
    forged = held.rows[BAD - 1]._replace(
        id="aud_forged", action="target.approved", commitment=None, salt=None, value=None
    )
    held.rows.insert(BAD - 1, forged)
    held.renumber()


def reorder(held: Copy) -> None:
    held.rows[BAD - 1 : BAD + 4] = held.rows[BAD - 1 : BAD + 4][::-1]
    held.renumber()


def swap_contents(held: Copy) -> None:
    one, other = held.rows[BAD - 1], held.rows[BAD + 9]
    held.edit(BAD, detail=other.detail)
    held.edit(BAD + 10, detail=one.detail)


def duplicate(held: Copy) -> None:
    held.rows.insert(BAD - 1, held.rows[5])
    held.renumber()


def truncate_tail(held: Copy) -> None:
    del held.rows[BAD - 1 :]


def rewrite_all(held: Copy) -> None:
    for row in list(held.rows):
        held.edit(row.position or 0, done_by="per_nobody")


def clock_back(held: Copy) -> None:
    for row in held.rows[BAD - 1 :]:
        held.edit(row.position or 0, at=row.at.replace("2026", "2025", 1))


def empty_an_entry(held: Copy) -> None:
    held.edit(BAD, detail="{}", subject_id=None, subject_kind=None)


def hide_from_the_chain(held: Copy) -> None:
    hidden = held.rows.pop(BAD - 1)
    held.renumber()
    held.rows.append(hidden._replace(position=None, digest=None))


EVERYWHERE: dict[str, tuple[Attack, int]] = {
    "edit": (edit_detail, BAD),
    "edit the author": (edit_author, BAD),
    "edit the time": (edit_time, BAD),
    "delete": (delete, BAD),
    "delete and close the gap": (delete_and_close_the_gap, BAD),
    "insert": (insert, BAD),
    "reorder": (reorder, BAD),
    "swap": (swap_contents, BAD),
    "duplicate": (duplicate, BAD),
    "truncate the tail": (truncate_tail, BAD),
    "rewrite all": (rewrite_all, 1),
    "clock back": (clock_back, BAD),
    "empty an entry": (empty_an_entry, BAD),
}


@pytest.mark.parametrize("level", ["naive", "recomputed", "signed anew"])
@pytest.mark.parametrize("name", EVERYWHERE)
def test_every_attack_is_found_and_the_first_bad_row_named(held: Copy, name: str, level: str) -> None:
    attack, first = EVERYWHERE[name]
    attack(held)
    if level != "naive":
        held.recompute()
    if level == "signed anew":
        held.sign_anew()
    report = held.verify()
    assert not report.sound
    assert report.first is not None
    assert report.first.position == first


@pytest.mark.parametrize("name", EVERYWHERE)
def test_without_the_key_an_attack_is_found_also_without_the_place_outside(held: Copy, name: str) -> None:
    attack, first = EVERYWHERE[name]
    attack(held)
    held.recompute()
    report = held.verify(outside=False)
    assert report.first is not None
    assert report.first.position == first


def test_with_the_key_and_no_place_outside_a_rewriting_goes_unseen_and_the_report_says_so(held: Copy) -> None:
    edit_detail(held)
    held.recompute()
    held.sign_anew()
    report = held.verify(outside=False)
    assert report.sound
    assert "no checkpoints from outside" in report.notes[0]


def test_the_untouched_trail_is_sound(held: Copy) -> None:
    report = held.verify()
    assert report.sound, report.problems
    assert (report.entries, report.waiting, report.checkpoints, report.outside) == (ENTRIES, 0, 3, 3)


def test_an_old_database_put_back_is_found_by_what_is_outside(held: Copy) -> None:
    del held.rows[40:]
    del held.inside[2:]
    report = held.verify()
    assert [one.kind for one in report.problems] == ["older", "truncated"]
    assert report.first is not None
    assert report.first.position == 41


def test_a_trail_that_was_started_anew_is_found(held: Copy) -> None:
    held.rows.clear()
    held.inside.clear()
    report = held.verify()
    assert report.first is not None
    assert report.first.position == 1


def test_an_entry_taken_out_of_the_chain_is_found_where_it_was_and_where_it_went(held: Copy) -> None:
    hidden = held.rows.pop(BAD - 1)
    held.recompute()
    held.sign_anew()
    held.rows.append(hidden._replace(position=None, digest=None))
    report = held.verify()
    assert report.first is not None
    assert report.first.position == BAD
    assert any(one.kind == "inserted" and hidden.id in one.text for one in report.problems if hidden.id)


def test_an_entry_put_beside_the_chain_with_an_old_date_is_found(held: Copy) -> None:
    held.rows.append(waiting(held.rows[3], at=held.rows[3].at))
    report = held.verify()
    assert [one.kind for one in report.problems] == ["inserted"]


def test_an_entry_that_waits_its_turn_is_no_problem(held: Copy) -> None:
    held.rows.append(waiting(held.rows[3], at=held.rows[-1].at))
    report = held.verify()
    assert report.sound
    assert report.waiting == 1


def waiting(row: Row, *, at: str) -> Row:
    return row._replace(position=None, digest=None, id="aud_new", at=at)


def test_an_entry_recorded_again_after_the_last_checkpoint_is_found(held: Copy) -> None:
    held.rows.append(held.rows[5]._replace(at=held.rows[-1].at))
    held.recompute()
    report = held.verify()
    assert [(one.kind, one.position) for one in report.problems] == [("duplicate", ENTRIES + 1)]


def test_entries_of_a_clock_that_was_set_back_are_found(held: Copy) -> None:
    late = held.rows[0]._replace(id="aud_late", at=held.rows[0].at.replace("T09", "T08"))
    held.rows.append(late)
    held.recompute()
    report = held.verify()
    assert [(one.kind, one.position) for one in report.problems] == [("clock", ENTRIES + 1)]


def test_entries_dated_after_the_checkpoint_that_covers_them_are_found(
    tmp_path: Path, sqlite_database: Database
) -> None:
    trail = Trail.begin(sqlite_database, tmp_path)
    trail.add(1)
    trail.add(1, step=timedelta(hours=2))
    trail.now -= timedelta(hours=2)
    trail.checkpoint()
    report = trail.verify()
    assert [(one.kind, one.position) for one in report.problems] == [("clock", 2)]
    assert "later than the checkpoint" in report.problems[0].text


def test_a_place_that_is_there_twice_is_found(held: Copy) -> None:
    held.rows.append(held.rows[-1]._replace(id="aud_forged"))
    assert [(one.kind, one.position) for one in held.verify().problems] == [("duplicate", ENTRIES)]


def test_an_entry_that_waits_although_it_is_sealed_is_found(held: Copy) -> None:
    held.rows.append(held.rows[-1]._replace(position=None, digest=None))
    assert [one.kind for one in held.verify().problems] == ["duplicate"]


def test_a_personal_part_that_was_edited_swapped_or_removed_is_found(held: Copy) -> None:
    held.edit(1, value='{"name":"Somebody else"}')
    held.edit(4, value=held.rows[6].value, salt=held.rows[6].salt)
    held.edit(10, value=None, salt=None)
    report = held.verify()
    assert [(one.kind, one.position) for one in report.problems] == [("personal", 1), ("personal", 4), ("personal", 10)]


def test_checkpoints_beside_the_trail_cannot_be_removed_or_forged(held: Copy) -> None:
    kept = list(held.inside)
    held.inside = kept[:2]
    assert [one.kind for one in held.verify().problems] == ["older"]
    held.inside = kept[1:]
    assert ["begin with 2" in one.text for one in held.verify().problems] == [True]
    forged = Signed(kept[1].body.replace("T09", "T10"), kept[1].signature)
    held.inside = [*kept, forged]
    assert ["is there twice, differently" in one.text for one in held.verify().problems] == [True]
    held.inside = [kept[0], kept[2]]
    assert "checkpoint" in {one.kind for one in held.verify().problems}
    other = SigningKey(b"x" * 32)
    said = json.loads(kept[2].body)
    for key_name in (said["key"], other.id):
        body = canonical({**said, "key": key_name, "at": "2027-01-01T00:00:00.000000+00:00"})
        held.inside = [*kept[:2], Signed(body, other.sign(body))]
        problems = held.verify(outside=False).problems
        assert any("does not bear the key's signature" in one.text for one in problems)


def test_a_checkpoint_signed_anew_over_the_same_chain_differs_from_its_copy(held: Copy) -> None:
    said = json.loads(held.inside[2].body)
    body = canonical({**said, "at": said["at"].replace(".000000", ".000001")})
    held.inside[2] = Signed(body, held.key.sign(body))
    assert held.verify(outside=False).sound
    assert ["differs from its copy outside" in one.text for one in held.verify().problems] == [True]


def test_a_checkpoint_is_held_to_its_whole_digest_not_only_to_its_marks(held: Copy) -> None:
    said = json.loads(held.inside[2].body)
    body = canonical({**said, "digest": said["digest"][:8] + "0" * 56})
    held.inside[2] = Signed(body, held.key.sign(body))
    report = held.verify(outside=False)
    assert [(one.kind, one.position) for one in report.problems] == [("rewritten", ENTRIES)]


def test_a_signature_over_the_newest_checkpoint_vouches_for_the_older_ones(held: Copy) -> None:
    """So a verification computes one signature, not one for every hour of five years."""
    held.inside[0] = Signed(held.inside[0].body, "00")
    assert held.verify().sound
    said = json.loads(held.inside[0].body)
    held.inside[0] = Signed(canonical({**said, "position": 19}), held.inside[0].signature)
    assert any("not what the next one follows" in one.text for one in held.verify(outside=False).problems)


@pytest.mark.full
@pytest.mark.parametrize("name", EVERYWHERE)
def test_every_attack_is_found_in_a_hundred_thousand_entries(large: Copy, name: str) -> None:
    held = shallow(large)
    held.rows, held.inside = list(large.rows), list(large.inside)
    attack, first = EVERYWHERE[name]
    attack(held)
    held.recompute()
    held.sign_anew()
    report = held.verify()
    assert report.first is not None
    assert report.first.position == first


@pytest.fixture(scope="module")
def large(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return make_original(sqlite_template, tmp_path_factory.mktemp("large"), 100_000, 25_000)


@pytest.fixture
def trail(database: Database, tmp_path: Path) -> Trail:
    """Give a trail of three checkpoints, on each database."""
    made = Trail.begin(database, tmp_path)
    for _ in range(3):
        made.add(5)
        made.checkpoint()
    return made


IN_THE_DATABASE = {
    "edit": (["UPDATE audit_entry SET detail = '{}' WHERE id = 7"], 7),
    "delete": (
        [
            "DELETE FROM audit_personal WHERE entry_id = 7",
            "DELETE FROM audit_link WHERE entry_id = 7",
            "DELETE FROM audit_entry WHERE id = 7",
        ],
        7,
    ),
    "swap": (
        [
            "UPDATE audit_link SET entry_id = -7 WHERE entry_id = 7",
            "UPDATE audit_link SET entry_id = 7 WHERE entry_id = 9",
            "UPDATE audit_link SET entry_id = 9 WHERE entry_id = -7",
        ],
        7,
    ),
    "truncate the tail": (
        [
            "DELETE FROM audit_checkpoint WHERE number > 1",
            "DELETE FROM audit_link WHERE position > 6",
            "DELETE FROM audit_personal WHERE entry_id > 6",
            "DELETE FROM audit_entry WHERE id > 6",
        ],
        7,
    ),
    "hide from the sealer": (["DELETE FROM audit_link WHERE position > 6"], 7),
    "forge a name": (['UPDATE audit_personal SET value = \'{"name":"Eve"}\' WHERE entry_id = 6'], 6),
}


@pytest.mark.parametrize("name", IN_THE_DATABASE)
def test_whoever_owns_the_database_is_found(trail: Trail, name: str) -> None:
    statements, first = IN_THE_DATABASE[name]
    foreign_keys_off = (
        "SET session_replication_role = replica" if not trail.database.is_sqlite else "PRAGMA defer_foreign_keys = ON"
    )
    trail.tamper(foreign_keys_off, *statements)
    report = trail.verify()
    assert report.first is not None
    assert report.first.position == first


def test_a_trail_in_the_database_is_sound_while_nobody_touches_it(trail: Trail) -> None:
    report = trail.verify()
    assert report.sound, report.problems
    assert report.entries == 15


def test_a_rewriting_with_the_real_keys_is_found_by_the_copy_outside(trail: Trail) -> None:
    held = trail.copy()
    held.edit(3, detail='{"value":1000}')
    held.recompute()
    held.sign_anew()
    with trail.database.engine.begin() as connection:
        disarm(connection)
        connection.execute(update(AuditEntry).where(AuditEntry.id == 3).values(detail='{"value":1000}'))
        for row in held.rows:
            connection.execute(update(AuditLink).where(AuditLink.position == row.position).values(digest=row.digest))
        for number, one in enumerate(held.inside, start=1):
            connection.execute(update(AuditCheckpoint).where(AuditCheckpoint.number == number).values(one._asdict()))
    assert trail.verify(outside=False).sound
    report = trail.verify()
    assert report.first is not None
    assert (report.first.kind, report.first.position) == ("rewritten", 3)


def test_long_transactions_do_not_look_like_a_clock_that_went_back(trail: Trail) -> None:
    trail.now -= timedelta(minutes=9)
    trail.add(1)
    trail.now += timedelta(minutes=9)
    trail.checkpoint()
    assert trail.verify().sound
