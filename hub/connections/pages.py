"""Pages of connections: how each fares, what is to be written through them, and what became of it."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import Select, select
from werkzeug.wrappers import Response

from hub.connections import service
from hub.connections.models import Connection, Delivery, DeliveryState, Stage
from hub.core.access import Permission, find_visible, require_within, visible
from hub.core.errors import InvalidInputError
from hub.core.paging import PageQuery, read_page
from hub.web.panels import panels_at
from hub.web.requests import principal, requires, session, state

pages = Blueprint("connections", __name__, template_folder="templates")


@pages.get("/connections")
@requires(Permission.CONNECTIONS_READ)
def index() -> str:
    """List connections with their health."""
    statement = visible(select(Connection).where(Connection.removed_at.is_(None)), principal(), Connection)
    found = list(session().scalars(statement.order_by(Connection.key)))
    return render_template(
        "connections/index.html",
        connections=[(connection, service.find_health(session(), connection)) for connection in found],
        writes_on=service.writes_on(session()),
    )


@pages.get("/connections/<public_id>")
@requires(Permission.CONNECTIONS_READ)
def connection(public_id: str) -> str:
    """Show one connection: health, cost, what waits, and what higher areas add."""
    found = find_visible(session(), principal(), Connection, public_id)
    return render_template(
        "connections/connection.html",
        connection=found,
        health=service.find_health(session(), found),
        counts=service.count_deliveries(session(), found.id),
        held=service.closed_gate(session(), found),
        panels=panels_at("connections.connection", found),
    )


@pages.post("/connections/<public_id>/pause")
@requires(Permission.CONNECTIONS_MANAGE)
def pause(public_id: str) -> Response:
    """Stop reading and writing through a connection."""
    found = _find_managed(public_id)
    service.pause_connection(session(), found, reason="A person paused it.", by=principal(), now=state().clock())
    return _back(found)


@pages.post("/connections/<public_id>/resume")
@requires(Permission.CONNECTIONS_MANAGE)
def resume(public_id: str) -> Response:
    """Go on with a paused connection."""
    found = _find_managed(public_id)
    service.resume_connection(session(), found, by=principal(), now=state().clock())
    return _back(found)


@pages.post("/connections/<public_id>/stage/<stage>")
@requires(Permission.CONNECTIONS_MANAGE)
def set_stage(public_id: str, stage: str) -> Response:
    """Let a connection write, or only look again."""
    if stage not in set(Stage):
        raise InvalidInputError(f"stage: {stage!r} is none of {', '.join(Stage)}.")
    found = _find_managed(public_id)
    service.set_stage(session(), found, Stage(stage), by=principal(), now=state().clock())
    return _back(found)


@pages.post("/connections/writes/<position>")
@requires(Permission.CONNECTIONS_MANAGE)
def switch_writes(position: str) -> Response:
    """Stop all writing to tools, or let it go on."""
    if position not in {"on", "off"}:
        raise InvalidInputError(f"writes: {position!r} is neither on nor off.")
    require_within(principal(), Permission.CONNECTIONS_MANAGE, None)
    service.switch_writes(session(), on=position == "on", by=principal(), now=state().clock())
    return redirect(url_for("connections.index"), code=303)


@pages.get("/deliveries")
@requires(Permission.CONNECTIONS_READ)
def deliveries() -> str:
    """List what was to be written to tools, newest first."""
    chosen = _read_state(request.args.get("state", "all"))
    statement = _visible_deliveries(() if chosen is None else (chosen,))
    query = PageQuery(cursor=request.args.get("cursor"))
    page = read_page(session(), statement, by=(Delivery.id,), query=query, newest_first=True)
    names = {one.id: one for one in session().scalars(select(Connection))}
    return render_template(
        "connections/deliveries.html",
        page=page,
        chosen=chosen,
        states=list(DeliveryState),
        connections=names,
    )


@pages.get("/deliveries/<public_id>")
@requires(Permission.CONNECTIONS_READ)
def delivery(public_id: str) -> str:
    """Show one delivery: every attempt, every ambiguity, and how it was resolved."""
    found = _find_delivery(public_id)
    return render_template(
        "connections/delivery.html",
        delivery=found,
        connection=session().get_one(Connection, found.connection_id),
        steps=service.list_steps(session(), found),
        may_retry=found.state in service.RETRIABLE,
    )


@pages.post("/deliveries/<public_id>/retry")
@requires(Permission.WORK_MANAGE)
def retry(public_id: str) -> Response:
    """Try a delivery again."""
    found = _find_delivery(public_id)
    require_within(principal(), Permission.WORK_MANAGE, session().get_one(Connection, found.connection_id).org_unit_id)
    service.retry_delivery(session(), found, by=principal(), now=state().clock())
    return redirect(url_for("connections.delivery", public_id=public_id), code=303)


def _find_managed(public_id: str) -> Connection:
    """Find a connection to change: that it was shared with the reader's org unit is not enough."""
    found = find_visible(session(), principal(), Connection, public_id)
    require_within(principal(), Permission.CONNECTIONS_MANAGE, found.org_unit_id)
    return found


def _find_delivery(public_id: str) -> Delivery:
    found = service.find_delivery(session(), public_id)
    owner = session().get_one(Connection, found.connection_id)
    find_visible(session(), principal(), Connection, owner.public_id)
    return found


def _visible_deliveries(states: tuple[DeliveryState, ...]) -> Select[Delivery]:
    statement = service.select_deliveries(states=states).join(Connection, Connection.id == Delivery.connection_id)
    return visible(statement, principal(), Connection)


def _read_state(given: str) -> DeliveryState | None:
    if given == "all":
        return None
    try:
        return DeliveryState(given)
    except ValueError:
        raise InvalidInputError(f"state: {given!r} is none of {', '.join(DeliveryState)}, all.") from None


def _back(found: Connection) -> Response:
    return redirect(url_for("connections.connection", public_id=found.public_id), code=303)
