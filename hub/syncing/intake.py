"""Incoming webhooks: verified before anything is stored, stored before they are answered.

Verifying is a pure function over the raw bytes. Connectors of this distribution run it here; those of others run it in
a process of their own that this process keeps. What is stored is what the webhook spoke of, never its body: bodies are
full of people, nobody has checked them, and the records are read again from the tool anyway.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from sqlalchemy import select

from connectors import registry
from connectors.sdk.child import ProcessLimits
from connectors.sdk.configuration import parse_config
from connectors.sdk.errors import BrokenConnectorError, ConfigError, ConnectorError, ForgedRequestError, RecordError
from connectors.sdk.network import Network
from connectors.sdk.protocol import Capability, Touched, WebhookReceiver, WebhookRequest
from hub.connections.models import Connection
from hub.connections.processes import Connectors
from hub.connections.service import Configured, find_configured
from hub.core.database import Database
from hub.core.errors import NotFoundError, PlumblineError, UnavailableError
from hub.settings import Settings
from hub.syncing.inbox_writer import InboxWriter
from hub.syncing.service import Hint

LARGEST_BODY = 2**20
CHECKED_EVERY = 2.0
"""Seconds after which a connection's configuration is looked at again: a rotated secret counts that soon."""
OUTSIDE_LIMITS = ProcessLimits(start_seconds=20, silence_seconds=5, call_seconds=10)
"""For other people's connectors: a sender waits for its answer."""
NOT_HERE = "No webhooks are taken at this address."

log = structlog.get_logger(__name__)


class ForgedWebhookError(PlumblineError):
    """The webhook is not from whom it says: set the same secret here and there. Nothing was stored."""

    slug, status, title = "forged-webhook", 401, "This webhook is not signed by the tool"


class Receiver(Protocol):
    """Verifies a request and says what it speaks of; raises ForgedRequestError or another ConnectorError."""

    def read(self, request: WebhookRequest) -> Iterable[Touched]:
        """Give the records that the request speaks of."""


class OwnReceiver:
    """A connector of this distribution."""

    def __init__(self, connector: WebhookReceiver[Any]) -> None:
        self._connector = connector

    def read(self, request: WebhookRequest) -> Iterable[Touched]:
        """Verify, then parse."""
        self._connector.verify(request)
        return list(self._connector.parse(request))


class OutsideReceiver:
    """A connector of somebody else, in its own process."""

    def __init__(self, outside: Outside, configured: Configured) -> None:
        self._outside = outside
        self._configured = configured

    def read(self, request: WebhookRequest) -> Iterable[Touched]:
        """Have it verified and parsed over there."""
        return self._outside.ask(self._configured, request)


class Outside:
    """The processes of other people's connectors, all called from one thread: they would die with any other one."""

    def __init__(self, connectors: Connectors) -> None:
        self._connectors = connectors
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="webhook-connectors")

    def ask(self, configured: Configured, request: WebhookRequest) -> list[Touched]:
        """Give what a request speaks of."""
        return self._thread.submit(self._ask, configured, request).result()

    def close(self) -> None:
        """End the processes."""
        self._thread.submit(self._connectors.close).result()
        self._thread.shutdown()

    def _ask(self, configured: Configured, request: WebhookRequest) -> list[Touched]:
        with self._connectors.lend(configured) as tool:
            if Capability.WEBHOOKS not in tool.capabilities():
                raise ConfigError("This connector takes no webhooks.")
            tool.verify(request)
            return list(tool.parse(request))


@dataclass(frozen=True)
class _Known:
    """A receiver, and until when it may be used without another look."""

    receiver: Receiver | None
    connection_id: int
    version: str
    until: float


class Intake:
    """Takes webhooks for one web process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        writer: InboxWriter | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._connectors = Connectors(settings, limits=OUTSIDE_LIMITS)
        self._network = Network(private_hosts=frozenset(settings.allow_private_hosts))
        self._outside = Outside(self._connectors)
        self._writer = writer or InboxWriter(database)
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def take(self, key: str, request: WebhookRequest) -> None:
        """Store what a webhook for the connection of this key speaks of; returns once it is committed."""
        known = self._find(key)
        if known.receiver is None:
            raise NotFoundError(NOT_HERE)
        try:
            touched = list(known.receiver.read(request))
        except ForgedRequestError as error:
            log.warning("webhook.forged", connection=key)
            raise ForgedWebhookError(str(error)) from None
        except ConfigError:
            raise NotFoundError(NOT_HERE) from None
        except RecordError as error:
            log.warning("webhook.unreadable", connection=key, reason=str(error))
            return  # signed, and no use in sending it again; the next reading finds what it was about
        except ConnectorError as error:
            log.warning("webhook.unverified", connection=key, reason=str(error))
            raise UnavailableError("The webhook could not be verified just now: send it again.") from None
        if touched:
            said = [one.model_dump(mode="json") for one in touched]
            self._writer.store(Hint(known.connection_id, touched[0].event_id[:200], said, request.received_at))

    def close(self) -> None:
        """End the processes of other people's connectors."""
        self._outside.close()

    def _find(self, key: str) -> _Known:
        known = self._known.get(key)
        if known is not None and known.until > self._monotonic():
            return known
        with self._lock:
            fresh = self._look_up(key, known)
            if fresh.connection_id:
                self._known[key] = fresh
            else:
                self._known.pop(key, None)  # strangers may ask for any name: none of them is remembered
        return fresh

    def _look_up(self, key: str, before: _Known | None) -> _Known:
        until = self._monotonic() + CHECKED_EVERY
        with self._database.read() as session:
            connection_id = session.scalar(
                select(Connection.id).where(Connection.key == key, Connection.removed_at.is_(None))
            )
            if connection_id is None:
                return _Known(None, 0, "", until)
            configured = find_configured(session, connection_id)
        if before is not None and before.version == configured.version:
            return _Known(before.receiver, connection_id, configured.version, until)
        return _Known(self._make(configured), connection_id, configured.version, until)

    def _make(self, configured: Configured) -> Receiver | None:
        try:
            entry = registry.find(configured.kind)
            if entry.distribution != registry.OURS:
                return OutsideReceiver(self._outside, configured)
            kind = entry.load()
            if not issubclass(kind, WebhookReceiver):
                return None
            config = parse_config(kind.config_model, self._connectors.config_json(configured))
            return OwnReceiver(kind(config, self._network))
        except (ConfigError, BrokenConnectorError) as error:
            log.warning("webhook.no_receiver", connection=configured.key, reason=str(error))
            return None
