"""What is in the home is for the user that Plumbline runs as."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hub.core.errors import SettingError
from hub.core.home import find_open, make_home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_and_a_database_that_others_could_read_are_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    for name in ("plumbline.db", "plumbline.db-wal", "secret.keys", "notes.csv"):
        (home / name).touch(mode=0o644)
        (home / name).chmod(0o644)
    assert len(find_open(home)) == 4
    make_home(home)
    assert [mode(home), mode(home / "plumbline.db"), mode(home / "plumbline.db-wal")] == [0o700, 0o600, 0o600]
    assert find_open(home) == []
    assert mode(home / "notes.csv") == 0o644


def test_a_folder_of_everybody_s_stays_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    make_home(tmp_path)
    assert mode(tmp_path) == 0o1777


def test_a_database_that_cannot_be_closed_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plumbline.db").touch()
    (tmp_path / "plumbline.db").chmod(0o644)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(SettingError, match="chmod 600"):
        make_home(tmp_path)


def test_a_command_makes_files_for_its_user_only(tmp_path: Path) -> None:
    environ = {**os.environ, "PLUMBLINE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "hub.cli", "db", "upgrade"]
    subprocess.run(command, env=environ, check=True, capture_output=True, umask=0)
    assert mode(tmp_path / "home") == 0o700
    assert {mode(path) for path in (tmp_path / "home").iterdir() if path.is_file()} == {0o600}
