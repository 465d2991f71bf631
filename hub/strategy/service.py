"""Set cycles, objectives and key results; say how far along they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.audit.service import Actor
from hub.audit.service import record as audit
from hub.core.errors import InvalidInputError, NotFoundError
from hub.core.ids import new_public_id
from hub.metrics.models import Series
from hub.strategy.models import Cycle, KeyResult, Link, LinkKind, Objective, Status

Entry = TypeVar("Entry", Cycle, Objective, KeyResult)
Key = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
_PREFIXES: Mapping[str, str] = {"cycle": "cyc", "objective": "obj", "key_result": "krs"}


class _Draft(BaseModel):
    """What an entry is to look like, whole: what a draft leaves out gets its default, not what stood there before."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CycleDraft(_Draft):
    """A cycle; `ends_at` is the first instant after it."""

    key: Key
    name: str = ""
    starts_at: datetime
    ends_at: datetime


class ObjectiveDraft(_Draft):
    """An objective, perhaps under another one."""

    key: Key
    name: str = Field(min_length=1, max_length=300)
    org_unit_id: int
    description: str = ""
    parent_id: int | None = None
    cycle_id: int | None = None
    level: str = Field(default="", max_length=40)
    function: str = Field(default="", max_length=40)
    stated_status: Status = Status.UNKNOWN
    retired_at: datetime | None = None


class KeyResultDraft(_Draft):
    """A key result: objective + series + baseline + target line + cycle."""

    key: Key
    name: str = Field(min_length=1, max_length=300)
    objective_id: int
    series_id: int
    cycle_id: int
    baseline: float | None = Field(default=None, allow_inf_nan=False)
    target: float | None = Field(default=None, allow_inf_nan=False)
    stated_status: Status = Status.UNKNOWN
    retired_at: datetime | None = None


def define_cycle(session: Session, draft: CycleDraft, *, by: Actor | str, now: datetime) -> Cycle:
    """Add a cycle, or change the one of this key."""
    if draft.ends_at <= draft.starts_at:
        raise InvalidInputError(f"cycle {draft.key!r} ends before it begins: ends_at is the first instant after it")
    values = draft.model_dump() | {"name": draft.name or draft.key}
    return _write(session, Cycle, values, by=by, now=now)


def define_objective(
    session: Session, draft: ObjectiveDraft, *, recorded_at: datetime | None = None, by: Actor | str, now: datetime
) -> Objective:
    """Add an objective, or change the one of this key.

    Without a timestamp of its source a new one counts as known since its cycle began.
    """
    _refuse_loop(session, draft)
    cycle = None if draft.cycle_id is None else session.get(Cycle, draft.cycle_id)
    born = _born(recorded_at, cycle, now)
    return _write(session, Objective, draft.model_dump(), born=born, by=by, now=now)


def define_key_result(
    session: Session, draft: KeyResultDraft, *, recorded_at: datetime | None = None, by: Actor | str, now: datetime
) -> KeyResult:
    """Add a key result, or change the one of this key."""
    for model, number in ((Objective, draft.objective_id), (Series, draft.series_id), (Cycle, draft.cycle_id)):
        if session.get(model, number) is None:
            raise NotFoundError(f"key result {draft.key!r}: there is no {model.__tablename__} {number}, add it first")
    born = _born(recorded_at, session.get(Cycle, draft.cycle_id), now)
    return _write(session, KeyResult, draft.model_dump(), born=born, by=by, now=now)


def add_link(
    session: Session,
    kind: LinkKind,
    source: tuple[str, str],
    target: tuple[str, str],
    *,
    owner_id: int | None = None,
    since: datetime | None = None,
    recorded_at: datetime | None = None,
    by: Actor | str,
    now: datetime,
) -> Link:
    """Join two things, each given as kind and public id; the same link again is no news."""
    ends = {
        "source_kind": source[0],
        "source_id": source[1],
        "target_kind": target[0],
        "target_id": target[1],
        "kind": kind,
    }
    link = session.scalar(select(Link).filter_by(**ends, ended_at=None))
    if link is not None:
        return link
    link = Link(
        public_id=new_public_id("lnk"),
        **ends,
        owner_id=owner_id,
        since=since,
        recorded_at=min(recorded_at or now, now),
        ingested_at=now,
    )
    session.add(link)
    session.flush()
    audit(session, action="link.added", subject=("link", link.public_id), by=by, detail=ends, now=now)
    return link


def progress(baseline: float | None, target: float | None, actual: float | None) -> float | None:
    """Give the part of the way from baseline to target that was made: 1 = there; None where it cannot be said."""
    if baseline is None or target is None or actual is None or baseline == target:
        return None
    return (actual - baseline) / (target - baseline)


def _born(recorded_at: datetime | None, cycle: Cycle | None, now: datetime) -> dict[str, Any]:
    known = recorded_at or (cycle.starts_at if cycle else now)
    return {"recorded_at": min(known, now), "ingested_at": now}


def _refuse_loop(session: Session, draft: ObjectiveDraft) -> None:
    above = draft.parent_id
    seen: set[int] = set()
    while above is not None and above not in seen:
        seen.add(above)
        parent = session.get(Objective, above)
        if parent is None:
            raise NotFoundError(f"objective {draft.key!r}: there is no objective {above} to put it under, add it first")
        if parent.key == draft.key:
            raise InvalidInputError(f"objective {draft.key!r} cannot stand under itself: choose another parent")
        above = parent.parent_id


def _write(
    session: Session,
    model: type[Entry],
    values: Mapping[str, Any],
    *,
    born: Mapping[str, Any] | None = None,
    by: Actor | str,
    now: datetime,
) -> Entry:
    kind = model.__tablename__
    row = session.scalar(select(model).where(model.key == values["key"]))
    if row is None:
        row = model(public_id=new_public_id(_PREFIXES[kind]), **values, **(born or {}))
        session.add(row)
        changed, action = dict(values), f"{kind}.added"
    else:
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        for name, value in changed.items():
            setattr(row, name, value)
        action = f"{kind}.changed"
    session.flush()
    if changed:
        audit(session, action=action, subject=(kind, row.public_id), by=by, detail=changed, now=now)
    return row
