"""Read the trail for people: entries by filter, and how the trail stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub.audit.models import AuditCheckpoint, AuditEntry, AuditPending, AuditPersonal, AuditVerification
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


def read_personal(session: Session, entries: Sequence[AuditEntry]) -> Mapping[int, dict[str, Any]]:
    """Read the personal parts of some entries that have not been erased."""
    ids = [entry.id for entry in entries if entry.commitment is not None]
    rows = session.execute(select(AuditPersonal.entry_id, AuditPersonal.value).where(AuditPersonal.entry_id.in_(ids)))
    return {row.entry_id: json.loads(row.value) for row in rows}


def read_state(session: Session) -> TrailState:
    """Say how many entries wait, and what was last signed and last verified."""
    return TrailState(
        waiting=session.scalar(select(func.count()).select_from(AuditPending)) or 0,
        checkpoint=last_checkpoint(session),
        verification=session.scalar(select(AuditVerification).order_by(AuditVerification.id.desc()).limit(1)),
    )
