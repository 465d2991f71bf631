"""The tree of org units: changing it, and finding one's way up and down."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, exists, literal, or_, select
from sqlalchemy.orm import Session, aliased

from hub.audit.service import Actor, record
from hub.core.errors import ConflictError, InvalidInputError, NotFoundError
from hub.core.ids import new_public_id
from hub.people.models import OrgUnit

DEEPEST = 50
"""Levels of the tree that are followed."""


def add_org_unit(
    session: Session, *, key: str, name: str, parent_id: int | None = None, function: str | None = None, by: Actor | str
) -> OrgUnit:
    """Add a part of the organisation."""
    _refuse_taken_key(session, key, None)
    unit = OrgUnit(public_id=new_public_id("org"), key=key, name=name, parent_id=parent_id, function=function)
    session.add(unit)
    session.flush()
    detail = {"key": key, "name": name, "parent": _public_id(session, parent_id), "function": function}
    record(session, action="org_unit.added", subject=("org_unit", unit.public_id), by=by, detail=detail)
    return unit


def change_org_unit(session: Session, unit: OrgUnit, changes: dict[str, Any], *, by: Actor | str) -> None:
    """Change key, name, function or parent of an org unit; it cannot move below itself."""
    if changes.get("key", unit.key) != unit.key:
        _refuse_taken_key(session, changes["key"], unit.id)
    parent_id = changes.get("parent_id", unit.parent_id)
    if parent_id is not None and parent_id in parts_of(session, [unit.id])[unit.id]:
        raise InvalidInputError("An org unit cannot be a part of itself: choose another parent.", field="parent")
    for name in ("key", "name", "function", "parent_id"):
        if name in changes:
            setattr(unit, name, changes[name])
    session.flush()
    told = {name: value for name, value in changes.items() if name != "parent_id"}
    if "parent_id" in changes:
        told["parent"] = _public_id(session, parent_id)
    record(session, action="org_unit.changed", subject=("org_unit", unit.public_id), by=by, detail=told)


def find_org_unit(session: Session, name: str) -> OrgUnit:
    """Find an org unit by public id or key."""
    found = session.scalars(
        select(OrgUnit).where(or_(OrgUnit.public_id == name, OrgUnit.key == name)).order_by(OrgUnit.public_id != name)
    ).first()
    if found is None:
        raise NotFoundError(f"There is no org unit {name!r}: look at the list of org units.")
    return found


def top_org_unit(session: Session) -> OrgUnit:
    """Give the org unit that everything without a narrower home belongs to: the first one without a parent."""
    found = session.scalars(select(OrgUnit).where(OrgUnit.parent_id.is_(None)).order_by(OrgUnit.id)).first()
    if found is None:
        raise ConflictError("There is no organisation yet: finish the set-up first.")
    return found


def parts_of(session: Session, roots: Collection[int]) -> dict[int, frozenset[int]]:
    """Give, for each of these org units, itself and everything below it."""
    if not roots:
        return {}
    start = select(OrgUnit.id.label("root"), OrgUnit.id.label("part")).where(OrgUnit.id.in_(roots))
    parts = start.cte("parts", recursive=True)
    parts = parts.union(select(parts.c.root, OrgUnit.id).where(OrgUnit.parent_id == parts.c.part))
    found: dict[int, set[int]] = {root: set() for root in roots}
    for root, part in session.execute(select(parts.c.root, parts.c.part)):
        found[root].add(part)
    return {root: frozenset(units) for root, units in found.items()}


def lines_of(session: Session, org_units: Collection[int]) -> dict[int, list[int]]:
    """Give, for each of these org units, the way up: itself, its parent, and so on to the top."""
    if not org_units:
        return {}
    line: dict[int, list[int]] = {org_unit: [] for org_unit in org_units}
    for start, unit in session.execute(_line(org_units)):
        line[start].append(unit)
    return line


def closest(session: Session, org_unit_id: int, candidates: Collection[int]) -> int | None:
    """Give the candidate that is this org unit or the nearest one above it."""
    wanted = frozenset(candidates)
    return next((unit for unit in lines_of(session, [org_unit_id])[org_unit_id] if unit in wanted), None)


def function_of(session: Session, org_unit_id: int) -> str | None:
    """Give the function of an org unit: its own, or that of the nearest org unit above it that has one."""
    line = lines_of(session, [org_unit_id])[org_unit_id]
    functions = dict(session.execute(select(OrgUnit.id, OrgUnit.function).where(OrgUnit.id.in_(line))).all())
    return next((functions[unit] for unit in line if functions[unit]), None)


def _line(org_units: Collection[int]) -> Select[int, int]:
    start = select(
        OrgUnit.id.label("start"),
        OrgUnit.id.label("unit"),
        OrgUnit.parent_id.label("parent"),
        literal(0).label("steps"),
    ).where(OrgUnit.id.in_(org_units))
    line = start.cte("line", recursive=True)
    above = aliased(OrgUnit)
    line = line.union_all(
        select(line.c.start, above.id, above.parent_id, line.c.steps + 1).where(
            above.id == line.c.parent, line.c.steps < DEEPEST
        )
    )
    return select(line.c.start, line.c.unit).order_by(line.c.start, line.c.steps)


def _public_id(session: Session, org_unit_id: int | None) -> str | None:
    return None if org_unit_id is None else session.scalar(select(OrgUnit.public_id).where(OrgUnit.id == org_unit_id))


def _refuse_taken_key(session: Session, key: str, own_id: int | None) -> None:
    taken = session.scalar(select(exists().where(OrgUnit.key == key, OrgUnit.id != (own_id or 0))))
    if taken:
        raise ConflictError(f"The key {key} is taken by another org unit: choose another.", field="key")
