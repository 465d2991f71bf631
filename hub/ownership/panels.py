"""What ownership shows on pages of lower areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.access import Permission, Principal
from hub.core.database import database_now
from hub.metrics.models import Metric, Series
from hub.ownership.models import SubjectKind
from hub.ownership.service import Holders, owners_as_of
from hub.people.models import OrgUnit, Person


def metric(
    session: Session, principal: Principal, _metric: Metric, series: Sequence[Series]
) -> tuple[str, Mapping[str, Any]] | None:
    """Show who answers for each series of a metric, and for its data."""
    if not principal.may(Permission.METRICS_READ) or not series:
        return None
    ids = [one.public_id for one in series]
    held = owners_as_of(session, SubjectKind.SERIES, database_now(session), subject_ids=ids)
    units = session.scalars(select(OrgUnit).where(OrgUnit.id.in_({one.org_unit_id for one in series})))
    names = {unit.id: unit.name for unit in units}
    people = {number for one in held.values() for number in (one.owner, one.steward) if number is not None}
    persons = {person.id: person.name for person in session.scalars(select(Person).where(Person.id.in_(people)))}
    lines = [
        (names[one.org_unit_id], one.segment, persons.get(holders.owner or 0), persons.get(holders.steward or 0))
        for one in series
        for holders in [held.get(one.public_id, Holders())]
    ]
    return "ownership/metric_panel.html", {"lines": lines}
