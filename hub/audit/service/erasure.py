"""Erase what the trail says about a person by name: entries keep their places, and the erasure is an entry itself."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from hub.audit.models import AuditEntry, AuditPersonal
from hub.audit.service.entries import Actor, record
from hub.audit.verify_trail import ERASED, canonical
from hub.core.personal import Subject

_AT_ONCE = 500
"""Entries that one entry about an erasure lists."""


def erase(session: Session, subject: Subject, *, by: Actor | str, now: datetime) -> None:  # noqa: ARG001  # by the database's clock
    """Erase a person from the trail, as this area's part of erasing them everywhere."""
    erase_person(session, person_id=subject.public_id, names=subject.names, by=by)


def names_told_of(session: Session, person_id: str) -> frozenset[str]:
    """Give the names and addresses that the trail tells of a person, those of earlier included."""
    values = session.scalars(
        select(AuditPersonal.value)
        .join(AuditEntry, AuditEntry.id == AuditPersonal.entry_id)
        .where(AuditEntry.subject_kind == "person", AuditEntry.subject_id == person_id)
    )
    told = [json.loads(value) for value in values]
    return frozenset(str(one[name]) for one in told for name in ("name", "email") if one.get(name))


def erase_person(
    session: Session, *, person_id: str, names: Collection[str], by: Actor | str, now: datetime | None = None
) -> int:
    """Erase the personal parts of entries by or about a person, or that hold one of these names; say how many.

    `person_id` is the public id, which the trail keeps as a pseudonym; `names` are names and addresses that stand
    in personal parts as whole values.
    """
    found = session.execute(
        select(AuditEntry.id, AuditEntry.public_id)
        .join(AuditPersonal, AuditPersonal.entry_id == AuditEntry.id)
        .where(or_(*_about(person_id, names)))
        .order_by(AuditEntry.id)
    ).all()
    for start in range(0, len(found), _AT_ONCE):
        part = found[start : start + _AT_ONCE]
        session.execute(delete(AuditPersonal).where(AuditPersonal.entry_id.in_([one.id for one in part])))
        record(
            session,
            action=ERASED,
            subject=("person", person_id),
            by=by,
            detail={"entries": [one.public_id for one in part]},
            now=now,
        )
    return len(found)


def _about(person_id: str, names: Collection[str]) -> list[ColumnElement[bool]]:
    conditions = [
        AuditEntry.subject_id == person_id,
        AuditEntry.done_by == person_id,
        AuditEntry.done_by.startswith(f"{person_id}/", autoescape=True),
        AuditPersonal.value.contains(canonical(person_id), autoescape=True),
    ]
    for name in names:
        conditions.append(AuditPersonal.value.contains(canonical(name), autoescape=True))
        conditions.append(func.lower(AuditPersonal.value).contains(canonical(name).lower(), autoescape=True))
    return conditions
