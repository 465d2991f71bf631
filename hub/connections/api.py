"""Connections and deliveries for programs."""

from __future__ import annotations

from datetime import datetime

from apiflask import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import select

from hub.connections import service
from hub.connections.models import Connection, Delivery, DeliveryKind, DeliveryState, Managed, Stage
from hub.core.access import Permission, find_visible, visible
from hub.core.paging import PageQuery, read_page
from hub.web.requests import principal, requires, session

api = APIBlueprint("connections_api", __name__, tag="Connections")


class ConnectionOut(BaseModel):
    """A connection and how it fares; its configuration is not shown."""

    id: str
    key: str
    kind: str
    title: str
    stage: Stage
    managed: Managed
    paused_reason: str | None
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failing_since: datetime | None
    error: str | None = Field(description="Class of the last reading's error; none where it worked.")
    message: str | None
    requests: int
    bytes: int
    seconds: float


class ConnectionPage(BaseModel):
    """One page of connections."""

    items: list[ConnectionOut]
    next_cursor: str | None


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    state: DeliveryState | None = Field(default=None, description="Only deliveries in this state.")


class DeliveryOut(BaseModel):
    """One thing that is or was to be written to a tool."""

    id: str
    connection: str = Field(description="Id of the connection.")
    kind: DeliveryKind
    state: DeliveryState
    held_reason: str | None
    attempt: int
    created_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None
    external_label: str | None
    external_url: str | None
    last_error: str | None


class DeliveryPage(BaseModel):
    """One page of deliveries."""

    items: list[DeliveryOut]
    next_cursor: str | None


@api.get("/connections")
@api.input(PageQuery, location="query", arg_name="query")
@api.output(ConnectionPage)
@requires(Permission.CONNECTIONS_READ)
def list_connections(query: PageQuery) -> ConnectionPage:
    """List the connections that you may see."""
    statement = visible(select(Connection).where(Connection.removed_at.is_(None)), principal(), Connection)
    page = read_page(session(), statement, by=(Connection.key, Connection.id), query=query)
    return ConnectionPage(items=[_show(one) for one in page.items], next_cursor=page.next_cursor)


@api.get("/connections/<connection_id>")
@api.output(ConnectionOut)
@requires(Permission.CONNECTIONS_READ)
def get_connection(connection_id: str) -> ConnectionOut:
    """Give one connection and how it fares."""
    return _show(find_visible(session(), principal(), Connection, connection_id))


@api.get("/deliveries")
@api.input(DeliveryQuery, location="query", arg_name="query")
@api.output(DeliveryPage)
@requires(Permission.CONNECTIONS_READ)
def list_deliveries(query: DeliveryQuery) -> DeliveryPage:
    """List what is or was to be written to tools, newest first."""
    statement = service.select_deliveries(principal(), states=[query.state] if query.state else ())
    page = read_page(session(), statement, by=(Delivery.id,), query=query, newest_first=True)
    return DeliveryPage(items=[_show_delivery(one) for one in page.items], next_cursor=page.next_cursor)


def _show(connection: Connection) -> ConnectionOut:
    health = service.find_health(session(), connection)
    return ConnectionOut(
        id=connection.public_id,
        key=connection.key,
        kind=connection.kind,
        title=connection.title,
        stage=Stage(connection.stage),
        managed=Managed(connection.managed),
        paused_reason=connection.paused_reason,
        last_attempt_at=health.last_attempt_at,
        last_success_at=health.last_success_at,
        failing_since=health.failing_since,
        error=health.error_class,
        message=health.message,
        requests=health.requests,
        bytes=health.bytes,
        seconds=health.seconds,
    )


def _show_delivery(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=delivery.public_id,
        connection=session().get_one(Connection, delivery.connection_id).public_id,
        kind=DeliveryKind(delivery.kind),
        state=DeliveryState(delivery.state),
        held_reason=delivery.held_reason,
        attempt=delivery.attempt,
        created_at=delivery.created_at,
        sent_at=delivery.sent_at,
        ended_at=delivery.ended_at,
        external_label=delivery.external_label,
        external_url=delivery.external_url,
        last_error=delivery.last_error,
    )
