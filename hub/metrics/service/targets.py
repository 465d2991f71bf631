"""Record what is wanted. A revision is a new row with its reason; the old wish stays readable."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.errors import InvalidInputError
from hub.core.ids import new_public_id
from hub.core.instants import from_micros, to_micros
from hub.metrics.events import ObservationsRecorded
from hub.metrics.models import Target
from hub.metrics.service.observations import CHUNK, Recorded, Reporting, lock_series
from hub.metrics.service.versions import Version, Versions, micros_or_none
from hub.work.service import publish

_Period = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TargetDraft:
    """What somebody wants of one period; without `period_end` the period has the length of the series' cadence."""

    series_id: int
    period_start: datetime
    target: float | None
    period_end: datetime | None = None
    threshold: float | None = None
    stretch: float | None = None
    recorded_at: datetime | None = None
    set_by: str | None = None
    reason: str | None = None


def record_targets(session: Session, batch: Iterable[TargetDraft], *, now: datetime) -> Recorded:
    """Add the targets that are news and publish `observations.recorded`; the same batch again adds nothing.

    A target of a period that began before we heard of it, and that comes without a timestamp, counts as known since the
    period's start, imputed: nobody can be blamed for a revision that only our first import shows.
    """
    drafts = list(batch)
    at = to_micros(now)
    reporting = lock_series(session, {draft.series_id for draft in drafts}, now=at)
    periods = _known(session, sorted(reporting))
    added: list[Target] = []
    for draft in sorted(drafts, key=lambda draft: (draft.series_id, draft.period_start)):
        revision = _revise(draft, reporting[draft.series_id], periods, now=at)
        if revision is not None:
            added.append(revision)
    session.add_all(added)
    session.flush()
    changed = tuple(sorted({target.series_id for target in added}))
    if changed:
        publish(session, ObservationsRecorded(series_ids=changed))
    return Recorded(created=len(added), unchanged=len(drafts) - len(added), series_ids=changed)


def _known(session: Session, series_ids: list[int]) -> dict[_Period, Versions]:
    found: dict[_Period, list[Version]] = {}
    for place in range(0, len(series_ids), CHUNK):
        rows = session.scalars(
            select(Target)
            .where(Target.series_id.in_(series_ids[place : place + CHUNK]))
            .order_by(Target.recorded_at, Target.id)
        )
        for row in rows:
            content = (to_micros(row.period_end), row.target, row.threshold, row.stretch)
            version = Version(to_micros(row.recorded_at), row.recorded_imputed, content)
            found.setdefault((row.series_id, to_micros(row.period_start)), []).append(version)
    return {period: Versions(known) for period, known in found.items()}


def _revise(draft: TargetDraft, reporting: Reporting, periods: dict[_Period, Versions], *, now: int) -> Target | None:
    for number in (draft.target, draft.threshold, draft.stretch):
        if number is not None and not math.isfinite(number):
            raise InvalidInputError(f"{number} is no target that can be kept: leave it empty where there is none")
    start = to_micros(draft.period_start)
    end = micros_or_none(draft.period_end) or reporting.rhythm.end_of(start)
    if end <= start:
        raise InvalidInputError(f"the period from {draft.period_start.isoformat()} ends before it begins")
    version = periods.setdefault((draft.series_id, start), Versions()).add(
        (end, draft.target, draft.threshold, draft.stretch),
        recorded_at=micros_or_none(draft.recorded_at),
        imputed_at=start if start <= reporting.known_since else None,
        now=now,
    )
    return None if version is None else _row(draft, version, end=end, now=now)


def _row(draft: TargetDraft, version: Version, *, end: int, now: int) -> Target:
    return Target(
        public_id=new_public_id("tgt"),
        series_id=draft.series_id,
        period_start=draft.period_start,
        period_end=from_micros(end),
        target=draft.target,
        threshold=draft.threshold,
        stretch=draft.stretch,
        set_by=draft.set_by,
        reason=draft.reason,
        recorded_at=from_micros(version.recorded),
        recorded_imputed=version.imputed,
        ingested_at=from_micros(now),
    )
