"""Pages of connections: what is plugged in and how it fares, and everything that is or was to be written to tools."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from hub.connections import service, setting_up
from hub.connections.models import ENDED, Connection, ConnectionHealth, Delivery, DeliveryState, Stage
from hub.connections.service.submitting import RETRIABLE
from hub.core.access import Permission, find_visible, require_within, visible
from hub.core.errors import InvalidInputError
from hub.core.instants import to_micros
from hub.core.paging import PageQuery, read_page
from hub.web.panels import panels_at
from hub.web.requests import principal, requires, session, state
from hub.work.service import enqueue

LATEST = 10
AWAITED = {
    "checking": "checked_at",
    "added": "checked_at",
    "changed": "checked_at",
    "asked": "last_attempt_at",
    "resumed": "last_attempt_at",
}
"""What was asked for -> when the last one of it was, in the connection's health."""
PATIENCE = 300_000_000
"""Microseconds after which a page no longer looks again by itself."""
LONGEST_INSTANT = 18

pages = Blueprint("connections", __name__, template_folder="templates")
pages.register_blueprint(setting_up.pages)


@dataclass(frozen=True)
class Line:
    """One connection of the list."""

    connection: Connection
    health: ConnectionHealth
    waiting: int
    """Deliveries that have not ended."""


@pages.get("/connections")
@requires(Permission.CONNECTIONS_READ)
def index() -> str:
    """List connections and how they fare."""
    found = session().scalars(
        visible(select(Connection).where(Connection.removed_at.is_(None)), principal(), Connection).order_by(
            Connection.key
        )
    )
    lines = [Line(one, service.find_health(session(), one), _waiting(one)) for one in found]
    return render_template("connections/index.html", lines=lines, switch=service.find_switch(session()))


@pages.get("/connections/<public_id>")
@requires(Permission.CONNECTIONS_READ)
def connection(public_id: str) -> str:
    """Show one connection: its configuration, health, readings, and what was written."""
    found = find_visible(session(), principal(), Connection, public_id)
    latest = service.select_deliveries(principal()).where(Delivery.connection_id == found.id)
    return render_template(
        "connections/connection.html",
        connection=found,
        configuration=_written(service.find_configured(session(), found.id).plain),
        health=service.find_health(session(), found),
        gate=service.closed_gate(session(), found),
        counts=service.count_deliveries(session(), found.id),
        deliveries=session().scalars(latest.order_by(Delivery.id.desc()).limit(LATEST)).all(),
        may_manage=principal().may_in(Permission.CONNECTIONS_MANAGE, found.org_unit_id),
        panels=panels_at("connections.connection", found),
        waiting=_is_awaited(service.find_health(session(), found)),
    )


@pages.post("/connections/<public_id>/pause")
@requires(Permission.CONNECTIONS_MANAGE)
def pause(public_id: str) -> Response:
    """Stop reading from and writing to a tool."""
    found = _managed(public_id)
    reason = request.form.get("reason", "").strip() or "Paused by an admin."
    service.pause_connection(session(), found, reason=reason[:500], by=principal(), now=state().clock())
    return _back(found, "paused")


@pages.post("/connections/<public_id>/resume")
@requires(Permission.CONNECTIONS_MANAGE)
def resume(public_id: str) -> Response:
    """Go on after a pause."""
    found = _managed(public_id)
    service.resume_connection(session(), found, by=principal(), now=state().clock())
    return _back(found, "resumed")


@pages.post("/connections/<public_id>/check")
@requires(Permission.CONNECTIONS_MANAGE)
def check(public_id: str) -> Response:
    """Have a worker ask the tool whether configuration and permissions work."""
    found = _managed(public_id)
    enqueue(session(), "connections.check", {"connection_id": found.id})
    return _back(found, "checking")


@pages.post("/connections/<public_id>/stage/<stage>")
@requires(Permission.CONNECTIONS_MANAGE)
def set_stage(public_id: str, stage: str) -> Response:
    """Let Plumbline write to a tool, or only look."""
    if stage not in set(Stage):
        raise InvalidInputError(f"stage: {stage!r} is none of {', '.join(Stage)}.")
    found = _managed(public_id)
    service.set_stage(session(), found, Stage(stage), by=principal(), now=state().clock())
    return _back(found, "staged")


@pages.post("/connections/writes/<position>")
@requires(Permission.CONNECTIONS_MANAGE)
def switch_writes(position: str) -> Response:
    """Stop all writing to tools, or let it go on."""
    if position not in {"on", "off"}:
        raise InvalidInputError(f"writes: {position!r} is neither on nor off.")
    require_within(principal(), Permission.CONNECTIONS_MANAGE, None)
    service.switch_writes(session(), on=position == "on", by=principal(), now=state().clock())
    return redirect(url_for(".index", done="switched"), HTTPStatus.SEE_OTHER)


@pages.get("/deliveries")
@requires(Permission.CONNECTIONS_READ)
def deliveries() -> str:
    """List what is or was to be written, by state, and every ambiguity."""
    wanted = _read_state(request.args.get("state", "all"))
    page = read_page(
        session(),
        service.select_deliveries(principal(), states=[wanted] if wanted else ()),
        by=(Delivery.id,),
        query=PageQuery(cursor=request.args.get("cursor")),
        newest_first=True,
    )
    keys = {row.id: row.key for row in session().execute(select(Connection.id, Connection.key))}
    return render_template(
        "connections/deliveries.html",
        page=page,
        wanted=wanted,
        states=list(DeliveryState),
        keys=keys,
        ambiguities=service.list_ambiguities(session(), principal()),
        switch=service.find_switch(session()),
    )


@pages.get("/deliveries/<public_id>")
@requires(Permission.CONNECTIONS_READ)
def delivery(public_id: str) -> str:
    """Show one delivery: what is written, and every step it took."""
    found = service.find_delivery(session(), principal(), public_id)
    return render_template(
        "connections/delivery.html",
        delivery=found,
        body=_written(found.body),
        connection=session().get_one(Connection, found.connection_id),
        steps=service.list_steps(session(), found),
        may_retry=found.state in RETRIABLE and principal().may(Permission.WORK_MANAGE),
    )


@pages.post("/deliveries/<public_id>/retry")
@requires(Permission.WORK_MANAGE)
def retry(public_id: str) -> Response:
    """Try a delivery again that ended without success, or look for it again."""
    found = service.find_delivery(session(), principal(), public_id)
    owner = session().get_one(Connection, found.connection_id)
    require_within(principal(), Permission.WORK_MANAGE, owner.org_unit_id)
    service.retry_delivery(session(), found, by=principal(), now=state().clock())
    return redirect(url_for(".delivery", public_id=found.public_id, done="retried"), HTTPStatus.SEE_OTHER)


def _written(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _waiting(found: Connection) -> int:
    counts = service.count_deliveries(session(), found.id)
    return sum(count for one, count in counts.items() if one not in ENDED)


def _managed(public_id: str) -> Connection:
    """Find a connection to change: that it was shared with the reader's org unit is not enough."""
    found = find_visible(session(), principal(), Connection, public_id)
    require_within(principal(), Permission.CONNECTIONS_MANAGE, found.org_unit_id)
    return found


def _back(found: Connection, done: str) -> Response:
    address = url_for(".connection", public_id=found.public_id, done=done, since=to_micros(state().clock()))
    return redirect(address, HTTPStatus.SEE_OTHER)


def _is_awaited(health: ConnectionHealth) -> bool:
    """Say whether what was asked for a moment ago is still to come: the page then looks again by itself."""
    ended = AWAITED.get(request.args.get("done", ""))
    since = request.args.get("since", "")
    if ended is None or not since.isdecimal() or len(since) > LONGEST_INSTANT:
        return False
    last: datetime | None = getattr(health, ended)
    asked, now = int(since), to_micros(state().clock())
    return 0 <= now - asked < PATIENCE and (last is None or to_micros(last) < asked)


def _read_state(given: str) -> DeliveryState | None:
    if given == "all":
        return None
    try:
        return DeliveryState(given)
    except ValueError:
        raise InvalidInputError(f"state: {given!r} is none of {', '.join(DeliveryState)}, all.") from None
