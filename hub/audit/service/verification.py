"""Verify the trail of this database, and remember for the page what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, insert, literal_column, select
from sqlalchemy.orm import Session

from hub.audit.models import AuditCheckpoint, AuditEntry, AuditLink, AuditPersonal, AuditVerification
from hub.audit.service.chain import ENTRY, as_row
from hub.audit.verify_trail import Report, Row, Signed, verify

KEPT = timedelta(days=90)
_AT_ONCE = 2000
"""Rows fetched at a time."""


def verify_trail(
    session: Session,
    *,
    public_keys: Sequence[bytes],
    outside: list[Signed] | None,
    accepted_restores: Sequence[int] = (),
) -> Report:
    """Verify everything; read `outside` before the session's first statement, so that it is not ahead of the trail."""
    return verify(
        read_rows(session),
        read_checkpoints(session),
        public_keys=public_keys,
        outside=outside,
        accepted_restores=accepted_restores,
    )


def remember_verification(session: Session, report: Report, *, now: datetime) -> None:
    """Remember what a verification found, and forget the old ones."""
    session.execute(delete(AuditVerification).where(AuditVerification.at < now - KEPT))
    session.execute(
        insert(AuditVerification).values(
            at=now, sound=report.sound, entries=report.entries, finding=report.first.text if report.first else None
        )
    )


def read_rows(session: Session) -> Iterator[Row]:
    """Read the trail as the verifier takes it: by place, what waits last."""
    personal = (AuditPersonal.salt, AuditPersonal.value)
    sealed = (
        select(AuditLink.position, AuditLink.digest, *ENTRY, *personal)
        .outerjoin(AuditEntry, AuditEntry.id == AuditLink.entry_id)
        .outerjoin(AuditPersonal, AuditPersonal.entry_id == AuditEntry.id)
        .order_by(AuditLink.position)
    )
    waiting: Select[*tuple[Any, ...]] = (
        select(literal_column("NULL"), literal_column("NULL"), *ENTRY, *personal)
        .select_from(AuditEntry)
        .outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .outerjoin(AuditPersonal, AuditPersonal.entry_id == AuditEntry.id)
        .where(AuditLink.entry_id.is_(None))
        .order_by(AuditEntry.id)
    )
    yield from _stream(session, sealed)
    yield from _stream(session, waiting)


def read_checkpoints(session: Session) -> list[Signed]:
    """Read the checkpoints beside the trail."""
    rows = session.execute(select(AuditCheckpoint.body, AuditCheckpoint.signature).order_by(AuditCheckpoint.number))
    return [Signed(row.body, row.signature) for row in rows]


def _stream(session: Session, statement: Select[*tuple[Any, ...]]) -> Iterator[Row]:
    for row in session.execute(statement.execution_options(yield_per=_AT_ONCE)):
        yield as_row(*row)
