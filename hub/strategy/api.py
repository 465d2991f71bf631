"""Objectives and key results for programs."""

from __future__ import annotations

from datetime import datetime

from apiflask import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import select

from hub.core.access import Permission, find_visible, visible
from hub.core.paging import PageQuery, read_page
from hub.metrics.models import Series
from hub.strategy.models import Cycle, KeyResult, Objective, Status
from hub.web.requests import principal, requires, session

api = APIBlueprint("strategy_api", __name__, tag="Strategy")


class ObjectiveOut(BaseModel):
    """Something to be reached."""

    id: str
    key: str
    name: str
    description: str
    parent_id: str | None = Field(description="The objective it serves; null also where you may not see it.")
    cycle: str | None = Field(description="Key of its cycle.")
    level: str
    function: str
    stated_status: Status
    retired_at: datetime | None


class ObjectivePage(BaseModel):
    """One page of objectives."""

    items: list[ObjectiveOut]
    next_cursor: str | None


class KeyResultOut(BaseModel):
    """How one sees that an objective is reached."""

    id: str
    key: str
    name: str
    series_id: str
    cycle: str
    baseline: float | None
    target: float | None
    stated_status: Status
    retired_at: datetime | None


class KeyResultList(BaseModel):
    """The key results of one objective."""

    items: list[KeyResultOut]


@api.get("/objectives")
@requires(Permission.STRATEGY_READ)
@api.input(PageQuery, location="query")
@api.output(ObjectivePage)
def list_objectives(query_data: PageQuery) -> ObjectivePage:
    """List the objectives that you may see."""
    statement = visible(select(Objective), principal(), Objective)
    page = read_page(session(), statement, by=(Objective.id,), query=query_data)
    return ObjectivePage(items=_show(page.items), next_cursor=page.next_cursor)


@api.get("/objectives/<objective_id>")
@requires(Permission.STRATEGY_READ)
@api.output(ObjectiveOut)
def get_objective(objective_id: str) -> ObjectiveOut:
    """Give one objective."""
    return _show([find_visible(session(), principal(), Objective, objective_id)])[0]


@api.get("/objectives/<objective_id>/key-results")
@requires(Permission.STRATEGY_READ)
@api.output(KeyResultList)
def list_key_results(objective_id: str) -> KeyResultList:
    """List the key results of one objective."""
    objective = find_visible(session(), principal(), Objective, objective_id)
    rows = session().execute(
        select(KeyResult, Series.public_id, Cycle.key)
        .join(Series, Series.id == KeyResult.series_id)
        .join(Cycle, Cycle.id == KeyResult.cycle_id)
        .where(KeyResult.objective_id == objective.id)
        .order_by(KeyResult.id)
    )
    return KeyResultList(items=[_result(*row) for row in rows])


def _show(objectives: list[Objective]) -> list[ObjectiveOut]:
    parents = {one.parent_id for one in objectives}
    above = visible(select(Objective).where(Objective.id.in_(parents)), principal(), Objective)
    names = {one.id: one.public_id for one in session().scalars(above)}
    cycles = {cycle.id: cycle.key for cycle in session().scalars(select(Cycle))}
    plain = ObjectiveOut.model_fields.keys() - {"id", "parent_id", "cycle"}
    return [
        ObjectiveOut(
            id=one.public_id,
            parent_id=names.get(one.parent_id or 0),
            cycle=cycles.get(one.cycle_id or 0),
            **{name: getattr(one, name) for name in plain},
        )
        for one in objectives
    ]


def _result(row: KeyResult, series_id: str, cycle: str) -> KeyResultOut:
    plain = KeyResultOut.model_fields.keys() - {"id", "series_id", "cycle"}
    said = {name: getattr(row, name) for name in plain}
    return KeyResultOut(id=row.public_id, series_id=series_id, cycle=cycle, **said)
