"""Webhooks on their way out: signed, repeated as Jira repeats them, and if asked late, doubled or out of order."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from connectors.jira.sandbox.model import Account, Comment, History, Hook, Issue
from connectors.jira.sandbox.shapes import webhook_body
from connectors.jira.sandbox.site import Site

REPEATED = frozenset({408, 409, 425, 429, *range(500, 600)})
SECONDS_TO_ANSWER = (5, 20)
"""To connect, to respond: Jira Cloud's own limits."""


@dataclass
class Behaviour:
    """How deliveries misbehave; each is something that Jira does."""

    late: float = 0.0
    """Seconds before the first try."""
    doubled: bool = False
    reordered: bool = False
    """Deliveries that wait at the same time leave newest first."""
    held: bool = False
    """Nothing leaves until this is off again."""


@dataclass
class Delivery:
    """One event for one webhook; the identifier is the same on every try."""

    hook: Hook
    event: str
    body: bytes
    due: float
    flow: str = "Primary"
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    tries: list[int | None] = field(default_factory=list)
    """HTTP statuses received; None = no answer."""

    def headers(self) -> dict[str, str]:
        """Write the headers of the next try."""
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "User-Agent": "Atlassian Webhook HTTP Client",
            "X-Atlassian-Webhook-Identifier": self.identifier,
            "X-Atlassian-Webhook-Flow": self.flow,
        }
        if self.tries:
            headers["X-Atlassian-Webhook-Retry"] = str(len(self.tries))
        if self.hook.secret:
            headers["X-Hub-Signature"] = signature(self.hook.secret, self.body)
        return headers


def signature(secret: str, body: bytes) -> str:
    """Sign the raw bytes as Jira does."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Deliveries:
    """Sends from one background thread; listens to the site it was made for."""

    def __init__(
        self,
        site: Site,
        *,
        pauses: Sequence[float] = (1, 2, 4, 8, 16),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.behaviour = Behaviour()
        self.log: list[Delivery] = []
        self._site = site
        self._pauses = pauses
        self._monotonic = monotonic
        self._waiting: list[Delivery] = []
        self._busy = 0
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="jira-webhooks", daemon=True)
        site.listeners.append(self.announce)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what waits is not sent."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def behave(self, **switches: Any) -> None:  # noqa: ANN401 - the fields of Behaviour
        """Change how deliveries misbehave from now on."""
        with self._changed:
            for name, value in switches.items():
                setattr(self.behaviour, name, value)
            self._changed.notify_all()

    def announce(self, event: str, issue: Issue, by: Account, what: History | Comment | None) -> None:
        """Queue an event for every webhook that wants it."""
        hooks = [hook for hook in self._site.hooks.values() if not hook.events or event in hook.events]
        if not hooks:
            return
        body = json.dumps(webhook_body(self._site, event, issue, by, what)).encode()
        with self._changed:
            for hook in hooks:
                delivery = Delivery(hook, event, body, self._monotonic() + self.behaviour.late)
                self.log.append(delivery)
                self._waiting += [delivery] * (2 if self.behaviour.doubled else 1)
            self._changed.notify_all()

    def settled(self, timeout: float = 30.0) -> bool:
        """Wait until nothing is under way; False if the time was not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            for delivery in batch:
                self._try(delivery)
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _next_batch(self) -> list[Delivery] | None:
        with self._changed:
            while not self._stopped:
                now = self._monotonic()
                due = [] if self.behaviour.held else [entry for entry in self._waiting if entry.due <= now]
                if due:
                    self._waiting = [entry for entry in self._waiting if entry.due > now]
                    self._busy += len(due)
                    return due[::-1] if self.behaviour.reordered else due
                next_due = None if self.behaviour.held else min((entry.due for entry in self._waiting), default=None)
                self._changed.wait(None if next_due is None else max(0.0, next_due - now))
        return None

    def _try(self, delivery: Delivery) -> None:
        try:
            with requests.Session() as session:
                session.trust_env = False
                headers = delivery.headers()
                reply = session.post(delivery.hook.url, data=delivery.body, headers=headers, timeout=SECONDS_TO_ANSWER)
            status: int | None = reply.status_code
        except requests.RequestException:
            status = None
        tries = len(delivery.tries)
        delivery.tries.append(status)
        if (status is None or status in REPEATED) and tries < len(self._pauses):
            with self._changed:
                delivery.due = self._monotonic() + self._pauses[tries]
                delivery.flow = "Secondary"
                self._waiting.append(delivery)
                self._changed.notify_all()
