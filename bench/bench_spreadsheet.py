"""How fast a CSV of a million rows is read, with everything that reading it takes: three processes, pipes, validation.

    python bench/bench_spreadsheet.py [--rows 1000000] [--keep FILE]

Targets (R32): 60 s and 400 MiB, all processes together. Beside it, what the csv module alone needs for the same file.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from connectors import registry
from connectors.sdk.process import ConnectorProcess
from connectors.sdk.protocol import Checkpoint, Cursor

MEBIBYTE = 1024 * 1024
LONG_AGO = 1_700_000_000
DAYS = 365
EVERY_SECONDS = 0.2


def write_file(path: Path, rows: int) -> None:
    """Write daily values of a few thousand metrics, as a system would export them."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("metric,period_start,value,recorded_at\n")
        for row in range(rows):
            day = row % DAYS
            start = f"2025-{day // 31 + 1:02d}-{day % 28 + 1:02d}"
            file.write(f"metric {row // DAYS},{start},{chance.random() * 1000:.2f},2026-02-03T08:00:00Z\n")
    os.utime(path, (LONG_AGO, LONG_AGO))


class Memory:
    """Watches how much this process and all it started use together."""

    def __init__(self) -> None:
        self.peak = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(EVERY_SECONDS):
            self.peak = max(self.peak, sum(_resident(pid) for pid in _family(os.getpid())))


def _family(pid: int) -> list[int]:
    """List a process and all that came from it."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    except OSError:
        pass  # it has ended meanwhile
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _processor_seconds() -> float:
    """Give what all processes have used, also those that have ended: the wall clock shows other work on the machine."""
    ticks = 0
    for pid in _family(os.getpid()):
        try:
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue  # it has ended meanwhile
    return ticks / os.sysconf("SC_CLK_TCK")


def read(connector: ConnectorProcess, cursor: Cursor | None, what: str) -> Cursor:
    """Read the rows and print what it took."""
    (stream, *_) = connector.discover()
    count, last = 0, cursor
    started, used = time.perf_counter(), _processor_seconds()
    with Memory() as memory:
        for item in connector.read(stream, cursor):
            if isinstance(item, Checkpoint):
                last = item.cursor
            else:
                count += 1
    seconds, used = time.perf_counter() - started, _processor_seconds() - used
    print(f"{what:<44} {count:>10,} rows {seconds:8.1f} s wall {used:8.1f} s CPU {memory.peak / MEBIBYTE:8.0f} MiB")
    if last is None:
        raise RuntimeError("The read gave no checkpoint.")
    return last


def main() -> None:
    """Measure a first read, a read of the unchanged file, and one after a hundred rows have changed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--keep", type=Path, help="keep the file here")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "numbers.csv"
        write_file(path, given.rows)
        print(f"{path.stat().st_size / MEBIBYTE:.0f} MiB of CSV")
        started = time.perf_counter()
        with path.open(encoding="utf-8", newline="") as file:
            plain = sum(1 for _ in csv.reader(file))
        print(f"{'csv module alone, one pass':<44} {plain - 1:>10,} rows {time.perf_counter() - started:8.1f} s")
        with registry.connect("spreadsheet", json.dumps({"path": str(path)})) as connector:
            cursor = read(connector, None, "first read")
            read(connector, cursor, "unchanged")
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            for row in range(1, len(lines), max(len(lines) // 100, 1)):
                metric, start, _, recorded = lines[row].split(",")
                lines[row] = f"{metric},{start},-1.5,{recorded}"
            path.write_text("".join(lines), encoding="utf-8")
            del lines
            read(connector, cursor, "a hundred rows changed")


if __name__ == "__main__":
    main()
