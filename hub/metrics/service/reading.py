"""Read the ledger as it was known at any instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from hub.metrics.models import Definition, Observation, Target

Row = TypeVar("Row", Observation, Target)


def newest_versions(model: type[Row], series_id: int, known_on: datetime | None = None) -> type[Row]:
    """Give the entity that holds one row a period: the newest version that was known at that instant (None: now)."""
    place = func.row_number().over(
        partition_by=model.period_start, order_by=(model.recorded_at.desc(), model.id.desc())
    )
    statement = select(model, place.label("place")).where(model.series_id == series_id)
    if known_on is not None:
        statement = statement.where(model.recorded_at <= known_on)
    versions = statement.subquery()
    newest = select(versions).where(versions.c.place == 1).subquery()
    return aliased(model, newest)


def observations_as_of(session: Session, series_id: int, known_on: datetime | None = None) -> Sequence[Observation]:
    """Give one observation a period, oldest first: the newest version that was known at that instant (None: now)."""
    newest = newest_versions(Observation, series_id, known_on)
    return session.scalars(select(newest).order_by(newest.period_start)).all()


def targets_as_of(session: Session, series_id: int, known_on: datetime | None = None) -> Sequence[Target]:
    """Give one target a period, oldest first: the newest version that was known at that instant (None: now)."""
    newest = newest_versions(Target, series_id, known_on)
    return session.scalars(select(newest).order_by(newest.period_start)).all()


def latest(session: Session, series_id: int, known_on: datetime | None = None) -> Observation | None:
    """Give the observation of the last period that has a value, as it was known at that instant (None: now)."""
    seen = observations_as_of(session, series_id, known_on)
    return next((one for one in reversed(seen) if one.value is not None), None)


def versions_of(session: Session, series_id: int, known_on: datetime | None = None) -> Sequence[Observation]:
    """Give every version of every observation, by period and then in the order in which they could be known."""
    statement = select(Observation).where(Observation.series_id == series_id)
    if known_on is not None:
        statement = statement.where(Observation.recorded_at <= known_on)
    order = (Observation.period_start, Observation.recorded_at, Observation.id)
    return session.scalars(statement.order_by(*order)).all()


def definitions_as_of(session: Session, metric_id: int, known_on: datetime | None = None) -> Sequence[Definition]:
    """Give the definitions of a metric that were known at that instant (None: now), newest first."""
    statement = select(Definition).where(Definition.metric_id == metric_id)
    if known_on is not None:
        statement = statement.where(Definition.recorded_at <= known_on)
    return session.scalars(statement.order_by(Definition.version.desc())).all()
