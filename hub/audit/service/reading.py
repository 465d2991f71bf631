"""Read the trail for people: entries by filter, and how the trail stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub.audit.models import AuditCheckpoint, AuditEntry, AuditLink, AuditPending, AuditPersonal, AuditVerification
from hub.audit.service.checkpoints import last_checkpoint


@dataclass(frozen=True)
class EntryFilter:
    """What to look for; what is not given does not matter."""

    action: str | None = None
    """An action, or a noun: `connection` finds `connection.created`."""
    subject: str | None = None
    by: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Seen:
    """An entry with what belongs to it."""

    entry: AuditEntry
    detail: dict[str, Any]
    personal: dict[str, Any] | None
    erased: bool
    """It had a personal part, which was erased."""
    place: int | None
    """Place in the chain; None while it waits to be sealed."""


@dataclass(frozen=True)
class TrailState:
    """How the trail stands."""

    waiting: int
    checkpoint: AuditCheckpoint | None
    verification: AuditVerification | None


def list_entries(wanted: EntryFilter) -> Select[AuditEntry]:
    """Select entries; the caller pages them, newest first."""
    statement = select(AuditEntry)
    if wanted.action:
        noun = AuditEntry.action.startswith(f"{wanted.action}.", autoescape=True)
        statement = statement.where((AuditEntry.action == wanted.action) | noun)
    if wanted.subject:
        statement = statement.where(AuditEntry.subject_id == wanted.subject)
    if wanted.by:
        token = AuditEntry.done_by.startswith(f"{wanted.by}/", autoescape=True)
        statement = statement.where((AuditEntry.done_by == wanted.by) | token)
    if wanted.since:
        statement = statement.where(AuditEntry.at >= wanted.since)
    if wanted.until:
        statement = statement.where(AuditEntry.at < wanted.until)
    return statement


def look_at(session: Session, entries: Sequence[AuditEntry]) -> list[Seen]:
    """Read what belongs to some entries: their personal parts, and their places in the chain."""
    ids = [entry.id for entry in entries]
    personal = dict(
        session.execute(
            select(AuditPersonal.entry_id, AuditPersonal.value).where(AuditPersonal.entry_id.in_(ids))
        ).all()
    )
    places = dict(
        session.execute(select(AuditLink.entry_id, AuditLink.position).where(AuditLink.entry_id.in_(ids))).all()
    )
    return [
        Seen(
            entry=entry,
            detail=json.loads(entry.detail),
            personal=json.loads(personal[entry.id]) if entry.id in personal else None,
            erased=entry.commitment is not None and entry.id not in personal,
            place=places.get(entry.id),
        )
        for entry in entries
    ]


def read_state(session: Session) -> TrailState:
    """Say how many entries wait, and what was last signed and last verified."""
    return TrailState(
        waiting=session.scalar(select(func.count()).select_from(AuditPending)) or 0,
        checkpoint=last_checkpoint(session),
        verification=session.scalar(select(AuditVerification).order_by(AuditVerification.id.desc()).limit(1)),
    )
