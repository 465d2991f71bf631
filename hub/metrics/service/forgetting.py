"""Erase a person from the ledger's words; its numbers stay."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.database import Base
from hub.core.inventory import personal_columns
from hub.core.personal import Subject, replace_names
from hub.metrics.models import Observation
from hub.metrics.service.stretches import rebuild_columns

CHUNK = 500


def erase(session: Session, subject: Subject, *, by: object, now: datetime) -> None:  # noqa: ARG001  # an area's hook
    """Replace a person's names, and derive the columns again that repeat them."""
    changed = replace_names(session, subject, personal_columns(Base, models=Observation.__module__))
    ids = [key for (key,) in changed.get(Observation.__tablename__, ())]
    series: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        part = Observation.id.in_(ids[start : start + CHUNK])
        series.update(session.scalars(select(Observation.series_id).where(part).distinct()))
    session.expire_all()  # the rows were changed behind the session's back
    for series_id in sorted(series):
        rebuild_columns(session, series_id)
