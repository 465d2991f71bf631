"""A local server that misbehaves on purpose, for the tests of connectors.

    with FaultyServer() as server:
        server.script(answer(429, headers={"Retry-After": "1"}), answer(200, {"ok": True}))
        HttpClient(server.network(), base_url=server.url).get("/x")
        assert len(server.received) == 2

Each connection that brings a request takes the next fault of the script; the last one is repeated.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from pydantic import JsonValue

from connectors.sdk.network import Network, Timing

Fault = Callable[["FaultyServer", socket.socket], None]
"""What happens on a connection once its request has been read; the connection is closed afterwards."""

DRIP_SECONDS = 0.01


@dataclass
class ManualTime:
    """Time that passes only when somebody sleeps, or by `tick` seconds at each look at the clock."""

    now: float = 1_000.0
    tick: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        """Look at the clock."""
        self.now += self.tick
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass and remember it."""
        self.slept.append(seconds)
        self.now += seconds

    def timing(self) -> Timing:
        """Return the clock, sleep and (middling) chance to give to a Network."""
        return Timing(monotonic=self.monotonic, wall=lambda: self.now, sleep=self.sleep, chance=lambda: 0.5)


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def raw(reply: bytes) -> Fault:
    """Send exactly these bytes."""
    return lambda _, connection: connection.sendall(reply)


def answer(status: int, body: JsonValue | bytes = b"", headers: Mapping[str, str] | None = None) -> Fault:
    """Answer properly; anything but bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(_head(status, {"Content-Length": str(len(content)), **(headers or {})}) + content)


def cut(status: int = 200, body: bytes = b'{"half":', promised: int = 1000) -> Fault:
    """Close in the middle of the body."""
    return raw(_head(status, {"Content-Length": str(promised)}) + body)


def hang(server: FaultyServer, _: socket.socket) -> None:
    """Take the request and never answer."""
    server.closing.wait()


def drop(_: FaultyServer, __: socket.socket) -> None:
    """Take the request and close without an answer."""


def reset(_: FaultyServer, connection: socket.socket) -> None:
    """Take the request and reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(start: bytes, byte: bytes = b" ") -> Fault:
    """Send `start`, then one byte after another for ever: no single wait is long."""

    def act(server: FaultyServer, connection: socket.socket) -> None:
        connection.sendall(start)
        while not server.closing.wait(DRIP_SECONDS):
            connection.sendall(byte)

    return act


def endless(server: FaultyServer, connection: socket.socket) -> None:
    """Send a body that never ends, as fast as it is taken."""
    connection.sendall(_head(200, {}))
    while not server.closing.is_set():
        connection.sendall(b"x" * 65536)


class FaultyServer:
    """Listens on a free port of 127.0.0.1 until the `with` block ends."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.closing = threading.Event()
        self._tls = tls
        self._script: deque[Fault] = deque([answer(200, {})])
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def network(self) -> Network:
        """Return a network that may reach this server."""
        return Network(private_hosts=frozenset({"127.0.0.1"}))

    def script(self, *faults: Fault) -> None:
        """Say what happens to the coming requests, one after the other; the last one stays."""
        self._script = deque(faults)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        socket.create_connection(("127.0.0.1", self.port)).close()  # wakes accept() on every system
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.closing.is_set():
                connection.close()
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(10)
            with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as wire:
                request = _read_request(wire)
                if request is None:
                    return
                self.received.append(request)
                fault = self._script.popleft() if len(self._script) > 1 else self._script[0]
                fault(self, wire)
        except OSError:
            return  # the client left first, which is what many of these tests are about
        finally:
            connection.close()


def _read_request(wire: socket.socket) -> Received | None:
    with wire.makefile("rb") as stream:
        method, _, rest = stream.readline().decode("latin-1").partition(" ")
        headers = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
    return Received(method, rest.rpartition(" ")[0], headers, body) if method else None


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items()), "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
