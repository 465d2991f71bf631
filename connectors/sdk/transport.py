"""The wire under `HttpClient`: guarded connections, and deadlines that also hold against a peer who drips bytes."""

from __future__ import annotations

import io
import socket
import ssl
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager
from urllib3.util.ssl_ import create_urllib3_context

from connectors.sdk.addresses import AddressGuard
from connectors.sdk.network import Cost, Network


@dataclass
class Exchange:
    """What the connections of one client share during a call; a client serves one thread at a time."""

    network: Network
    deadline: float = 0.0
    sent: bool = field(default=False)
    """Whether a byte of the request may have left: from then on a failed write is ambiguous."""

    @property
    def cost(self) -> Cost:
        """Where requests and bytes are counted."""
        return self.network.cost

    def remaining(self) -> float:
        """Seconds until the deadline of the whole call; raises TimeoutError once it has passed."""
        left = self.deadline - self.network.timing.monotonic()
        if left <= 0:
            raise TimeoutError(f"no complete reply within {self.network.total_seconds:g} s")
        return left


class _TimedSocket(io.RawIOBase):
    """Gives each receive only what is left of the call: a socket's own timeout starts anew with every byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, exchange: Exchange) -> None:
        super().__init__()
        self._raw, self._sock, self._exchange = raw, sock, exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - a writable buffer; typeshed's name for it is private
        self._sock.settimeout(min(self._exchange.network.read_seconds, self._exchange.remaining()))
        count = self._raw.readinto(buffer)
        self._exchange.cost.bytes_received += count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    exchange: ClassVar[Exchange]

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on unread
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedSocket(self.fp.detach(), sock, self.exchange))


class _TimedConnection(HTTPConnection):
    """Counts what is sent, and knows whether anything was."""

    exchange: ClassVar[Exchange]

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            self.exchange.sent = False  # what a proxy was asked is not the request

    def send(self, data: Any) -> None:  # noqa: ANN401 - http.client's own type is private
        if self.sock is None:
            self.connect()
        self.exchange.sent = True
        if isinstance(data, bytes):
            self.exchange.cost.bytes_sent += len(data)
        super().send(data)


class _GuardedConnection(_TimedConnection):
    """Connects only to addresses that the guard permits."""

    guard: ClassVar[AddressGuard]
    scheme: ClassVar[str] = "http"

    def _new_conn(self) -> socket.socket:
        name = self.host
        self.guard.permit_scheme(self.scheme, name)
        try:
            addresses = self.guard.addresses(name, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from error
        failure: Exception = NewConnectionError(self, f"{name} has no address")
        try:
            for address in addresses:
                self.host = address
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    failure = error
        finally:
            self.host = name  # what TLS checks the certificate against
        raise failure


class _TimedTLS(_TimedConnection, HTTPSConnection): ...


class _GuardedTLS(_GuardedConnection, HTTPSConnection):
    scheme = "https"


class GuardedAdapter(HTTPAdapter):
    """Mounts guard, deadlines and counters on a requests session; through a proxy the proxy connects, not we."""

    def __init__(self, network: Network) -> None:
        self.exchange = Exchange(network)
        self.guard = AddressGuard(network)
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:  # noqa: ANN401, FBT001, FBT002 - requests' signature
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls(), **options)
        self._use(self.poolmanager, _GuardedConnection, _GuardedTLS)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401 - requests' signature
        manager = super().proxy_manager_for(proxy, ssl_context=self._tls(), proxy_ssl_context=self._tls(), **options)
        self._use(manager, _TimedConnection, _TimedTLS)
        return manager

    def _tls(self) -> ssl.SSLContext:
        context = create_urllib3_context()
        if self.exchange.network.ca_bundle:  # in addition to the public ones, which requests loads by itself
            context.load_verify_locations(self.exchange.network.ca_bundle)
        return context

    def _use(self, manager: PoolManager, plain: type[_TimedConnection], tls: type[_TimedConnection]) -> None:
        shared = {"exchange": self.exchange, "guard": self.guard}
        shared["response_class"] = type("TimedResponse", (_TimedResponse,), shared)
        pools: tuple[tuple[str, type[HTTPConnectionPool], type[HTTPConnection]], ...] = (
            ("http", HTTPConnectionPool, plain),
            ("https", HTTPSConnectionPool, tls),
        )
        manager.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": type(kind.__name__, (kind,), shared)})
            for scheme, pool, kind in pools
        }
