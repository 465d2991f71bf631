"""The connector processes that this process of ours keeps: one per connection, reused while its configuration holds."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors import registry
from connectors.sdk.child import ProcessLimits
from connectors.sdk.entry import Entry
from connectors.sdk.errors import ConfigError
from connectors.sdk.network import ALLOW_PRIVATE_HOSTS, CA_BUNDLE, FILE_ROOTS, MEBIBYTE
from connectors.sdk.process import ConnectorProcess
from hub.connections.configuration import Config, resolve
from hub.connections.service.configured import Configured
from hub.core.errors import PlumblineError
from hub.core.sealing import Sealer

if TYPE_CHECKING:
    from hub.settings import Settings

IDLE_SECONDS = 300.0
"""A connector that nobody asked for so long gives its memory back."""


class Connectors:
    """Lends connectors, one caller at a time each. A child dies with the thread that called it first."""

    def __init__(
        self,
        settings: Settings,
        *,
        sealer: Sealer | None = None,
        environ: Mapping[str, str] = os.environ,
        find: Callable[[str], Entry] = registry.find,
        limits: ProcessLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sealer = sealer or Sealer.from_settings(settings)
        self._environ = environ
        self._child_environ = environment_for_children(settings, environ)
        self._find = find
        self._limits = replace(
            limits or ProcessLimits(),
            memory_bytes=settings.connector_memory_mb * MEBIBYTE,
            cpu_seconds=settings.connector_cpu_seconds,
        )
        self._monotonic = monotonic
        self._kept: dict[int, _Kept] = {}
        self._lock = threading.Lock()

    @contextmanager
    def lend(self, configured: Configured) -> Iterator[ConnectorProcess]:
        """Give the process of a connection; raises ConfigError where it cannot be configured."""
        config = self.config_json(configured)
        with self._lock:
            self._close_idle()
            kept = self._kept.setdefault(configured.id, _Kept())
        with kept.lock:
            try:
                yield self._process(kept, configured.kind, config)
            finally:
                kept.used_at = self._monotonic()

    def config_json(self, configured: Configured) -> str:
        """Give a configuration as its connector takes it, secrets and all; raises ConfigError."""
        return json.dumps(self._resolve(configured), sort_keys=True)

    def start(self, kind: str, config: Config) -> ConnectorProcess:
        """Give a process for a configuration that is not stored (yet); the caller closes it."""
        try:
            resolved = resolve(config, self._environ)
        except PlumblineError as error:
            raise ConfigError(str(error)) from error
        return self._make(kind, json.dumps(resolved, sort_keys=True))

    def close(self) -> None:
        """End every process."""
        with self._lock:
            kept, self._kept = self._kept, {}
        for one in kept.values():
            one.close()

    def _resolve(self, configured: Configured) -> Config:
        try:
            return resolve(configured.open(self._sealer), self._environ)
        except PlumblineError as error:
            raise ConfigError(str(error)) from error

    def _process(self, kept: _Kept, kind: str, config: str) -> ConnectorProcess:
        if kept.process is None or kept.config != config:
            kept.close()
            kept.process, kept.config = self._make(kind, config), config
        return kept.process

    def _make(self, kind: str, config: str) -> ConnectorProcess:
        return ConnectorProcess(self._find(kind), config, self._limits, environ=self._child_environ)

    def _close_idle(self) -> None:
        idle_since = self._monotonic() - IDLE_SECONDS
        for connection_id, kept in list(self._kept.items()):
            if kept.used_at < idle_since and kept.lock.acquire(blocking=False):
                kept.close()
                kept.lock.release()
                del self._kept[connection_id]


class _Kept:
    """One process, and who may use it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: ConnectorProcess | None = None
        self.config = ""
        self.used_at = float("inf")  # not idle before its first use has ended

    def close(self) -> None:
        if self.process is not None:
            self.process.close()
            self.process = None


def environment_for_children(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Give what a connector may see of our environment, with our settings as they count here."""
    given = {**environ, ALLOW_PRIVATE_HOSTS: ",".join(settings.allow_private_hosts)}
    if settings.ca_bundle:
        given[CA_BUNDLE] = str(settings.ca_bundle.absolute())  # a child has a working directory of its own
    if settings.file_roots:
        given[FILE_ROOTS] = os.pathsep.join(str(root.absolute()) for root in settings.file_roots)
    return given
