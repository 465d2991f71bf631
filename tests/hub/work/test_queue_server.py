"""The queue server: found or started, and refused by the name of the setting that makes it unsafe (R3, R38)."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from hub.core.errors import SettingError
from hub.settings import Settings
from hub.work.queue_server import (
    LONGEST_SOCKET,
    UnsafeQueueServerError,
    check_queue_server,
    find_binary,
    socket_path,
)
from tests.workbench import QueueServer

SAFE = {"redis_version": "7.2.4", "maxmemory_policy": "noeviction", "aof_enabled": 1}


class Told:
    """Stands in for a server far away: it says of itself what a test wants."""

    def __init__(self, **facts: Any) -> None:  # noqa: ANN401  # INFO's values
        self.facts = {**SAFE, **facts}

    def info(self) -> dict[str, Any]:
        return self.facts


def check(address: str | None = None, **facts: Any) -> list[str]:  # noqa: ANN401  # INFO's values
    return check_queue_server(Told(**facts), Settings(redis_url=address))  # type: ignore[arg-type]  # only `info` is asked


def test_the_embedded_server_is_safe_and_keeps_what_it_was_told(queue_server: QueueServer) -> None:
    assert check_queue_server(queue_server.client, queue_server.settings) == []
    queue_server.client.set("work", "1")
    queue_server.kill()
    queue_server.start()
    assert queue_server.client.get("work") == b"1"


def test_r38_nobody_else_can_reach_the_embedded_server(queue_server: QueueServer) -> None:
    socket = socket_path(queue_server.settings.home)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert queue_server.client.info("server")["tcp_port"] == 0


@pytest.mark.parametrize(
    ("address", "facts", "setting"),
    [
        (None, {"redis_version": "6.0.16"}, "6.2"),
        (None, {"maxmemory_policy": "allkeys-lru"}, "maxmemory-policy"),
        (None, {"maxmemory_policy": "volatile-ttl"}, "maxmemory-policy"),
        ("redis://queue.example:6379/0", {}, "requirepass"),
        ("redis://10.0.0.7:6379/0", {}, "requirepass"),
        ("rediss://[2001:db8::7]:6379/0", {}, "requirepass"),
    ],
)
def test_an_unsafe_server_is_refused_by_the_name_of_the_setting(
    address: str | None, facts: dict[str, Any], setting: str
) -> None:
    with pytest.raises(UnsafeQueueServerError, match=setting):
        check(address, **facts)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "redis://127.0.0.1:6379/0",
        "redis://[::1]:6379/0",
        "redis://localhost/0",
        "redis://:word@queue.example/0",
        "unix:///run/queue.sock",
    ],
)
def test_a_safe_server_is_accepted(address: str | None) -> None:
    assert check(address) == []


def test_a_server_that_forgets_when_it_crashes_gets_a_warning() -> None:
    (warning,) = check(aof_enabled=0)
    assert "appendonly" in warning


def test_a_home_too_long_for_a_socket_gets_one_elsewhere(tmp_path: Path) -> None:
    home = tmp_path / ("x" * LONGEST_SOCKET)
    assert len(str(socket_path(home))) <= LONGEST_SOCKET
    assert socket_path(home) != socket_path(home / "y")


def test_the_systems_own_server_wins_where_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ours = find_binary()
    for version, chosen in (("6.0.16", ours), ("8.1.0", str(tmp_path / "redis-server"))):
        script = tmp_path / "redis-server"
        script.write_text(f'#!/bin/sh\necho "Redis server v={version} sha=0 malloc=libc"\n')
        script.chmod(0o755)
        assert find_binary() == chosen


def test_a_machine_without_any_server_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hub.work.queue_server.find_spec", lambda _name: None)
    with pytest.raises(SettingError, match="REDIS_URL"):
        find_binary()
