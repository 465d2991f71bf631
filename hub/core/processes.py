"""Which process is which, and whether it still lives: a pid alone lies, because pids are used again.

Only the standard library is imported here: the supervisor lives on it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""From Linux's sys/prctl.h."""


def start_time(pid: int) -> str | None:
    """Tell when a process was started, as the system writes it; None when it does not run (a zombie does not)."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()  # the name before it may hold blanks and brackets
        return None if fields[0] in "ZX" else fields[19]
    seen = subprocess.run(  # noqa: S603  # our own fixed words and a number
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(None, 1)
    return None if not seen or seen[0].startswith("Z") else seen[1].strip()


def is_running(pid: int, started: str) -> bool:
    """Say whether the process that had this pid and this start time still runs."""
    return start_time(pid) == started


def die_with_parent(parent: int | None = None) -> None:
    """Ask Linux to kill this process when its parent ends, however that ends.

    The wish is not inherited by children: each child says it for itself. `parent` is the pid the child was started by;
    where the parent is gone already, the process ends at once. Elsewhere than on Linux nothing happens: there the
    supervisor's next start finds what is left by its list of pids.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def this_process() -> str:
    """Name this process so that no other one, here or on another machine, ever has the same name."""
    return f"{_place()}/{os.getpid()}/{start_time(os.getpid())}"


def is_surely_dead(name: str) -> bool:
    """Say whether a named process of this machine has ended; of another machine's processes nothing is known."""
    place, pid, started = name.split("/", 2)
    return place == _place() and not is_running(int(pid), started)


@cache
def _place() -> str:
    # two containers may share a name and a kernel, so the boot and the set of pids that this process can see count too
    seen = [platform.node()]
    for path, read in (("/proc/sys/kernel/random/boot_id", Path.read_text), ("/proc/self/ns/pid", os.readlink)):
        try:
            seen.append(str(read(Path(path))).strip())
        except OSError:
            continue
    return hashlib.sha256("\0".join(seen).encode()).hexdigest()[:16]
