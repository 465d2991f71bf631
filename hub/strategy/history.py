"""What rules see of the strategy: objectives, key results, and what joins them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.metrics.history import Filled, Known
from hub.metrics.history_tables import OrgUnitTree, column, instants, objects
from hub.metrics.models import Series
from hub.ownership.models import SubjectKind
from hub.ownership.service import Holders, owners_as_of
from hub.people.models import Person
from hub.strategy.models import Cycle, KeyResult, Link, LinkKind, Objective
from rules.tables import Links, Objectives

Entry = dict[str, Any]


def fill(session: Session, known: Known) -> Filled:
    """Fill the tables of objectives (key results among them) and links, as known at an instant."""
    entries = [*_objectives(session, known), *_key_results(session, known)]
    retired = np.array([entry["retired_at"] is not None for entry in entries], dtype=np.bool_)
    objectives = Objectives.of(
        **{
            name: column(entry[name] for entry in entries)
            for name in ("id", "parent", "title", "level", "owner", "org_unit", "function", "status")
        },
        retired=retired,
        start=instants(entry["start"] for entry in entries),
        end=instants(entry["end"] for entry in entries),
        labels=objects([{"key": entry["key"]} for entry in entries]),
        recorded_at=instants(entry["recorded_at"] for entry in entries),
    )
    return Filled(tables={"objectives": objectives, "links": _links(session, known)})


def _objectives(session: Session, known: Known) -> list[Entry]:
    units = OrgUnitTree.read(session)
    owners = owners_as_of(session, SubjectKind.OBJECTIVE, known.as_of, known_on=known.as_of)
    names = _person_names(session)
    rows = session.execute(
        select(Objective, Cycle.starts_at, Cycle.ends_at)
        .outerjoin(Cycle, Cycle.id == Objective.cycle_id)
        .where(Objective.recorded_at <= known.as_of)
        .order_by(Objective.id)
    ).all()
    public_ids = {row.Objective.id: row.Objective.public_id for row in rows}
    return [
        _entry(row.Objective, known)
        | {
            "parent": public_ids.get(row.Objective.parent_id),
            "level": row.Objective.level,
            "owner": names.get(owners.get(row.Objective.public_id, Holders()).owner),
            "org_unit": units.key(row.Objective.org_unit_id),
            "function": row.Objective.function or units.functions[row.Objective.org_unit_id],
            "start": row.starts_at,
            "end": row.ends_at,
        }
        for row in rows
    ]


def _key_results(session: Session, known: Known) -> list[Entry]:
    units = OrgUnitTree.read(session)
    owners = owners_as_of(session, SubjectKind.SERIES, known.as_of, known_on=known.as_of)
    names = _person_names(session)
    rows = session.execute(
        select(KeyResult, Objective, Series.public_id, Cycle.starts_at, Cycle.ends_at)
        .join(Objective, Objective.id == KeyResult.objective_id)
        .join(Series, Series.id == KeyResult.series_id)
        .join(Cycle, Cycle.id == KeyResult.cycle_id)
        .where(KeyResult.recorded_at <= known.as_of, Objective.recorded_at <= known.as_of)
        .order_by(KeyResult.id)
    ).all()
    return [
        _entry(row.KeyResult, known)
        | {
            "parent": row.Objective.public_id,
            "level": "key_result",
            "owner": names.get(owners.get(row.public_id, Holders()).owner),
            "org_unit": units.key(row.Objective.org_unit_id),
            "function": row.Objective.function or units.functions[row.Objective.org_unit_id],
            "start": row.starts_at,
            "end": row.ends_at,
        }
        for row in rows
    ]


def _entry(row: Objective | KeyResult, known: Known) -> Entry:
    return {
        "id": row.public_id,
        "key": row.key,
        "title": row.name,
        "status": row.stated_status,
        "retired_at": row.retired_at if row.retired_at and row.retired_at <= known.as_of else None,
        "recorded_at": row.recorded_at,
    }


def _links(session: Session, known: Known) -> Links:
    names = _person_names(session)
    measured = session.execute(
        select(KeyResult.public_id, Series.public_id, KeyResult.recorded_at)
        .join(Series, Series.id == KeyResult.series_id)
        .where(KeyResult.recorded_at <= known.as_of)
        .order_by(KeyResult.id)
    )
    drawn = session.scalars(
        select(Link)
        .where(Link.recorded_at <= known.as_of, (Link.ended_at.is_(None)) | (Link.ended_at > known.as_of))
        .order_by(Link.id)
    )
    rows = [
        *((result, series, LinkKind.MEASURES.value, None, recorded, recorded) for result, series, recorded in measured),
        *(
            (link.source_id, link.target_id, link.kind, names.get(link.owner_id), link.since, link.recorded_at)
            for link in drawn
        ),
    ]
    return Links.of(
        source=column(row[0] for row in rows),
        target=column(row[1] for row in rows),
        kind=column(row[2] for row in rows),
        owner=column(row[3] for row in rows),
        since=instants(row[4] for row in rows),
        recorded_at=instants(row[5] for row in rows),
    )


def _person_names(session: Session) -> dict[int | None, str]:
    return {row.id: row.public_id for row in session.execute(select(Person.id, Person.public_id))}
