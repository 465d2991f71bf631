"""Rows of the audit trail: entries anybody may add, the chain that one sealer makes of them, signed checkpoints.

Entries, links and checkpoints are append-only: triggers refuse UPDATE and DELETE. Only the personal part of an entry
can go; the entry keeps a salted commitment to it, so the chain still verifies.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, ForeignKey, Index, String, Table, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from hub.audit.append_only import APPEND_ONLY
from hub.core.database import Base, Id, PublicId, Ref
from hub.core.inventory import Inventory, Personal

KEPT = "for the life of the deployment: the chain has no end"


class AuditEntry(Base):
    """What was done, by whom, to what; written in the transaction of the change itself."""

    __tablename__ = "audit_entry"
    __inventory__ = Inventory(
        purpose="Proof of what was changed, when and by whom.",
        retention=KEPT,
        seen_by="audit.read",
        plain=("action", "subject_kind", "detail", "commitment"),
        personal={
            "subject_id": "which thing was changed: a pseudonym where that is a person",
            "done_by": "who answers for the change: a pseudonym, the name is with the person",
        },
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(80))
    subject_kind: Mapped[str | None] = mapped_column(String(40))
    subject_id: Mapped[str | None] = mapped_column(String(80))
    done_by: Mapped[str] = mapped_column(String(80))
    detail: Mapped[str] = mapped_column(Text)
    """JSON as text: the exact characters are sealed, and a database may not reorder or round them."""
    commitment: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 over salt and personal part; the part itself can be erased."""

    __table_args__ = (
        Index("ix_audit_entry_subject", "subject_kind", "subject_id"),
        Index("ix_audit_entry_at", "at"),
        Index("ix_audit_entry_done_by", "done_by"),
    )


class AuditPersonal(Base):
    """The erasable part of an entry."""

    __tablename__ = "audit_personal"
    __inventory__ = Inventory(
        purpose="Names and addresses that belong to an audit entry.",
        retention="until the person is erased",
        seen_by="audit.read",
        plain=("salt",),
        personal={"value": Personal("what a reader needs to know whom an entry is about")},
    )

    entry_id: Mapped[int] = mapped_column(Ref, ForeignKey("audit_entry.id"), primary_key=True, autoincrement=False)
    salt: Mapped[str] = mapped_column(String(32))
    value: Mapped[str] = mapped_column(Text)


class AuditPending(Base):
    """An entry that the sealer has not taken yet: found without searching the whole trail, and without any lock."""

    __tablename__ = "audit_pending"
    __inventory__ = Inventory(purpose="What the sealer takes next.", retention="a minute", seen_by="nobody")

    entry_id: Mapped[int] = mapped_column(Ref, ForeignKey("audit_entry.id"), primary_key=True, autoincrement=False)


class AuditLink(Base):
    """One place of the chain: its digest covers the entry and every place before it."""

    __tablename__ = "audit_link"
    __inventory__ = Inventory(
        purpose="Order and completeness of the audit trail.", retention=KEPT, seen_by="audit.read", plain=("digest",)
    )

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(Ref, ForeignKey("audit_entry.id"), unique=True)
    digest: Mapped[str] = mapped_column(String(64))


class AuditCheckpoint(Base):
    """A signed statement of the chain's end at one moment; the same text goes to a place outside."""

    __tablename__ = "audit_checkpoint"
    __inventory__ = Inventory(
        purpose="Signed state of the audit trail, to compare with the copies outside.",
        retention=KEPT,
        seen_by="audit.read",
        plain=("body", "signature"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    position: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    """JSON as text: exactly what is signed."""
    signature: Mapped[str] = mapped_column(String(128))


class AuditVerification(Base):
    """What a verification by this deployment found; whoever must not trust the operator runs the verifier elsewhere."""

    __tablename__ = "audit_verification"
    __inventory__ = Inventory(
        purpose="State of the audit trail, for its page.",
        retention="90 days",
        seen_by="audit.read",
        plain=("finding",),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    sound: Mapped[bool]
    entries: Mapped[int]
    finding: Mapped[str | None] = mapped_column(Text)
    """The first bad row, in words."""


def _make_append_only(table: Table, connection: Connection, **_options: object) -> None:
    for statement in APPEND_ONLY[connection.dialect.name][table.name]:
        connection.exec_driver_sql(statement)


for _name in APPEND_ONLY["sqlite"]:
    event.listen(Base.metadata.tables[_name], "after_create", _make_append_only)
