"""The child's side: one connector, its own secrets and nothing else, answering calls on its pipes.

Started by `ConnectorProcess` as `python -m connectors.sdk.running`; see `calls` for what the lines say.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, BinaryIO

from connectors.sdk.calls import CALLS, TAB, Call, dump_error
from connectors.sdk.configuration import parse_config, secrets_of
from connectors.sdk.entry import Entry
from connectors.sdk.errors import AmbiguousError, BrokenConnectorError, ConfigError, ConnectorError
from connectors.sdk.network import Network, too_much_memory
from connectors.sdk.protocol import Connector
from connectors.sdk.redaction import Redactor

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


class Answers:
    """Writes answers line by line, with the secrets of the config masked in every error."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self.mask = Redactor()

    def line(self, name: bytes, text: bytes) -> None:
        """Write one line and push it out: what is answered must not die with us."""
        self._pipe.write(name + TAB + text + b"\n")
        self._pipe.flush()

    def item(self, text: bytes) -> None:
        """Write one item of an answer."""
        self._pipe.write(text + b"\n")
        self._pipe.flush()

    def error(self, error: ConnectorError) -> None:
        """Write an error."""
        self.line(b"error", dump_error(error, self.mask(str(error))))


class Limits:
    """What this process may use: address space in all, processor time for each call."""

    def __init__(self, memory_bytes: int | None, cpu_seconds: int | None) -> None:
        self._memory_bytes = memory_bytes
        self._cpu_seconds = cpu_seconds

    def begin(self) -> None:
        """Limit this process for good; on macOS and Windows the system has no such limit of memory."""
        if sys.platform != "win32":
            import resource  # noqa: PLC0415 - not on Windows

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the secrets
            if sys.platform == "linux" and self._memory_bytes is not None:
                most = _within(resource.RLIMIT_AS, self._memory_bytes)
                resource.setrlimit(resource.RLIMIT_AS, (most, most))
        self.begin_call()

    def begin_call(self) -> None:
        """Give one call its processor time: a process that is used for days must not die of all of them together."""
        if sys.platform == "win32" or self._cpu_seconds is None:
            return
        import resource  # noqa: PLC0415 - not on Windows

        wanted = _within(resource.RLIMIT_CPU, math.ceil(time.process_time()) + self._cpu_seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (wanted, resource.getrlimit(resource.RLIMIT_CPU)[1]))

    def exceeded_by(self, error: Exception) -> ConfigError | None:
        """Say which limit an error comes from, if it is one."""
        return ConfigError(too_much_memory(self._memory_bytes)) if isinstance(error, MemoryError) else None


def _within(what: int, wanted: int) -> int:
    """Keep to what an admin of the machine allows, where that is less."""
    import resource  # noqa: PLC0415 - not on Windows

    most = resource.getrlimit(what)[1]
    return wanted if most == resource.RLIM_INFINITY else min(wanted, most)


def main() -> None:
    """Serve one parent until it closes the pipe or dies."""
    requests, answers = _take_pipes()
    hello = json.loads(requests.readline())
    _tie_to_parent(hello["parent"])
    limits = Limits(hello["memory_bytes"], hello["cpu_seconds"])
    limits.begin()
    network = Network.from_environ(os.environ)
    try:
        connector = _build(hello, answers, network, limits)
    except ConnectorError as error:
        answers.error(error)
        return
    capabilities = sorted(type(connector).capabilities())
    answers.line(b"ready", json.dumps({"capabilities": capabilities}).encode())
    for line in _until_parent_leaves(requests):
        limits.begin_call()
        _serve(connector, line, answers, network, limits)


def _build(hello: dict[str, Any], answers: Answers, network: Network, limits: Limits) -> Connector[Any]:
    try:
        loaded = Entry(**hello["entry"]).load()
        config = parse_config(loaded.config_model, hello["config"])
        for secret in secrets_of(config):
            answers.mask.add(secret)
        return loaded(config, network)
    except ConnectorError:
        raise
    except Exception as error:  # noqa: BLE001 - the border: whatever a plugin raises must become an answer
        raise limits.exceeded_by(error) or _bug("starting", error) from None


def _serve(connector: Connector[Any], line: bytes, answers: Answers, network: Network, limits: Limits) -> None:
    name, *parts = line.rstrip(b"\n").split(TAB)
    call = CALLS[name.decode()]
    try:
        for item in _perform(connector, call, parts):
            answers.item(item)
    except ConnectorError as error:
        answers.error(error)
    except Exception as error:  # noqa: BLE001 - the border: whatever a plugin raises must become an answer
        bug = limits.exceeded_by(error) or _bug(call.name, error)
        answers.error(AmbiguousError(f"{bug} The write may have been applied.") if call.writes else bug)
    answers.line(b"end", json.dumps(asdict(network.cost)).encode())


def _perform(connector: Connector[Any], call: Call, parts: list[bytes]) -> Iterator[bytes]:
    if not isinstance(connector, call.interface):
        raise BrokenConnectorError(f"{connector.spec.title} cannot `{call.name}`.")
    arguments = call.load_arguments(parts)
    answer = getattr(connector, call.name)(**arguments)
    for item in answer if call.many else (answer,):
        wanted = arguments["stream"].name if "stream" in arguments else None
        stream = getattr(item, "stream", wanted)
        if wanted is not None and stream != wanted:
            raise BrokenConnectorError(f"`{call.name}` of stream {wanted!r} gave a record of {stream!r}.")
        yield call.dump_item(item)


def _bug(doing: str, error: Exception) -> BrokenConnectorError:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119 - a whole path would show the machine
    return BrokenConnectorError(f"The connector failed while {doing}: {type(error).__name__} at {place}: {error}")


def _take_pipes() -> tuple[BinaryIO, Answers]:
    """Keep the pipes for ourselves: what a plugin or a C library prints goes to stderr, what it reads is empty."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, Answers(answers)


def _until_parent_leaves(requests: BinaryIO) -> Iterator[bytes]:
    """Yield each call; a parent that goes away ends us at once, also in the middle of one."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        for line in requests:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield lines.get()


def _tie_to_parent(parent: int) -> None:
    """Die with the parent even while a C extension holds the interpreter, where the pipe cannot be watched."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    main()
