"""Connections and deliveries for programs."""

from __future__ import annotations

from datetime import datetime

from apiflask import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import select

from hub.connections import service
from hub.connections.models import Connection, Delivery, DeliveryKind, DeliveryState, Stage
from hub.core.access import Permission, visible
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
    paused_reason: str | None
    last_success_at: datetime | None
    error_class: str | None
    message: str | None = Field(description="What went wrong and what to do.")


class ConnectionPage(BaseModel):
    """One page of connections."""

    items: list[ConnectionOut]
    next_cursor: str | None


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    state: DeliveryState | None = Field(default=None, description="Only deliveries in this state.")


class DeliveryOut(BaseModel):
    """Something that was to be written to a tool, and what became of it."""

    id: str
    kind: DeliveryKind
    state: DeliveryState
    attempt: int
    created_at: datetime
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
    return ConnectionPage(items=[_show(found) for found in page.items], next_cursor=page.next_cursor)


@api.get("/deliveries")
@api.input(DeliveryQuery, location="query", arg_name="query")
@api.output(DeliveryPage)
@requires(Permission.CONNECTIONS_READ)
def list_deliveries(query: DeliveryQuery) -> DeliveryPage:
    """List deliveries, newest first."""
    chosen = () if query.state is None else (query.state,)
    statement = service.select_deliveries(states=chosen).join(Connection, Connection.id == Delivery.connection_id)
    page = read_page(
        session(), visible(statement, principal(), Connection), by=(Delivery.id,), query=query, newest_first=True
    )
    return DeliveryPage(items=[_tell(found) for found in page.items], next_cursor=page.next_cursor)


def _show(connection: Connection) -> ConnectionOut:
    health = service.find_health(session(), connection)
    return ConnectionOut(
        id=connection.public_id,
        key=connection.key,
        kind=connection.kind,
        title=connection.title,
        stage=connection.stage,
        paused_reason=connection.paused_reason,
        last_success_at=health.last_success_at,
        error_class=health.error_class,
        message=health.message,
    )


def _tell(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=delivery.public_id,
        kind=delivery.kind,
        state=delivery.state,
        attempt=delivery.attempt,
        created_at=delivery.created_at,
        ended_at=delivery.ended_at,
        external_label=delivery.external_label,
        external_url=delivery.external_url,
        last_error=delivery.last_error,
    )
