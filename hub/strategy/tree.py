"""The objectives that somebody may see, as a tree with key results and how far along they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.access import Principal, visible
from hub.metrics.latest import Latest, latest_of
from hub.metrics.models import Metric, Series
from hub.strategy.models import KeyResult, Objective
from hub.strategy.service import progress


@dataclass(frozen=True)
class MeasuredResult:
    """A key result with the metric that measures it; no metric where the reader may not see it."""

    key_result: KeyResult
    metric: Metric | None
    latest: Latest | None
    progress: float | None


@dataclass(frozen=True)
class Branch:
    """An objective at its depth of the tree."""

    depth: int
    objective: Objective
    results: Sequence[MeasuredResult]


def read_tree(session: Session, principal: Principal, *, known_on: datetime) -> list[Branch]:
    """Read the tree, each objective before what stands under it; who may not see a parent sees its parts at the top."""
    statement = visible(select(Objective).where(Objective.retired_at.is_(None)), principal, Objective)
    objectives = session.scalars(statement.order_by(Objective.id)).all()
    results = _results(session, principal, [one.id for one in objectives], known_on)
    seen = {one.id for one in objectives}
    parts: dict[int | None, list[Objective]] = {}
    for one in objectives:
        parts.setdefault(one.parent_id if one.parent_id in seen else None, []).append(one)
    branches: list[Branch] = []
    waiting = [(0, one) for one in reversed(parts.get(None, []))]
    while waiting:
        depth, one = waiting.pop()
        branches.append(Branch(depth, one, results.get(one.id, [])))
        waiting += [(depth + 1, part) for part in reversed(parts.get(one.id, []))]
    return branches


def _results(
    session: Session, principal: Principal, objective_ids: Sequence[int], known_on: datetime
) -> dict[int, list[MeasuredResult]]:
    rows = session.scalars(
        select(KeyResult)
        .where(KeyResult.objective_id.in_(objective_ids), KeyResult.retired_at.is_(None))
        .order_by(KeyResult.id)
    ).all()
    measured = visible(
        select(Series.id, Metric)
        .join(Metric, Metric.id == Series.metric_id)
        .where(Series.id.in_({row.series_id for row in rows})),
        principal,
        Series,
    )
    metrics = {row.id: row.Metric for row in session.execute(measured)}
    last = latest_of(session, metrics, known_on=known_on)
    found: dict[int, list[MeasuredResult]] = {}
    for row in rows:
        latest = last.get(row.series_id)
        made = progress(row.baseline, row.target, latest.value if latest else None)
        found.setdefault(row.objective_id, []).append(MeasuredResult(row, metrics.get(row.series_id), latest, made))
    return found
