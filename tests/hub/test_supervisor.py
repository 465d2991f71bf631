"""`plumbline up` as real processes: ready when it says so, healed when a child dies, gone without a trace."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from hub.core.processes import start_time
from hub.settings import Settings
from hub.supervisor import AlreadyRunningError, PortTakenError, choose_port, end_leftovers, take_lock
from tests.workbench import PATIENCE_SECONDS, ROOT, QueueServer, short_folder, wait_until

pytestmark = pytest.mark.timeout(400)
READY = "Plumbline is ready: "


class Tree:
    """A supervisor with stand-ins for its children (tests/hub/run_supervisor.py)."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lines: Queue[str] = Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.hub.run_supervisor", str(home)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def wait_for(self, word: str) -> str:
        """Wait until it says something."""
        seen: list[str] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                seen.append(self.lines.get(timeout=0.1))
            except Empty:
                continue
            if word in seen[-1]:
                return seen[-1]
        pytest.fail(f"it never said {word!r}, only {seen}")

    def pid(self, name: str) -> int:
        """Give the pid of a stand-in, once it has written it."""
        path = self.home / f"{name}.pid"
        wait_until(lambda: path.exists() and path.read_text())
        return int(path.read_text())

    def pids(self) -> list[int]:
        """Give the pids of all processes of the tree but the supervisor."""
        listed = json.loads((self.home / "run" / "children.json").read_text())
        return [*(entry["pid"] for entry in listed), self.pid("grandchild")]

    def wait_for_the_end(self) -> None:
        """Wait until the system has ended the children, and end the grandchild, which never asked to be."""
        listed = self.home / "run" / "children.json"
        pids = [entry["pid"] for entry in json.loads(listed.read_text())] if listed.exists() else []
        wait_until(lambda: not any(start_time(pid) for pid in pids))
        if (self.home / "grandchild.pid").exists() and start_time(self.pid("grandchild")):
            os.kill(self.pid("grandchild"), signal.SIGKILL)


@pytest.fixture
def home() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def start(home: Path) -> Iterator[Callable[[], Tree]]:
    trees: list[Tree] = []

    def start_one() -> Tree:
        trees.append(Tree(home))
        return trees[-1]

    yield start_one
    for tree in trees:
        tree.process.kill()
        tree.process.wait()
    for tree in trees:
        tree.wait_for_the_end()


def test_it_says_ready_with_the_address_only_when_readyz_answers(home: Path, start: Callable[[], Tree]) -> None:
    (home / "not ready").touch()
    tree = start()
    tree.pid("web")
    wait_until((home / "run" / "children.json").exists)
    assert tree.lines.empty()
    assert not (home / "worker.pid").exists()  # the pages have the machine for themselves until they are there
    (home / "not ready").unlink()
    assert "http://127.0.0.1:" in tree.wait_for(READY)
    tree.pid("worker")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_with_every_child_and_grandchild_the_queue_server_last(
    home: Path, start: Callable[[], Tree], number: signal.Signals
) -> None:
    tree = start()
    tree.wait_for(READY)
    tree.pid("worker")
    pids = tree.pids()
    assert len(pids) == 4

    tree.process.send_signal(number)

    assert tree.process.wait(timeout=PATIENCE_SECONDS) == 0
    assert [pid for pid in pids if start_time(pid)] == []
    assert (home / "queue at the end").read_bytes() == b"+PONG\r\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not end children with their parent")
def test_after_kill_9_of_the_parent_nothing_stays_and_the_next_start_works(start: Callable[[], Tree]) -> None:
    tree = start()
    tree.wait_for(READY)
    tree.pid("worker")
    *children, grandchild = tree.pids()

    tree.process.kill()
    wait_until(lambda: not any(start_time(pid) for pid in children))
    os.kill(grandchild, signal.SIGKILL)  # it never asked to end with its parent: what we start ourselves does

    start().wait_for(READY)


def test_a_child_that_dies_is_started_again_without_what_it_left(start: Callable[[], Tree]) -> None:
    tree = start()
    tree.wait_for(READY)
    worker, grandchild = tree.pid("worker"), tree.pid("grandchild")

    os.kill(worker, signal.SIGKILL)

    tree.wait_for("worker ended by signal 9; starting it again in 0.5 s")
    wait_until(lambda: not start_time(grandchild))
    wait_until(lambda: tree.pid("worker") != worker)


def test_the_queue_server_comes_back_with_what_it_held(home: Path, start: Callable[[], Tree]) -> None:
    tree = start()
    tree.wait_for(READY)
    client = QueueServer(Settings(home=home)).client
    client.set("work", "1")
    os.kill(client.info("server")["process_id"], signal.SIGKILL)
    tree.wait_for("queue server ended by signal 9")
    wait_until(lambda: answers(client.get, "work"))


def test_a_queue_server_of_unknown_origin_is_replaced(home: Path, start: Callable[[], Tree]) -> None:
    left = QueueServer(Settings(home=home))
    left.start()
    left.client.set("work", "1")
    process = left.process
    assert process is not None

    start().wait_for(READY)

    assert process.wait(timeout=10) == 0
    assert left.client.get("work") == b"1"


def test_what_an_earlier_start_left_is_ended(home: Path) -> None:
    left = subprocess.Popen(["sleep", "100"], process_group=0)
    bystander = subprocess.Popen(["sleep", "100"], process_group=0)
    entries = [
        {"name": "web", "pid": left.pid, "started": start_time(left.pid)},
        {"name": "worker", "pid": bystander.pid, "started": "a process that had this pid before"},
    ]
    (home / "children.json").write_text(json.dumps(entries))
    threading.Thread(target=left.wait, daemon=True).start()  # the system forgets it as it would an orphan
    said: list[str] = []
    try:
        end_leftovers(home, said.append)
        wait_until(lambda: left.poll() is not None)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert said == [f"plumbline: ending web, left by an earlier start (process {left.pid})"]


def test_a_wrong_setting_ends_everything_with_exit_code_2(home: Path, start: Callable[[], Tree]) -> None:
    (home / "setting is wrong").touch()
    assert start().process.wait(timeout=PATIENCE_SECONDS) == 2


def test_a_home_is_used_by_one_supervisor_at_a_time(home: Path, start: Callable[[], Tree]) -> None:
    tree = start()
    tree.wait_for(READY)
    with pytest.raises(AlreadyRunningError, match=f"process {tree.process.pid}.*PLUMBLINE_HOME"):
        take_lock(home / "run")
    assert start().process.wait(timeout=PATIENCE_SECONDS) != 0
    assert tree.process.poll() is None


def test_a_taken_port_is_named_with_the_setting_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"PORT={port + 1}.*PLUMBLINE_PORT={port + 1}"):
            choose_port("127.0.0.1", port)
    assert choose_port("127.0.0.1", 0) > 0


def test_the_supervisor_imports_nothing_but_the_standard_library() -> None:
    script = "import sys, hub.supervisor; print(*{name.partition('.')[0] for name in sys.modules})"
    said = subprocess.run([sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(said.stdout.split()) - set(sys.stdlib_module_names) <= {"hub", "__main__"}


def answers(ask: Callable[[str], object], word: str) -> bool:
    from redis.exceptions import RedisError

    try:
        return ask(word) == b"1"
    except RedisError:
        return False
