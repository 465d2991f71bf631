"""Give entries their places in the chain: many writers add them, one sealer at a time takes them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from hub.audit.models import AuditEntry, AuditLink, AuditPending
from hub.audit.verify_trail import START, Row, instant_text, link

BATCH = 1000
"""Entries that one transaction seals."""
_LOCK = 7_236_501
"""Number of PostgreSQL's advisory lock that makes the sealer one; SQLite's write transactions are one by nature."""

ENTRY = (
    AuditEntry.public_id,
    AuditEntry.at,
    AuditEntry.action,
    AuditEntry.subject_kind,
    AuditEntry.subject_id,
    AuditEntry.done_by,
    AuditEntry.detail,
    AuditEntry.commitment,
)
"""What is sealed of an entry, in the order of `Row`."""


def seal_entries(session: Session, *, limit: int = BATCH) -> int:
    """Seal waiting entries, those that were written first; say how many."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    waiting = session.execute(
        select(AuditPending.entry_id, *ENTRY)
        .join(AuditEntry, AuditEntry.id == AuditPending.entry_id)
        .order_by(AuditPending.entry_id)
        .limit(limit)
    ).all()
    position, digest = end_of_chain(session)
    links: list[dict[str, Any]] = []
    for entry_id, *entry in waiting:
        position += 1
        digest = link(digest, position, as_row(None, None, *entry, None, None))
        links.append({"position": position, "entry_id": entry_id, "digest": digest})
    if links:
        session.execute(insert(AuditLink), links)
        session.execute(delete(AuditPending).where(AuditPending.entry_id.in_([one["entry_id"] for one in links])))
    return len(links)


def end_of_chain(session: Session) -> tuple[int, str]:
    """Give position and digest of the last place."""
    statement = select(AuditLink.position, AuditLink.digest).order_by(AuditLink.position.desc()).limit(1)
    row = session.execute(statement).one_or_none()
    return (0, START) if row is None else (row.position, row.digest)


def as_row(*columns: Any) -> Row:  # noqa: ANN401  # columns of the database
    """Make a row of the chain as it is hashed: its instant is a text."""
    position, digest, public_id, at, *others = columns
    return Row._make((position, digest, public_id, instant_text(at) if at else "", *others))
