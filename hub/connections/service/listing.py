"""What pages and the API show of deliveries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from hub.connections.models import (
    ENDED,
    Connection,
    ConnectionHealth,
    Delivery,
    DeliveryState,
    DeliveryStep,
    WriteSwitch,
)
from hub.core.access import Principal, visible
from hub.core.errors import NotFoundError

KEPT_FOR = timedelta(days=365)
PRUNED_AT_ONCE = 500


@dataclass(frozen=True)
class Ambiguity:
    """A moment at which nobody knew what became of a delivery, and the delivery as it is now."""

    delivery: Delivery
    step: DeliveryStep


def select_deliveries(principal: Principal, *, states: Collection[DeliveryState] = ()) -> Select[Delivery]:
    """Choose the deliveries of connections that somebody may see."""
    statement = select(Delivery).where(Delivery.connection_id.in_(_visible_ids(principal)))
    return statement.where(Delivery.state.in_(states)) if states else statement


def list_ambiguities(session: Session, principal: Principal, *, limit: int = 50) -> list[Ambiguity]:
    """List the moments at which nobody knew what became of a delivery, newest first; resolved ones too."""
    rows = session.execute(
        select(Delivery, DeliveryStep)
        .join(DeliveryStep, DeliveryStep.delivery_id == Delivery.id)
        .where(DeliveryStep.step == "ambiguous", Delivery.connection_id.in_(_visible_ids(principal)))
        .order_by(DeliveryStep.id.desc())
        .limit(limit)
    )
    return [Ambiguity(delivery, step) for delivery, step in rows]


def list_steps(session: Session, delivery: Delivery) -> list[DeliveryStep]:
    """List what happened to a delivery, oldest first."""
    found = session.scalars(
        select(DeliveryStep).where(DeliveryStep.delivery_id == delivery.id).order_by(DeliveryStep.id)
    )
    return list(found)


def find_delivery(session: Session, principal: Principal, public_id: str) -> Delivery:
    """Find a delivery that somebody may see."""
    found = session.scalar(select_deliveries(principal).where(Delivery.public_id == public_id))
    if found is None:
        raise NotFoundError("There is no such delivery, or you may not see it.")
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


def find_switch(session: Session) -> WriteSwitch | None:
    """Give the stop switch; None = nobody ever touched it, and it is on."""
    return session.scalar(select(WriteSwitch))


def prune_deliveries(session: Session, *, now: datetime) -> bool:
    """Forget some of the deliveries that ended more than a year ago; say whether there may be more."""
    old = session.scalars(
        select(Delivery.id).where(Delivery.state.in_(ENDED), Delivery.ended_at < now - KEPT_FOR).limit(PRUNED_AT_ONCE)
    ).all()
    session.execute(delete(DeliveryStep).where(DeliveryStep.delivery_id.in_(old)))
    session.execute(delete(Delivery).where(Delivery.id.in_(old)))
    return len(old) == PRUNED_AT_ONCE


def _visible_ids(principal: Principal) -> Select[int]:
    return visible(select(Connection.id), principal, Connection)
