"""The folder with database, keys and queue: what is in it is for the user that Plumbline runs as, and nobody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hub.core.errors import SettingError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
FILES = ("plumbline.db*", "secret.keys*")


def keep_files_private() -> None:
    """Let this process, and those that it starts, make files for their own user only."""
    os.umask(OTHERS)


def make_home(home: Path) -> None:
    """Make the folder, and take what others may do from it and from what must not be read; raises SettingError."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"PLUMBLINE_HOME is {home}, which cannot be made: {error.strerror}.") from None
    if not _mode(home) & stat.S_ISVTX:  # a folder of everybody's, as /tmp is, stays one
        _close(home)
    for path in _files(home):
        if not _close(path):
            raise SettingError(f"Others can read {path}: run `chmod 600` on it as its owner.")


def find_open(home: Path) -> list[Path]:
    """Give the folder and the files in it that others than their owner can use."""
    return [path for path in (home, *_files(home)) if _mode(path) & OTHERS]


def _files(home: Path) -> list[Path]:
    return [path for pattern in FILES for path in sorted(home.glob(pattern)) if path.is_file()]


def _close(path: Path) -> bool:
    mode = _mode(path)
    if not mode & OTHERS:
        return True
    try:
        path.chmod(mode & ~OTHERS)
    except PermissionError:  # it belongs to somebody else, as the folder of a mounted volume may
        return False
    except FileNotFoundError:  # SQLite removes its journals when it likes
        return True
    return True


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0
