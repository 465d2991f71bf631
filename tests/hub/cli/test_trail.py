"""`plumbline trail` and `plumbline secrets` on a deployment of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click import Group
from click.testing import CliRunner, Result
from sqlalchemy import select

from hub.audit.models import AuditEntry
from hub.audit.service import SigningKey, record
from hub.cli.secrets import secrets
from hub.cli.trail import trail
from hub.core.database import Database
from hub.core.keyring import FILE_NAME
from hub.core.sealing import Sealer
from hub.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("hub.cli.loading.configure_logs", lambda **_options: None)  # CliRunner's stderr does not last
    environment = {
        "PLUMBLINE_HOME": str(tmp_path / "home"),
        "PLUMBLINE_DATABASE_URL": str(sqlite_database.url),
        "PLUMBLINE_AUDIT_CHECKPOINT_PATH": str(tmp_path / "outside"),
    }

    def invoke(group: Group, *arguments: str | Path, **more: str) -> Result:
        return CliRunner().invoke(group, [str(one) for one in arguments], env={**environment, **more})

    return invoke


def enter(database: Database) -> None:
    with database.write() as session:
        record(session, action="target.changed", subject=None, by="system:test", detail={})


def test_the_trail_is_signed_verified_and_its_key_shown(run: Run, sqlite_database: Database, tmp_path: Path) -> None:
    enter(sqlite_database)
    assert "`plumbline trail checkpoint` makes it" in run(trail, "verify").output
    signed = run(trail, "checkpoint")
    assert signed.output == f"Signed; sent to {tmp_path / 'outside'}.\n"
    assert run(trail, "verify").output.endswith("The trail is sound.\n")
    key = (tmp_path / "outside" / "public-key.txt").read_text()
    assert run(trail, "key").output == key
    report = run(
        trail, "verify", "--json", "--public-key", key, "--checkpoints", tmp_path / "outside/checkpoints.jsonl"
    )
    assert json.loads(report.output)["sound"] is True
    assert run(trail, "verify", "--public-key", "xyz").exit_code == 2


def test_a_trail_that_is_not_sound_ends_with_exit_code_1(run: Run, sqlite_database: Database) -> None:
    enter(sqlite_database)
    run(trail, "checkpoint")
    with sqlite_database.write() as session:
        session.connection().exec_driver_sql("DROP TRIGGER audit_entry_no_update")
        session.connection().exec_driver_sql("UPDATE audit_entry SET action = 'other.thing'")
    result = run(trail, "verify")
    assert result.exit_code == 1
    assert "First bad row: entry aud_" in result.output


def test_the_export_needs_a_new_folder_and_says_how_to_verify(
    run: Run, sqlite_database: Database, tmp_path: Path
) -> None:
    enter(sqlite_database)
    assert "1 entries in" in run(trail, "export", tmp_path / "export").output
    assert (tmp_path / "export" / "verify_trail.py").exists()
    again = run(trail, "export", tmp_path / "export")
    assert again.exit_code == 2
    assert "is not empty" in again.output


def test_after_a_restore_the_trail_goes_on_with_a_reason(run: Run, sqlite_database: Database, tmp_path: Path) -> None:
    enter(sqlite_database)
    run(trail, "checkpoint")
    sent = tmp_path / "outside" / "checkpoints.jsonl"
    with sqlite_database.read() as session:
        key = SigningKey.find(session, Sealer.from_settings(Settings(home=tmp_path / "home")))
    assert key is not None
    first = json.loads(sent.read_text())
    lost = first["body"].replace('"number":1', '"number":2')
    sent.write_text(sent.read_text() + json.dumps({"body": lost, "signature": key.sign(lost)}) + "\n")
    assert type(run(trail, "checkpoint").exception).__name__ == "TrailOlderError"
    assert run(trail, "checkpoint", "--restored", "disk died").exit_code == 0
    result = run(trail, "verify")
    assert result.exit_code == 1
    assert "disk died (accept it with --accept-restore 3)" in result.output


def test_secrets_rotate_to_a_new_key_of_the_file(run: Run, sqlite_database: Database, tmp_path: Path) -> None:
    run(trail, "checkpoint")  # makes the signing key, which is sealed
    before = (tmp_path / "home" / FILE_NAME).read_text().splitlines()
    assert f"deployment_key.secret: 1 sealed by {before[0].partition(':')[0]}" in run(secrets, "status").output
    rotated = run(secrets, "rotate")
    after = (tmp_path / "home" / FILE_NAME).read_text().splitlines()
    assert after[1:] == before
    new = after[0].partition(":")[0]
    assert f"1 secrets are now sealed by key {new}" in rotated.output
    assert f"deployment_key.secret: 1 sealed by {new}" in run(secrets, "status").output
    with sqlite_database.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "secrets.rotated")).one()
        assert json.loads(entry.detail) == {"key": new, "count": 1, "failures": 0}


def test_with_keys_from_the_environment_the_command_says_how_to_add_one(run: Run) -> None:
    keys = "mine:" + "A" * 43 + "="
    run(trail, "checkpoint", PLUMBLINE_SECRET_KEYS=keys)
    rotated = run(secrets, "rotate", PLUMBLINE_SECRET_KEYS=keys)
    assert "0 secrets are now sealed by key mine of PLUMBLINE_SECRET_KEYS" in rotated.output
    assert "add a new key behind the others" in rotated.output


def test_a_secret_that_cannot_be_opened_is_named_and_the_exit_code_is_1(run: Run, tmp_path: Path) -> None:
    run(trail, "checkpoint")
    (tmp_path / "home" / FILE_NAME).unlink()
    rotated = run(secrets, "rotate")
    assert rotated.exit_code == 1
    assert "deployment_key.secret:audit was sealed with key" in rotated.stderr
    assert f"which {tmp_path / 'home' / FILE_NAME} does not hold" in rotated.stderr
