"""Our side of the process that reads a file: asked, watched, ended; what kills it is told of the file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from connectors.sdk.child import Watch, end
from connectors.sdk.errors import ConfigError, TransientError
from connectors.sdk.network import MEBIBYTE
from connectors.spreadsheet.places import accessible

MODULE = "connectors.spreadsheet.parsing.running"
ROOT = str(Path(__file__).resolve().parents[2])
MEMORY_BYTES = 512 * MEBIBYTE
"""R32."""
CPU_SECONDS = 25
SILENCE_SECONDS = 28.0
"""Between two lines of an answer; no file may hang us for 30 s."""
TEXT_BYTES_A_SECOND = 2 * MEBIBYTE
"""Text costs time in proportion to its length and holds no bombs: a long one gets more."""


class Cells(NamedTuple):
    """One row as it crossed; `broken` says why its cells cannot be told apart."""

    number: int
    cells: list[Any]
    hidden: bool = False
    broken: str | None = None


@dataclass(frozen=True)
class Survey:
    """What is known of a sheet before its rows are read on."""

    place: int
    name: str
    hidden: bool
    head: Sequence[Cells]
    rows: int
    hidden_rows: int
    hidden_columns: frozenset[int]
    columns: Sequence[dict[str, Any]]
    """What the cells of each column show: see `parsing.evidence`."""
    whole: bool
    """Whether all rows were looked at."""


@dataclass(frozen=True)
class Opened:
    """A file that is being read."""

    format: str
    notes: Sequence[str]
    sheets: Sequence[Survey]
    rows: Iterator[tuple[int, Cells]] = field(repr=False, default=iter(()))
    """Place of the sheet, and row; nothing where only the survey was asked for."""


@dataclass(frozen=True)
class Wish:
    """What is asked about a file."""

    delimiter: str = "auto"
    encoding: str = "auto"
    rows: bool = True
    """Whether all rows are wanted, or only what the file holds."""
    whole: bool = True
    """Whether all of a text file is looked at, or only its beginning."""


class UnusableFileError(ConfigError):
    """A file cannot be read at all: says why and what to do about it."""


@contextmanager
def opened(path: Path, name: str, wish: Wish) -> Iterator[Opened]:
    """Read a file in a process of its own; raises ConfigError where it cannot be read."""
    with accessible(path):
        path.open("rb").close()  # what cannot be opened is told here, where the reason is known
        seconds = CPU_SECONDS + int(path.stat().st_size / TEXT_BYTES_A_SECOND)
    question = {
        "path": str(path),
        "name": name,
        "parent": os.getpid(),
        "memory_bytes": MEMORY_BYTES,
        "cpu_seconds": seconds,
        "sheets": None,
        **vars(wish),
    }
    watch = Watch(_spawn)
    try:
        requests, answers = cast("IO[bytes]", watch.process.stdin), cast("IO[bytes]", watch.process.stdout)
        with suppress(BrokenPipeError):  # it has died: the answer will say so
            requests.write(json.dumps(question).encode() + b"\n")
            requests.close()
        yield told(_lines(answers, watch, name, seconds))
    finally:
        end(watch.process)
        watch.process.wait()
        watch.stop()
        if watch.process.stdout is not None:
            watch.process.stdout.close()


def told(lines: Iterator[dict[str, Any]]) -> Opened:
    """Understand an answer."""
    said = next(lines)
    sheets = [_survey(place, sheet) for place, sheet in enumerate(said["sheets"])]
    return Opened(said["format"], said["notes"], sheets, _rows(lines))


def refused(name: str, reason: str, remedy: str) -> UnusableFileError:
    """Say that a file is not read at all, why, and what to do about it."""
    return UnusableFileError(f"{name} cannot be read: {reason}. {remedy}", field="path")


def _lines(answers: IO[bytes], watch: Watch, name: str, seconds: float) -> Iterator[dict[str, Any]]:
    while True:
        watch.within(max(SILENCE_SECONDS, seconds))
        line = answers.readline()
        watch.off()
        if not line.endswith(b"\n"):
            raise _lost(watch, name)
        said = json.loads(line)
        if "refused" in said:
            raise refused(name, *said["refused"])
        if "end" in said:
            return
        yield said


def _rows(lines: Iterator[dict[str, Any]]) -> Iterator[tuple[int, Cells]]:
    for said in lines:
        place = said["sheet"]
        for row in said["rows"]:
            yield place, Cells(*row)


def _survey(place: int, said: dict[str, Any]) -> Survey:
    return Survey(
        place,
        said["name"],
        said["hidden"],
        [Cells(*row) for row in said["head"]],
        said["rows"],
        said["hidden_rows"],
        frozenset(said["hidden_columns"]),
        said["columns"],
        said["whole"],
    )


def _lost(watch: Watch, name: str) -> Exception:
    """Say what a process died of: its limits are the file's doing, anything else may pass."""
    code = watch.process.wait()
    died_of = signal.Signals(-code).name if code < 0 else ""
    remedy = "Keep only the table in it, or save the table as CSV."
    if watch.expired or died_of == "SIGXCPU":
        return UnusableFileError(f"{name} cannot be read: it takes too long. {remedy}", field="path")
    if died_of == "SIGABRT":
        return UnusableFileError(f"{name} cannot be read: it needs too much memory. {remedy}", field="path")
    return TransientError(f"Reading {name} was interrupted ({died_of or f'exit code {code}'}).")


def _spawn() -> subprocess.Popen[bytes]:
    passed = {key: os.environ[key] for key in ("PATH", "LANG", "SYSTEMROOT") if key in os.environ}
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        (sys.executable, "-P", "-m", MODULE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=passed | {"PYTHONPATH": ROOT},
        cwd=os.path.abspath(os.sep),  # noqa: PTH100 - the root of the file system: nothing relative is found
        start_new_session=True,  # a group of its own, which `end` ends
    )
