"""Copies of the checkpoints in a place outside, where whoever holds the database cannot change them."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.audit.models import AuditCheckpoint
from hub.audit.service.chain import seal_entries
from hub.audit.service.checkpoints import SigningKey, digests_after, last_checkpoint, sign
from hub.audit.service.entries import Actor, record
from hub.audit.verify_trail import MARK, Checkpoint, Signed, canonical, read_signed, sha256
from hub.core.database import database_now
from hub.core.errors import InvalidInputError, PlumblineError

FILE = "checkpoints.jsonl"
KEY_FILE = "public-key.txt"


class TrailOlderError(PlumblineError):
    """The place outside knows checkpoints that this database does not: it was replaced by an older or another one."""

    slug, status, title = "audit-trail-older", 500, "The audit trail is older than its copy outside"


class Outside:
    """The folder of PLUMBLINE_AUDIT_CHECKPOINT_PATH."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._key_path = folder / KEY_FILE

    def read(self) -> list[Signed]:
        """Read the checkpoints that were sent so far."""
        return read_signed(self.path) if self.path.exists() else []

    def send(self, missing: list[Signed], public_key: bytes) -> None:
        """Append checkpoints, safely on disk; sending one twice does no harm."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._key_path.exists():
            _append(self._key_path, public_key.hex() + "\n")
        torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        lines = "".join(canonical(one._asdict()) + "\n" for one in missing)
        if lines:
            _append(self.path, "\n" * torn + lines)


def list_unsent(session: Session, outside: Outside, sent: list[Signed]) -> list[Signed]:
    """List the checkpoints to send; refuse where the place outside knows more than the database, or something else."""
    last = max((Checkpoint.read(one) for one in sent), key=lambda one: one.number, default=None)
    number = last.number if last else 0
    newest = last_checkpoint(session)
    here = newest.number if newest else 0
    if here < number:
        raise TrailOlderError(
            f"{outside.path} knows checkpoint {number}, this database ends at {here}: put the right database back, "
            "or say why with `plumbline trail checkpoint --restored REASON`"
        )
    later = select(AuditCheckpoint).where(AuditCheckpoint.number >= number).order_by(AuditCheckpoint.number)
    rows = [Signed(one.body, one.signature) for one in session.scalars(later)]
    if last is not None and not _continues(rows[0], last):
        raise TrailOlderError(f"checkpoint {number} in {outside.path} is not the one of this database: compare the two")
    return [one for one in rows if Checkpoint.read(one).number > number]


def _continues(row: Signed, last: Checkpoint) -> bool:
    # after a restore the database lacks the last one, and its next one follows it
    return row.body == last.text.body or Checkpoint.read(row).previous == sha256(last.text.body)


def resume_after_restore(
    session: Session, key: SigningKey, sent: list[Signed], *, reason: str, by: Actor | str, now: datetime | None = None
) -> AuditCheckpoint:
    """Go on after a restore, in the open: the next checkpoint says to which place the trail went back, and why."""
    outside = [Checkpoint.read(one) for one in sent]
    newest = last_checkpoint(session)
    if not outside or (newest is not None and newest.number >= outside[-1].number):
        raise InvalidInputError("the place outside knows nothing more than this database: there is nothing to resume")
    position = _last_common_place(session, outside, newest)
    record(
        session,
        action="audit.restored",
        subject=None,
        by=by,
        detail={"reason": reason, "position": position, "lost_after_checkpoint": newest.number if newest else 0},
        now=now,
    )
    while seal_entries(session):
        pass
    return sign(
        session,
        key,
        number=outside[-1].number + 1,
        at=now or database_now(session),
        previous=sha256(outside[-1].text.body),
        start=position,
        resumes={"position": position, "reason": reason},
    )


def _last_common_place(session: Session, outside: list[Checkpoint], newest: AuditCheckpoint | None) -> int:
    position = newest.position if newest else 0
    marks = "".join(one.marks for one in outside if one.first > position)
    for number, digest in enumerate(digests_after(session, position)):
        if marks[number * MARK : (number + 1) * MARK] != digest[:MARK]:
            break
        position += 1
    return position


def _append(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
