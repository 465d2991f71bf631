"""The verifier of one file: its Ed25519 against the RFC and against another implementation, and run on its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.audit import verify_trail
from hub.audit.service import export_trail
from hub.audit.verify_trail import Row, instant_text, link, micros_text, read_key, signature_holds
from hub.core.database import Database
from hub.core.instants import to_micros
from tests.hub.audit.trails import Trail

RFC_8032 = [  # section 7.1, tests 1 to 3: public key, message, both halves of the signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
_L = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("vector", RFC_8032)
def test_the_vectors_of_the_rfc_hold(vector: tuple[str, str, str, str]) -> None:
    key, message, *halves = (bytes.fromhex(text) for text in vector)
    assert signature_holds(key, message, b"".join(halves))
    assert not signature_holds(key, message + b"!", b"".join(halves))


@settings(max_examples=40)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300), st.integers(0, 511), st.booleans())
def test_it_agrees_with_another_implementation(secret: bytes, message: bytes, bit: int, intact: bool) -> None:  # noqa: FBT001  # drawn
    key = Ed25519PrivateKey.from_private_bytes(secret)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    if not intact:
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        signature = bytes(changed)
    assert signature_holds(public, message, signature) is intact
    assert not signature_holds(public, message + b"x", key.sign(message))


def test_malleable_and_malformed_signatures_are_refused() -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"text")
    factor = int.from_bytes(signature[32:], "little")
    assert not signature_holds(public, b"text", signature[:32] + (factor + _L).to_bytes(32, "little"))
    assert not signature_holds(public, b"text", signature[:-1])
    assert not signature_holds(public[:-1], b"text", signature)
    assert not signature_holds(b"\xff" * 32, b"text", signature)
    assert not signature_holds((2).to_bytes(32, "little"), b"text", signature)


def test_a_public_key_is_read_from_digits_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("ab" * 32 + "\n")
    assert read_key("ab" * 32) == read_key(str(tmp_path / "key.txt")) == b"\xab" * 32
    with pytest.raises(ValueError, match="64 hex digits"):
        read_key("abcd")


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # bounds are naive by contract
def test_an_instant_is_written_the_same_from_either_database(at: datetime) -> None:
    assert micros_text(to_micros(at)) == instant_text(at) == at.isoformat(timespec="microseconds")


@given(st.lists(st.none() | st.text(), min_size=8, max_size=8))
def test_what_is_hashed_of_an_entry_is_plain_json(fields: list[str | None]) -> None:
    """So that anybody can write another verifier from one sentence."""
    row = Row._make((1, None, *fields, None, None))
    entry = hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
    assert link("previous", 1, row) == hashlib.sha256(f"previous:1:{entry}".encode()).hexdigest()


@pytest.fixture
def trail(sqlite_database: Database, tmp_path: Path) -> Trail:
    return begin(sqlite_database, tmp_path)


def begin(database: Database, folder: Path) -> Trail:
    made = Trail.begin(database, folder)
    made.add(20, step=timedelta(minutes=1))
    made.checkpoint()
    made.add(3)
    return made


@pytest.fixture
def exported(trail: Trail, tmp_path: Path) -> Path:
    return export(trail, tmp_path / "export")


def export(trail: Trail, folder: Path) -> Path:
    with trail.database.read() as session:
        export_trail(session, folder, trail.key(), now=trail.now)
    return folder


def run(script: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run the verifier without any package, as an auditor does."""
    command = [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=script.parent)
    return done.returncode, done.stdout + done.stderr


def test_an_export_verifies_offline_with_the_script_it_carries(database: Database, tmp_path: Path) -> None:
    trail = begin(database, tmp_path)
    exported = export(trail, tmp_path / "export")
    key = trail.key().public.hex()
    code, said = run(exported / "verify_trail.py", exported, "--public-key", key, "--checkpoints", trail.outside.path)
    assert (code, said.splitlines()[-1]) == (0, "The trail is sound.")
    assert "20 entries sealed, 3 waiting" in said


CHANGES = {
    "entries.jsonl": ('\\"value\\":7', '\\"value\\":8', "entry aud_"),
    "manifest.json": ('"target.changed":23', '"target.changed":24', "manifest.json does not bear"),
    "checkpoints.jsonl": ("T09:20", "T09:10", "does not bear the key's signature"),
    "verify_trail.py": ("SHOWN = 5", "SHOWN = 6", "verify_trail.py is not the file that was exported"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_export_is_found(trail: Trail, exported: Path, name: str) -> None:
    old, new, expected = CHANGES[name]
    path = exported / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    code, said = run(Path(verify_trail.__file__), exported, "--public-key", trail.key().public.hex())
    assert code == 1
    assert expected in said


def test_entries_left_out_at_the_end_of_an_export_are_found(trail: Trail, exported: Path) -> None:
    path = exported / "entries.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    code, said = run(Path(verify_trail.__file__), exported, "--public-key", trail.key().public.hex(), "--json")
    assert code == 1
    assert [one["kind"] for one in json.loads(said)["problems"]] == ["manifest", "manifest"]


def test_the_manifest_counts_every_class_of_rows(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["actions"] == {"target.changed": 23}
    assert manifest["tables"]["audit_entry"] == 23
    assert manifest["tables"]["audit_link"] == 20
    assert "observation" in manifest["tables"]


def test_a_sqlite_database_is_verified_in_place(sqlite_database: Database, tmp_path: Path) -> None:
    made = Trail.begin(sqlite_database, tmp_path)
    made.add(5)
    made.checkpoint()
    arguments = (str(sqlite_database.url.database), "--public-key", made.key().public.hex())
    assert run(Path(verify_trail.__file__), *arguments)[0] == 0
    made.tamper("UPDATE audit_entry SET action = 'nothing.happened' WHERE id = 2")
    code, said = run(Path(verify_trail.__file__), *arguments)
    assert code == 1
    assert "First bad row: entry aud_" in said
    assert "at place 2 is not what was sealed there" in said


@pytest.mark.parametrize("name", ["missing", "empty.db"])
def test_what_is_no_trail_is_said_to_be_unreadable(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.db").touch()
    code, said = run(Path(verify_trail.__file__), tmp_path / name, "--public-key", "ab" * 32)
    assert code == 2
    assert said.startswith("this trail cannot be read: ")


def test_a_trail_whose_checkpoints_are_all_gone_is_not_sound(sqlite_database: Database, tmp_path: Path) -> None:
    trail = begin(sqlite_database, tmp_path)
    trail.tamper("DELETE FROM audit_checkpoint")
    report = trail.verify(outside=False)
    assert not report.sound
    assert [problem.kind for problem in report.problems] == ["checkpoint"]
    assert "nothing vouches" in report.problems[0].text
