"""Where tools send their webhooks, and what people decide about reading and quarantine."""

from __future__ import annotations

import threading
from http import HTTPStatus

from flask import Blueprint, Response, current_app, redirect, request, url_for
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response as Reply

from connectors.sdk.protocol import WebhookRequest
from hub.connections.models import Connection
from hub.core.access import Permission, find_visible, require_within
from hub.core.errors import InvalidInputError
from hub.syncing import service
from hub.syncing.intake import LARGEST_BODY, Intake
from hub.web.forms import read_form
from hub.web.requests import principal, public, requires, session, state

EXTENSION = "plumbline.intake"
_MAKING = threading.Lock()

pages = Blueprint("syncing", __name__, template_folder="templates")


class Rejection(BaseModel):
    """Why a row never counts."""

    note: str = Field(min_length=1, max_length=500)


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
    connection = _managed(public_id)
    full = "full" in request.form
    service.request_sync(session(), connection.id, reason=f"asked:{state().clock().isoformat()}", full=full)
    return _back(connection, "asked")


@pages.post("/connections/<public_id>/quarantine/<item_id>/retry")
@requires(Permission.CONNECTIONS_MANAGE)
def retry(public_id: str, item_id: str) -> Reply:
    """Have a row in quarantine read again, after it was repaired."""
    connection = _managed(public_id)
    item = service.find_quarantined(session(), connection.id, item_id)
    service.retry_quarantined(session(), item, by=principal(), now=state().clock())
    return _back(connection, "asked")


@pages.post("/connections/<public_id>/quarantine/<item_id>/reject")
@requires(Permission.CONNECTIONS_MANAGE)
def reject(public_id: str, item_id: str) -> Reply:
    """Decide that a row in quarantine never counts."""
    connection = _managed(public_id)
    item = service.find_quarantined(session(), connection.id, item_id)
    form = read_form(Rejection)
    if form.data is None:
        raise InvalidInputError("Say why this row never counts: the audit trail keeps the reason.")
    service.reject_quarantined(session(), item, note=form.data.note, by=principal(), now=state().clock())
    return _back(connection, "rejected")


def _managed(public_id: str) -> Connection:
    connection = find_visible(session(), principal(), Connection, public_id)
    require_within(principal(), Permission.CONNECTIONS_MANAGE, connection.org_unit_id)
    return connection


def _back(connection: Connection, done: str) -> Reply:
    address = url_for("connections.connection", public_id=connection.public_id, done=done)
    return redirect(address, HTTPStatus.SEE_OTHER)
