"""What Jira calls us with: who it is from, and which issues it speaks of. Bodies are hints, never truth."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.jira import marker
from connectors.jira.config import JiraConfig
from connectors.jira.issues import STREAM
from connectors.jira.site import JiraSite
from connectors.jira.text import plain
from connectors.sdk.errors import ConfigError, ForgedRequestError, RecordError
from connectors.sdk.protocol import Touched, WebhookReceiver, WebhookRequest

SIGNATURE = "x-hub-signature"
IDENTIFIER = "x-atlassian-webhook-identifier"
METHODS: Mapping[str, Callable[..., Any]] = {"sha256": hashlib.sha256}
"""The header names its method; only these are believed."""
ISSUE_OF_COMMENT = re.compile(r"/issue/(\d+)/comment/")


class JiraWebhooks(JiraSite, WebhookReceiver[JiraConfig]):
    """Takes webhooks of issues and comments."""

    def verify(self, request: WebhookRequest) -> None:
        """Check the signature over the raw bytes against each secret; two may hold during a rotation.

        Age is no test: Jira repeats a delivery for half an hour, and the hub stores event ids and fetches anew.
        """
        if not self.config.webhook_secret:
            raise ConfigError("Webhooks need a secret: set the same one here and in Jira.", field="webhook_secret")
        method, _, given = request.headers.get(SIGNATURE, "").partition("=")
        if method not in METHODS:
            raise ForgedRequestError("The webhook has no sha256 signature: is a secret set in Jira?")
        digest = METHODS[method]
        matches = [
            hmac.compare_digest(hmac.new(_raw(secret.get_secret_value()), request.body, digest).digest(), _bytes(given))
            for secret in self.config.webhook_secret
        ]
        if not any(matches):
            raise ForgedRequestError("The webhook's signature fits no secret of this connection.")

    def parse(self, request: WebhookRequest) -> Iterator[Touched]:
        """Yield the issue that an event is about; events about anything else yield nothing."""
        try:
            body = json.loads(request.body)
        except ValueError:
            raise RecordError("The webhook's body is not JSON.", stream=STREAM) from None
        key = _issue_key(body) if isinstance(body, dict) else None
        if key is not None:
            event = request.headers.get(IDENTIFIER) or hashlib.sha256(request.body).hexdigest()
            yield Touched(stream=STREAM, key=key, event_id=event, marker=_marker(body))


def _raw(secret: str) -> bytes:
    return secret.encode()


def _bytes(digest: str) -> bytes:
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return b""


def _issue_key(body: Mapping[str, Any]) -> str | None:
    """Find the numeric id; comment events of some sites name the issue only in an address."""
    issue = body.get("issue")
    if isinstance(issue, dict) and str(issue.get("id", "")).isdecimal():
        return str(issue["id"])
    comment = body.get("comment")
    found = ISSUE_OF_COMMENT.search(str(comment.get("self"))) if isinstance(comment, dict) else None
    return found.group(1) if found else None


def _marker(body: Mapping[str, Any]) -> str | None:
    """Find our marker in what the body shows of an issue: its labels, the end of its text."""
    issue = body.get("issue")
    fields = issue.get("fields") if isinstance(issue, dict) else None
    if not isinstance(fields, dict):
        return None
    return marker.in_labels(fields.get("labels")) or marker.in_text(plain(fields.get("description")))
