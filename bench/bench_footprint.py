"""What Plumbline weighs: seconds until it is ready, memory at rest, lines of code per area.

Memory is the sum of the processes' proportional set sizes (PSS): pages that processes share are counted once, in parts.
The product is started with its sample company on a new home and again on the same home; Linux only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
REST_SECONDS = 30.0
MEBI = 1024  # kB
AREAS = ("hub", "connectors", "rules", "tests", "bench")


def start(home: str) -> tuple[subprocess.Popen[str], float]:
    """Start the product; give it and the seconds that it took to be ready."""
    began = time.monotonic()
    up = subprocess.Popen(
        [sys.executable, "-m", "hub.cli", "up", "--demo"],
        cwd=ROOT,
        env={**os.environ, "PLUMBLINE_HOME": home, "PLUMBLINE_PORT": "0", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in up.stdout or ():
        if "is ready" in line:
            return up, time.monotonic() - began
    raise SystemExit("it was never ready")


def memory(session: int) -> dict[str, int]:
    """Give the PSS in kB of each process of a session, by pid and command."""
    found = {}
    for folder in Path("/proc").iterdir():
        with suppress(ProcessLookupError, FileNotFoundError):  # one that ended while we look
            if folder.name.isdigit() and os.getsid(int(folder.name)) == session:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                size = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
                found[f"{folder.name} {command[-60:].strip()}"] = size
    return found


def lines_of_code(area: str) -> int:
    """Count the lines of an area's Python files that are kept in git."""
    files = subprocess.check_output(["git", "ls-files", "-z", f"{area}/*.py"], cwd=ROOT, text=True).split("\0")
    return sum(len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in files if name)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as home:
        for which in ("first", "second"):
            up, seconds = start(home)
            time.sleep(REST_SECONDS)
            weights = memory(up.pid)
            print(f"{which} start: ready after {seconds:.1f} s; at rest {sum(weights.values()) / MEBI:.0f} MiB")
            for name, weight in weights.items():
                print(f"    {weight / MEBI:6.1f} MiB  {name}")
            up.send_signal(signal.SIGINT)
            up.wait(timeout=30)
    for area in AREAS:
        print(f"{area}: {lines_of_code(area):,} lines of Python")


if __name__ == "__main__":
    main()
