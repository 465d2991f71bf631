"""What pages and the API show of deliveries."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub.connections.models import Connection, ConnectionHealth, Delivery, DeliveryState, DeliveryStep
from hub.core.errors import NotFoundError


def select_deliveries(*, connection_id: int | None = None, states: Collection[DeliveryState] = ()) -> Select[Delivery]:
    """Choose deliveries, newest first."""
    statement = select(Delivery).order_by(Delivery.id.desc())
    if connection_id is not None:
        statement = statement.where(Delivery.connection_id == connection_id)
    return statement.where(Delivery.state.in_(states)) if states else statement


def select_ambiguities() -> Select[Delivery, DeliveryStep]:
    """Choose every moment at which nobody knew what became of a delivery, newest first; resolved ones too."""
    return (
        select(Delivery, DeliveryStep)
        .join(DeliveryStep, DeliveryStep.delivery_id == Delivery.id)
        .where(DeliveryStep.step == "ambiguous")
        .order_by(DeliveryStep.id.desc())
    )


def list_steps(session: Session, delivery: Delivery) -> list[DeliveryStep]:
    """List what happened to a delivery, oldest first."""
    found = session.scalars(
        select(DeliveryStep).where(DeliveryStep.delivery_id == delivery.id).order_by(DeliveryStep.id)
    )
    return list(found)


def find_delivery(session: Session, public_id: str) -> Delivery:
    """Find a delivery by its public id."""
    found = session.scalar(select(Delivery).where(Delivery.public_id == public_id))
    if found is None:
        raise NotFoundError("There is no such delivery.")
    return found


def count_deliveries(session: Session, connection_id: int | None = None) -> dict[DeliveryState, int]:
    """Count deliveries by state."""
    statement = select(Delivery.state, func.count()).group_by(Delivery.state)
    if connection_id is not None:
        statement = statement.where(Delivery.connection_id == connection_id)
    return {DeliveryState(state): count for state, count in session.execute(statement)}


def find_health(session: Session, connection: Connection) -> ConnectionHealth:
    """Give how a connection fares."""
    return session.get_one(ConnectionHealth, connection.id)
