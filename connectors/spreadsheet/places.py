"""Files where they lie: which there are, and whether one has changed, without opening it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from connectors.sdk.errors import ConfigError, TransientError
from connectors.sdk.network import FILE_ROOTS

SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".ods"})
OPENED = SUFFIXES | {".txt", ".xls", ".xlsb", ".htm", ".html"}
"""Opened where the path names the file itself: exports carry these names too, and the reader says what they are."""
SETTLING = 5.0
"""Seconds to leave a file alone that is being written."""


def files(path: Path, roots: Sequence[Path]) -> list[Path]:
    """List the files to read; raises ConfigError where there is none, as nothing to read looks like all deleted."""
    whole = path.resolve()
    if roots and not any(whole.is_relative_to(root.resolve()) for root in roots):
        raise ConfigError(f"{path} is outside the folders named in {FILE_ROOTS}.", field="path")
    with accessible(path):
        if whole.is_file():
            if whole.suffix.lower() not in OPENED:  # a path may be a slip, and a key file is no table
                kinds = ", ".join(sorted(SUFFIXES))
                raise ConfigError(f"{path} is no spreadsheet by its name ({kinds}): rename or export it.", field="path")
            return [whole]
        if not whole.is_dir():
            raise ConfigError(f"There is no {whole} on the machine that Plumbline runs on.", field="path")
        found = [file for file in sorted(whole.iterdir()) if _is_table(file, whole)]
    if not found:
        kinds = ", ".join(sorted(SUFFIXES))
        raise ConfigError(f"The folder {path} holds no spreadsheet ({kinds}): is the share mounted?", field="path")
    return found


def signature(path: Path) -> list[int]:
    """Tell two states of a file apart without reading it."""
    with accessible(path):
        state = path.stat()
    return [state.st_size, state.st_mtime_ns, state.st_ino]


@contextmanager
def accessible(path: Path) -> Iterator[None]:
    """Turn the system's refusals into decisions."""
    try:
        yield
    except PermissionError:
        raise ConfigError(f"The user that Plumbline runs as may not read {path}.", field="path") from None
    except OSError as error:  # a share that went away comes back
        raise TransientError(f"{path.name} cannot be read now: {error.strerror}.", retry_after=SETTLING) from None


def _is_table(file: Path, folder: Path) -> bool:
    hidden = file.name.startswith((".", "~"))
    return file.suffix.lower() in SUFFIXES and not hidden and file.is_file() and file.resolve().is_relative_to(folder)
