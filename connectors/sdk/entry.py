"""One connector as it is installed, and the gate that every connector passes, ours and others'."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from connectors.sdk.errors import BrokenConnectorError
from connectors.sdk.protocol import SDK_VERSION, Connector, ConnectorConfig, Spec

OLDER_MINORS = 2
"""How many releases an older minor version of the protocol keeps working."""


@dataclass(frozen=True)
class Entry:
    """Where a kind of connector comes from; nothing of it is imported yet."""

    kind: str
    target: str
    """`package.module:Class`."""
    distribution: str
    version: str

    def load(self) -> type[Connector[Any]]:
        """Import the class and let it through the gate."""
        module, _, name = self.target.partition(":")
        try:
            loaded = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise BrokenConnectorError(f"{self._named}: {self.target} cannot be imported: {error}") from error
        return self.admit(loaded)

    def admit(self, loaded: object) -> type[Connector[Any]]:
        """Return the class if it keeps to the protocol; raises naming the distribution and what to change."""
        if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
            raise self._refuse(f"{self.target} is no subclass of Connector")
        spec = getattr(loaded, "spec", None)
        if not isinstance(spec, Spec):
            raise self._refuse("it has no `spec`")
        if spec.kind != self.kind:
            raise self._refuse(f"its entry point is named {self.kind!r} and its spec says {spec.kind!r}")
        if not _compatible(spec.sdk_version):
            raise self._refuse(
                f"it is made for SDK {spec.sdk_version}, this is {SDK_VERSION}: install a fitting version"
            )
        model = getattr(loaded, "config_model", None)
        if not (isinstance(model, type) and issubclass(model, ConnectorConfig)):
            raise self._refuse("its `config_model` is no ConnectorConfig")
        if model.model_config.get("extra") != "forbid":
            raise self._refuse('its config_model must keep extra="forbid", so that a typo is an error')
        if not loaded.capabilities():
            raise self._refuse("it implements none of Source, Sink, WebhookReceiver, Ticketing, Messenger")
        if loaded.__abstractmethods__:
            raise self._refuse(f"it lacks {', '.join(sorted(loaded.__abstractmethods__))}")
        return loaded

    @property
    def _named(self) -> str:
        return f"Connector {self.kind!r} of {self.distribution} {self.version}"

    def _refuse(self, why: str) -> BrokenConnectorError:
        return BrokenConnectorError(f"{self._named} is refused: {why}.")


def _compatible(version: str) -> bool:
    major, minor = _numbers(SDK_VERSION)
    try:
        its_major, its_minor = _numbers(version)
    except ValueError:
        return False
    return its_major == major and minor - OLDER_MINORS <= its_minor <= minor


def _numbers(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)
