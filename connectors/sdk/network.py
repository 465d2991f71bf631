"""How a connector reaches the outside: limits, allowed hosts, proxies, clock and chance, as one value passed in."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

ALLOW_PRIVATE_HOSTS = "PLUMBLINE_ALLOW_PRIVATE_HOSTS"
CA_BUNDLE = "PLUMBLINE_CA_BUNDLE"
FILE_ROOTS = "PLUMBLINE_FILE_ROOTS"
MEMORY_MB = "PLUMBLINE_CONNECTOR_MEMORY_MB"
CPU_SECONDS = "PLUMBLINE_CONNECTOR_CPU_SECONDS"

MEBIBYTE = 1024 * 1024


def resolve(host: str, port: int) -> list[str]:
    """List the addresses of a host, in the order the system prefers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass
class Cost:
    """What a connector has used so far; one object counts for all its clients."""

    requests: int = 0
    retries: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    seconds_waited: float = 0.0


@dataclass(frozen=True)
class Timing:
    """Clock, sleep and chance, so that tests decide them."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


@dataclass(frozen=True)
class Network:
    """The outside as a connector may use it; `HttpClient` needs nothing else from the environment."""

    private_hosts: frozenset[str] = frozenset()
    https_proxy: str | None = field(default=None, repr=False)  # may hold credentials
    http_proxy: str | None = field(default=None, repr=False)
    no_proxy: str = ""
    ca_bundle: Path | None = None
    file_roots: tuple[Path, ...] = ()
    """Folders that files may be read from; none = any that the process's user may read."""
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    total_seconds: float = 60.0
    """For one call: its redirects, retries and waits together."""
    max_bytes: int = 64 * MEBIBYTE
    """Size of one reply, unpacked."""
    attempts: int = 4
    """Of a read; a write is sent once."""
    timing: Timing = field(default_factory=Timing, repr=False)
    resolve: Callable[[str, int], list[str]] = field(default=resolve, repr=False)
    cost: Cost = field(default_factory=Cost, compare=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Network:
        """Read proxies, CA bundle and allowed hosts from the variables an admin sets."""
        bundle = environ.get(CA_BUNDLE)
        hosts = environ.get(ALLOW_PRIVATE_HOSTS, "").split(",")
        return cls(
            private_hosts=frozenset(plain_host(host) for host in hosts if host.strip()),
            https_proxy=_either_case(environ, "https_proxy"),
            http_proxy=_either_case(environ, "http_proxy"),
            no_proxy=_either_case(environ, "no_proxy") or "",
            ca_bundle=Path(bundle) if bundle else None,
            file_roots=tuple(Path(root) for root in environ.get(FILE_ROOTS, "").split(os.pathsep) if root),
        )

    def with_limits(
        self, *, total_seconds: float | None = None, max_bytes: int | None = None, attempts: int | None = None
    ) -> Network:
        """Return the same network with other limits, counting into the same cost."""
        return replace(
            self,
            total_seconds=self.total_seconds if total_seconds is None else total_seconds,
            max_bytes=self.max_bytes if max_bytes is None else max_bytes,
            attempts=self.attempts if attempts is None else attempts,
        )


def raise_limit(variable: str) -> str:
    """Say what to do about a limit that an admin sets."""
    return f"Give it less to read at once, or raise {variable}."


def too_much_memory(limit: int | None) -> str:
    """Say that a connector needs more memory than its process may have."""
    allowed = "there is" if limit is None else f"the {limit // MEBIBYTE} MiB it may use"
    return f"The connector needs more memory than {allowed}. {raise_limit(MEMORY_MB)}"


def plain_host(host: str) -> str:
    """Write a host as it is compared: lower case, no brackets, no trailing dot."""
    return host.strip().lower().strip("[]").rstrip(".")


def _either_case(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(name) or environ.get(name.upper()) or None
