"""`plumbline up`: queue server, web, workers and demo processes as one tree that starts, heals and ends together.

This process lives as long as the product does and imports the standard library only, to stay small: `plumbline up`
works out a plan, with the settings and the database at hand, and then becomes this program. Each child leads a process
group of its own and is killed by Linux when this process ends in whatever way. A file of pids and start times lets the
next start find what is left where there is no such service of the system.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hub.core.errors import SettingError
from hub.core.processes import die_with_parent, is_running, start_time

STOP_SECONDS = 10.0
"""How long children have to end by themselves: longer than a worker waits before it gives its item back."""
QUEUE_SECONDS = 10.0
READY_SECONDS = 60.0
PATIENCE_SECONDS = 5.0
LOOK_SECONDS = 0.1
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
HEALTHY_SECONDS = 10.0
"""A child that ran for so long is not in a crash loop: its next restart comes quickly again."""
SETTING_EXIT = 2
"""The exit code by which a child says that a setting has to be changed: starting it again would not help."""
LEFT = "children.json"
LOCK = "lock"


class AlreadyRunningError(SettingError):
    """Another `plumbline up` uses this home."""

    slug = "already-running"


class PortTakenError(SettingError):
    """Another program listens where the pages should be."""

    slug = "port-taken"


@dataclass(frozen=True)
class Child:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    environ: dict[str, str] = field(default_factory=dict)
    patient: bool = False
    """Started when the pages answer, or after a while: on a small machine they would wait for each other."""
    queue_socket: str | None = None
    """Set for the queue server: where it listens. It is started first and ended last."""


@dataclass(frozen=True)
class Plan:
    """Everything the supervisor has to know."""

    folder: str
    """For the lock and the file of pids."""
    lock: int
    """Descriptor of the lock file, held by this process alone."""
    host: str
    port: int
    children: list[Child]

    @property
    def address(self) -> str:
        """Give the address that a person types."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  # translated, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass
class Running:
    """A child that was started."""

    child: Child
    process: subprocess.Popen[bytes]
    started: str | None
    since: float


def take_lock(folder: Path) -> int:
    """Take the home for this process, or say who has it; the descriptor stays open, also when the program changes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode() or "another"
        os.close(lock)
        raise AlreadyRunningError(
            f"Plumbline is running already for {folder.parent} (process {holder}): stop that one, or choose another "
            "PLUMBLINE_HOME and PLUMBLINE_PORT."
        ) from None
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    os.set_inheritable(lock, True)  # noqa: FBT003  # the next program of this same process goes on holding it
    return lock


def choose_port(host: str, port: int) -> int:
    """Make sure that the port is free, or find a free one for 0."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTakenError(
                f"Port {port} on {host} is taken by another program: choose another one with "
                f"`make run PORT={port + 1}` or PLUMBLINE_PORT={port + 1}."
            ) from None
        chosen: int = trial.getsockname()[1]
        return chosen


def end_leftovers(folder: Path, say: Callable[[str], None] = print) -> None:
    """End what an earlier start left behind; everything it knew is in the database and in the queue's files."""
    try:
        left = json.loads((folder / LEFT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    found = [(entry["name"], entry["pid"]) for entry in left if is_running(entry["pid"], entry["started"])]
    for name, pid in found:
        say(f"plumbline: ending {name}, left by an earlier start (process {pid})")
        _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS / 2
    while any(start_time(pid) for _, pid in found) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS / 2)
    for _, pid in found:
        _signal_group(pid, signal.SIGKILL)


def become_supervisor(plan: Plan) -> None:
    """Turn this process into the supervisor: same pid, same lock, a fraction of the memory."""
    reading, writing = os.pipe()  # not a file: nothing of the plan outlives the process
    os.write(writing, json.dumps(asdict(plan)).encode())
    os.close(writing)
    os.set_inheritable(reading, True)  # noqa: FBT003  # the name says it
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, *python_options(), "-m", "hub.supervisor", str(reading)]
    os.execve(command[0], command, python_environ())  # noqa: S606  # our own program


def python_options() -> list[str]:
    """Give the options with which every Python process of ours is started: no modules from the current folder."""
    return ["-P"]


def python_environ() -> dict[str, str]:
    """Give an environment in which this very copy of the program is found."""
    here = str(Path(__file__).parents[1])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != here]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, *paths])}


class Supervisor:
    """Keeps the children of a plan running until it is told to stop."""

    def __init__(self, plan: Plan, *, say: Callable[[str], None] = print) -> None:
        self._plan = plan
        self._say = say
        self._running: dict[str, Running] = {}
        self._again: dict[str, float] = {}
        """Name of a child that does not run -> when to start it."""
        self._pauses: dict[str, float] = {}
        self._stopping = False
        self._failed = False
        self._ready = False
        self._begun = time.monotonic()

    def run(self) -> int:
        """Start everything, keep it running, end it; give the exit code."""
        wake = self._listen()
        try:
            self._start_first()
            self._look()
            while not self._stopping:
                select.select([wake], [], [], LOOK_SECONDS if self._is_restless() else None)
                with suppress(BlockingIOError):
                    os.read(wake, 64)
                self._look()
        finally:
            self._end()
        return SETTING_EXIT if self._failed else 0

    def _start_first(self) -> None:
        """Start the queue server, then what must not wait; the rest has its turn when the pages are there."""
        for child in sorted(self._plan.children, key=lambda child: child.queue_socket is None):
            if child.patient:
                self._again[child.name] = self._begun + PATIENCE_SECONDS
                continue
            self._start(child)
            if child.queue_socket is not None:
                self._wait_for_queue(child.queue_socket)

    def _listen(self) -> int:
        """Turn signals into bytes on a pipe, so that nothing is missed between two looks."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)  # the name says it
        os.set_blocking(writing, False)  # as above
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return reading

    def _stop(self, *_: object) -> None:
        if self._stopping:  # the second Ctrl-C: no more waiting
            for running in self._running.values():
                _signal_group(running.process.pid, signal.SIGKILL)
        self._stopping = True

    def _is_restless(self) -> bool:
        return bool(self._again) or not self._ready

    def _look(self) -> None:
        for name, running in list(self._running.items()):
            if running.process.poll() is not None:
                self._mourn(name, running)
        for name, at in list(self._again.items()):
            if time.monotonic() >= at and not self._stopping:
                del self._again[name]
                self._start(next(child for child in self._plan.children if child.name == name))
        self._announce()

    def _start(self, child: Child) -> None:
        if child.queue_socket is not None:
            _end_unknown_queue_server(child.queue_socket)
        me = os.getpid()
        process = subprocess.Popen(  # noqa: S603  # the plan is our own
            child.command,
            env={**os.environ, **child.environ},
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=lambda: die_with_parent(me),  # noqa: PLW1509  # this process has one thread
        )
        self._running[child.name] = Running(child, process, start_time(process.pid), time.monotonic())
        self._note()

    def _mourn(self, name: str, running: Running) -> None:
        """End what a dead child left, and start it again after a pause that grows in a crash loop."""
        code = running.process.returncode
        del self._running[name]
        _signal_group(running.process.pid, signal.SIGKILL)
        if code == SETTING_EXIT:  # it has said which one
            self._failed = self._stopping = True
            return
        if time.monotonic() - running.since > HEALTHY_SECONDS:
            self._pauses.pop(name, None)
        pause = self._pauses.get(name, FIRST_PAUSE)
        self._pauses[name] = min(2 * pause, LONGEST_PAUSE)
        self._again[name] = time.monotonic() + pause
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        self._say(f"plumbline: {name} ended {how}; starting it again in {pause:g} s")

    def _wait_for_queue(self, path: str) -> None:
        deadline = time.monotonic() + QUEUE_SECONDS
        while not _ask(path, b"PING") and not self._stopping:
            if time.monotonic() > deadline:
                self._say("plumbline: the queue server does not answer; work goes on from the database meanwhile")
                return
            time.sleep(LOOK_SECONDS / 4)

    def _announce(self) -> None:
        if self._ready:
            return
        if _is_ready(self._plan):
            self._ready = True
            self._call_the_patient()
            self._say(f"Plumbline is ready: {self._plan.address} (Ctrl-C ends it)")
        elif time.monotonic() - self._begun > READY_SECONDS:
            self._ready = True
            self._say(
                f"plumbline: not ready after {READY_SECONDS:g} s; {self._plan.address}/readyz says what is missing"
            )

    def _call_the_patient(self) -> None:
        for child in self._plan.children:
            if child.patient and child.name in self._again:
                self._again[child.name] = 0.0

    def _note(self) -> None:
        """Write down who runs, for a start after this process was killed."""
        left = [
            {"name": name, "pid": running.process.pid, "started": running.started}
            for name, running in self._running.items()
        ]
        fresh = Path(self._plan.folder) / f"{LEFT}.new"
        fresh.write_text(json.dumps(left), encoding="utf-8")
        fresh.replace(Path(self._plan.folder) / LEFT)

    def _end(self) -> None:
        """End every child, the queue server last: a worker without it would sit and wait for it."""
        self._stopping = True
        running = list(self._running.values())
        _end_together([one for one in running if one.child.queue_socket is None])
        _end_together([one for one in running if one.child.queue_socket is not None])
        (Path(self._plan.folder) / LEFT).unlink(missing_ok=True)


def _end_together(running: list[Running]) -> None:
    for one in running:
        _signal_group(one.process.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for one in running:
        with suppress(subprocess.TimeoutExpired):
            one.process.wait(timeout=max(0.0, deadline - time.monotonic()))
        _signal_group(one.process.pid, signal.SIGKILL)  # also what it has started and not ended
        one.process.wait()


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(leader, number)


def _end_unknown_queue_server(path: str) -> None:
    """End a queue server that listens where ours should: one left by a start whose list of pids is lost."""
    _ask(path, b"SHUTDOWN")
    deadline = time.monotonic() + QUEUE_SECONDS
    while _ask(path, b"PING") and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS / 4)


def _ask(path: str, command: bytes) -> bool:
    """Say one word to the queue server; False when nobody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as speaking:
        speaking.settimeout(1.0)
        try:
            speaking.connect(path)
            speaking.sendall(command + b"\r\n")
            return bool(speaking.recv(16))
        except OSError:
            return False


def _is_ready(plan: Plan) -> bool:
    host, port = plan.address.removeprefix("http://").rsplit(":", 1)
    request = f"GET /readyz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2.0) as asking:
            asking.sendall(request.encode())
            return asking.recv(16).split()[1:2] == [b"200"]
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """Read the plan from the descriptor that `plumbline up` left open, and carry it out."""
    with os.fdopen(int(arguments[0]), "rb") as handed:
        read = json.loads(handed.read())
    os.set_inheritable(read["lock"], False)  # noqa: FBT003  # a child that held it would keep the home locked
    plan = Plan(**{**read, "children": [Child(**child) for child in read["children"]]})
    return Supervisor(plan).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
