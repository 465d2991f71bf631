"""A child process at the other end of two pipes: greeted, asked, watched, ended."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import IO, Any, cast

from pydantic import ValidationError
from pydantic_core import from_json

from connectors.sdk.calls import TAB, Call, load_error
from connectors.sdk.errors import AmbiguousError, BrokenConnectorError, ConfigError, ConnectorError, TransientError
from connectors.sdk.network import CPU_SECONDS, MEBIBYTE, Cost, raise_limit, too_much_memory
from connectors.sdk.protocol import Capability
from connectors.sdk.redaction import Redactor

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-m", "connectors.sdk.running")
GRACE_SECONDS = 2.0
"""Between closing the pipe and killing."""
LAST_WORDS = 5
"""Lines of stderr that are repeated when a child is lost."""
OUT_OF_MEMORY = "memory allocation of"
"""What Rust's standard library says before it aborts."""


@dataclass(frozen=True)
class ProcessLimits:
    """What a connector's process may use; exceeding a time ends it."""

    start_seconds: float = 60.0
    silence_seconds: float = 120.0
    """Between two items of an answer."""
    call_seconds: float = 3600.0
    """For one whole call."""
    line_bytes: int = 32 * MEBIBYTE
    """For one item."""
    memory_bytes: int | None = 1024 * MEBIBYTE
    """Of address space, on Linux: four times what our own connectors need."""
    cpu_seconds: int | None = 900
    """Of processor time for one call; all threads count."""


class ChildLostError(ConnectorError):
    """The child died, fell silent, broke the protocol or exceeded a limit.

    `asked` tells whether it had the call by then; `means` is what it comes to for a call that writes nothing.
    """

    def __init__(self, message: str, *, asked: bool = True, means: type[ConnectorError] = TransientError) -> None:
        super().__init__(message)
        self.asked = asked
        self.means = means

    def meaning(self, call: Call) -> ConnectorError:
        """Say what it means for the caller: nobody knows what became of a write that was under way."""
        if call.writes and self.asked:
            return AmbiguousError(f"{self} The write may have been applied.")
        return self.means(str(self))


class Child:
    """One life of a connector's process."""

    def __init__(self, limits: ProcessLimits, environ: Mapping[str, str], mask: Redactor) -> None:
        self._limits = limits
        self._mask = mask
        self._watch = Watch(lambda: _spawn(environ))
        self._process = self._watch.process
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.cost = Cost()
        self.capabilities: frozenset[Capability] = frozenset()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def greet(self, hello: Mapping[str, Any]) -> None:
        """Hand over the configuration and wait until the connector is built."""
        self._watch.within(self._limits.start_seconds)
        self.ask(json.dumps(hello).encode())
        name, text = self._line()
        self._watch.off()
        if name == "error":
            raise load_error(text)
        self.capabilities = frozenset(Capability(each) for each in from_json(text)["capabilities"])

    def ask(self, line: bytes) -> None:
        """Send one line; if it cannot be sent whole, it was not received."""
        try:
            self._requests.write(line + b"\n")
            self._requests.flush()
        except OSError:
            raise self._lost(asked=False) from None

    def answer(self, call: Call) -> Iterator[Any]:
        """Yield the items of the answer to what was asked; raises the error that ends it."""
        error: ConnectorError | None = None
        last = time.monotonic() + self._limits.call_seconds
        while True:
            self._watch.within(self._limits.silence_seconds, not_after=last)
            name, text = self._line()
            self._watch.off()
            if name == "end":
                self.cost = Cost(**from_json(text))
                break
            if name == "error":
                error = load_error(text)
                continue
            try:
                item = call.load_item(name, text)
            except (ValidationError, BrokenConnectorError) as wrong:
                raise ChildLostError(
                    f"The connector breaks the protocol: {self._mask(str(wrong))}", means=BrokenConnectorError
                ) from None
            yield item
        if error is not None:
            raise error

    def close(self) -> None:
        """End it: politely first, as it may be in the middle of nothing."""
        self._watch.off()
        with contextlib.suppress(OSError):
            self._requests.close()
        self._ended()
        self._watch.stop()
        self._answers.close()

    def _ended(self) -> int:
        """Wait for it to end by itself, which shows how, then no longer."""
        try:
            return self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            end(self._process)
            return self._process.wait()

    def _line(self) -> tuple[str, bytes]:
        line = self._answers.readline(self._limits.line_bytes)
        if not line.endswith(b"\n"):
            if len(line) >= self._limits.line_bytes:
                raise ChildLostError(
                    f"The connector gave an item of over {self._limits.line_bytes} bytes.", means=BrokenConnectorError
                )
            raise self._lost()
        name, _, text = line[:-1].partition(TAB)
        return name.decode("ascii", errors="replace"), text

    def _lost(self, *, asked: bool = True) -> ChildLostError:
        if self._watch.expired:
            return ChildLostError("The connector did not answer in time and was ended.", asked=asked)
        code = self._ended()
        self._listener.join(GRACE_SECONDS)
        words = " | ".join(self._words)
        exceeded = _exceeded(code, words, self._limits)
        if exceeded is not None:
            return ChildLostError(exceeded, asked=asked, means=ConfigError)
        return ChildLostError(f"The connector's process ended ({_ending(code)}). {words}".rstrip(), asked=asked)

    def _listen(self) -> None:
        """Take what the plugin prints, so that it never blocks; it is a log, and nothing in it is trusted."""
        for line in cast("IO[bytes]", self._process.stderr):
            text = self._mask(line[:1000].decode("utf-8", errors="replace").rstrip())
            self._words.append(text)
            log.debug("pid %d: %s", self.pid, text)


class Watch:
    """Starts a process and ends it when its time is up, however it hangs: the caller reads until the pipe closes.

    It is started from the thread that watches it, because on Linux a child tied to its parent dies with the very
    thread that started it; callers come and go.
    """

    def __init__(self, spawn: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.expired = False
        self._due: float | None = None
        self._next_look = 0.0
        self._stopped = False
        self._changed = threading.Condition()
        spawned: Future[subprocess.Popen[bytes]] = Future()
        threading.Thread(target=self._run, args=(spawn, spawned), daemon=True).start()
        self.process = spawned.result()

    def within(self, seconds: float, *, not_after: float = float("inf")) -> None:
        """Give it so many seconds from now."""
        due = min(time.monotonic() + seconds, not_after)
        with self._changed:
            self._due = due
            if due < self._next_look:  # a later time needs no waking: it is seen at the next look
                self._changed.notify()

    def off(self) -> None:
        """Give it all the time there is."""
        self._due = None

    def stop(self) -> None:
        """Stop watching."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _run(self, spawn: Callable[[], subprocess.Popen[bytes]], spawned: Future[subprocess.Popen[bytes]]) -> None:
        try:
            process = spawn()
        except OSError as error:
            spawned.set_exception(TransientError(f"The connector's process could not be started: {error.strerror}."))
            return
        spawned.set_result(process)
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                due = self._due
                if due is not None and due <= now:
                    self.expired = True
                    end(process)
                    due = self._due = None
                self._next_look = float("inf") if due is None else due
                self._changed.wait(None if due is None else due - now)


def _spawn(environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        cwd=os.path.abspath(os.sep),  # noqa: PTH100 - the root of the file system: nothing relative is found
        start_new_session=True,  # a group of its own, so that what it starts ends with it
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it started."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _exceeded(code: int, words: str, limits: ProcessLimits) -> str | None:
    """Say which limit a process died of, if it was one."""
    if sys.platform == "win32":
        return None
    if code == -signal.SIGXCPU:
        return f"The connector used more than {limits.cpu_seconds} s of processor time. {raise_limit(CPU_SECONDS)}"
    if code == -signal.SIGABRT and OUT_OF_MEMORY in words:  # native code does not raise, it gives up
        return too_much_memory(limits.memory_bytes)
    return None


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
