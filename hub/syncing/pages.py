"""Where tools send their webhooks, and having a connection read."""

from __future__ import annotations

import threading
from http import HTTPStatus

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.wrappers import Response as Reply

from connectors.sdk.protocol import WebhookRequest
from hub.connections.models import Connection
from hub.core.access import Permission
from hub.core.instants import to_micros
from hub.syncing import mapping_pages, quarantine_pages, service
from hub.syncing.asking import managed
from hub.syncing.intake import LARGEST_BODY, Intake
from hub.web.requests import public, requires, session, state

EXTENSION = "plumbline.intake"
_MAKING = threading.Lock()

pages = Blueprint("syncing", __name__, template_folder="templates")
for _part in (mapping_pages, quarantine_pages):
    pages.register_blueprint(_part.pages)


@pages.post("/webhooks/<key>")
@public("tools sign what they send; what carries no signature of the connection's secret is refused")
def take_webhook(key: str) -> Response:
    """Take a webhook: verified, stored, answered, in this order; everything else is work."""
    request.max_content_length = LARGEST_BODY  # a larger one is refused before it is read
    intake().take(
        key,
        WebhookRequest(
            method=request.method,
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.get_data(cache=False),
            received_at=state().clock(),
        ),
    )
    return Response(status=HTTPStatus.ACCEPTED)


def intake() -> Intake:
    """Give this process's intake; made at the first webhook, because threads do not survive a fork."""
    with _MAKING:
        found: Intake | None = current_app.extensions.get(EXTENSION)
        if found is None:
            found = Intake(state().settings, state().database)
            current_app.extensions[EXTENSION] = found
    return found


@pages.post("/connections/<public_id>/read")
@requires(Permission.CONNECTIONS_MANAGE)
def read_now(public_id: str) -> Reply:
    """Have a connection read soon."""
    connection = managed(public_id)
    full = "full" in request.form
    service.request_sync(session(), connection.id, reason=f"asked:{state().clock().isoformat()}", full=full)
    return _back(connection, "asked")


def _back(connection: Connection, done: str) -> Reply:
    since = to_micros(state().clock())
    address = url_for("connections.connection", public_id=connection.public_id, done=done, since=since)
    return redirect(address, HTTPStatus.SEE_OTHER)
