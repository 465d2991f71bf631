"""A process is known by pid and start time; a child can ask to end with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.core.processes import is_running, is_surely_dead, start_time, this_process
from tests.workbench import wait_until


def test_a_process_runs_only_under_its_own_start_time() -> None:
    started = start_time(os.getpid())
    assert started is not None
    assert is_running(os.getpid(), started)
    assert not is_running(os.getpid(), "another time")


def test_a_zombie_does_not_run() -> None:
    with subprocess.Popen(["true"]) as process:
        wait_until(lambda: start_time(process.pid) is None)


def test_only_processes_of_this_machine_are_known_to_be_dead() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from hub.core.processes import *; print(this_process())"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        gone = process.stdout.read().strip()
    assert is_surely_dead(gone)
    assert not is_surely_dead(this_process())
    assert not is_surely_dead("another-machine/" + gone.split("/", 1)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="a service of Linux")
def test_a_child_that_asked_for_it_ends_with_its_parent(tmp_path: Path) -> None:
    child = (
        "import os, pathlib, sys, time; from hub.core.processes import die_with_parent; die_with_parent(os.getppid());"
        f"path = pathlib.Path({str(tmp_path / 'pid')!r}); path.with_suffix('.new').write_text(str(os.getpid()));"
        "path.with_suffix('.new').rename(path); time.sleep(100)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        wait_until((tmp_path / "pid").exists)
        pid = int((tmp_path / "pid").read_text())
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: start_time(pid) is None)
