"""Say what a tool's records mean: look at all of them first, publish what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any, get_args

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from connectors.sdk.errors import ConnectorError
from hub.connections import service as connections
from hub.connections.configuration import split
from hub.connections.describing import describe_once
from hub.connections.models import Connection, Managed
from hub.core.access import Permission, find_visible
from hub.core.errors import ConflictError, InvalidInputError
from hub.core.sealing import Sealer
from hub.metrics.models import Direction
from hub.syncing import service
from hub.syncing.asking import managed
from hub.syncing.mapping import NEEDED, Role, read_mapping
from hub.web.requests import principal, requires, session, state
from hub.work.service import enqueue

ROLES: tuple[Role, ...] = get_args(Role)
TRAITS = ("unit", "direction", "cadence", "latency")
MOST_STREAMS = 100
WORKING = frozenset({"asked", "reading"})

pages = Blueprint("meaning", __name__)


class PreviewIsOldError(ConflictError):
    """What is published is what somebody has looked at."""

    slug, title = "preview-is-old", "The preview is not of this mapping"


@pages.get("/connections/<public_id>/mapping")
@requires(Permission.CONNECTIONS_MANAGE)
def mapping(public_id: str) -> str:
    """Show what a mapping makes of all records, and let it be changed."""
    connection = managed(public_id)
    seen = _preview(session(), connection)
    published = service.find_mapping(session(), connection.id).model_dump(mode="json", exclude_defaults=True)
    body = seen.get("mapping", published)
    return render_template(
        "syncing/mapping.html",
        connection=connection,
        preview=seen,
        working=seen.get("state") in WORKING,
        is_published=read_mapping(body) == read_mapping(published),
        layouts=body.get("streams", {}),
        roles=ROLES,
        needed=NEEDED,
        directions=list(Direction),
        read_only=connection.managed == Managed.FILE,
    )


@pages.post("/connections/<public_id>/mapping/preview")
@requires(Permission.CONNECTIONS_MANAGE)
def preview(public_id: str) -> Response:
    """Have a worker look at everything there is with the mapping of the form."""
    connection = managed(public_id)
    published = service.find_mapping(session(), connection.id).model_dump(mode="json", exclude_defaults=True)
    body = _read_body(_preview(session(), connection).get("mapping", published))
    read_mapping(body)
    connections.note_preview(session(), connection.id, {"state": "asked", "mapping": body, "streams": []})
    enqueue(session(), "syncing.preview", {"connection_id": connection.id, "mapping": body})
    return _back(connection)


@pages.post("/connections/<public_id>/mapping/publish")
@requires(Permission.CONNECTIONS_MANAGE)
def publish(public_id: str) -> Response:
    """Make what was looked at count from now on."""
    schema = _schema_of(public_id)
    connection, now = managed(public_id), state().clock()
    if connection.managed == Managed.FILE:
        raise connections.ManagedByFileError(f"{connection.key} is managed by a file: change its mapping there.")
    seen = _preview(session(), connection)
    if seen.get("state") != "done" or seen.get("at") != request.form.get("at"):
        raise PreviewIsOldError("The preview has changed since this page was made: look at it again, then publish.")
    _tell_connector(session(), connection, schema, seen["mapping"])
    changed = service.set_mapping(session(), connection, seen["mapping"], by=principal(), now=now)
    return _back(connection, "published" if changed else "same")


def _schema_of(public_id: str) -> Mapping[str, Any]:
    """Ask the connector what it is configured by, before a transaction that writes has begun: it may take a while."""
    with state().database.read() as reading:
        kind = find_visible(reading, principal(), Connection, public_id).kind
    try:
        return describe_once(kind).schema
    except ConnectorError as error:
        raise InvalidInputError(f"The connector does not answer: {error}") from None


def _tell_connector(session: Session, connection: Connection, schema: Mapping[str, Any], body: dict[str, Any]) -> None:
    """Keep the copy true that some connectors hold to know which fields they have to read."""
    configured = connections.find_configured(session, connection.id)
    if "mapping" not in schema.get("properties", {}):
        return
    sealer = Sealer.from_settings(state().settings)
    plain, secrets = split({**configured.open(sealer), "mapping": body}, schema)
    draft = connections.Draft(connection.key, connection.kind, connection.title, plain, secrets, connection.org_unit_id)
    connections.change_connection(session, connection, draft, sealer=sealer, by=principal(), now=state().clock())


def _preview(session: Session, connection: Connection) -> dict[str, Any]:
    report = connections.find_health(session, connection).report or {}
    found: dict[str, Any] = report.get("preview", {})
    return found


def _read_body(before: dict[str, Any]) -> dict[str, Any]:
    """Bring a mapping to what the form says of each stream; what no form can say stays."""
    body = deepcopy(before)
    streams = body.setdefault("streams", {})
    for number in range(MOST_STREAMS):
        name = request.form.get(f"s.{number}.name")
        if name is None:
            continue
        layout = _read_layout(number, streams.get(name, {}))
        streams.pop(name, None)
        if request.form.get(f"s.{number}.as") == "observations" and (layout or f"s.{number}.plain" not in request.form):
            streams[name] = layout
    if not streams:
        del body["streams"]
    return body


def _read_layout(number: int, before: dict[str, Any]) -> dict[str, Any]:
    def said(entry: str) -> str:
        return request.form.get(f"s.{number}.{entry}", "").strip()[:200]

    traits = {**before.get("traits", {}), **{name: said(name) for name in TRAITS}}
    layout = {
        **before,
        "columns": {role: said(f"column.{role}") for role in ROLES if said(f"column.{role}") not in {"", role}},
        "metric": said("metric"),
        "traits": {name: value for name, value in traits.items() if value != ""},
    }
    return {name: value for name, value in layout.items() if value}


def _back(connection: Connection, done: str | None = None) -> Response:
    address = url_for("syncing.meaning.mapping", public_id=connection.public_id, done=done)
    return redirect(address, HTTPStatus.SEE_OTHER)
