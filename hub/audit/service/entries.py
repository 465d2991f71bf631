"""Write to the audit trail, in the transaction of the change."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import PurePath
from typing import Any, Protocol

from sqlalchemy import insert
from sqlalchemy.orm import Session

from hub.audit.models import AuditEntry, AuditPending, AuditPersonal
from hub.audit.verify_trail import canonical, commit
from hub.core.database import database_now
from hub.core.ids import new_public_id

SYSTEM = "system:"
"""Prefix of what acts by itself, such as `system:syncing`."""


class Actor(Protocol):
    """Whoever answers for a change: a signed-in person or an API token (`hub.core.access.Principal`)."""

    @property
    def audit_name(self) -> str:
        """Give the public id that the trail names; never a name or an address."""


def record(
    session: Session,
    *,
    action: str,
    subject: tuple[str, str] | None,
    by: Actor | str,
    detail: Mapping[str, Any],
    personal: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> str:
    """Add an entry to this transaction and give its public id.

    `action` is `<noun>.<participle>`, `subject` the kind and public id of what was changed, `by` a principal or
    `system:<what>`. `detail` stays for ever and holds nothing about people but public ids; names and addresses go into
    `personal`, which can be erased later.
    """
    kind, thing = subject or (None, None)
    public_id = new_public_id("aud")
    salt = secrets.token_hex(16)
    value = None if personal is None else canonical(_plain(personal))
    entry_id = session.scalar(
        insert(AuditEntry)
        .values(
            public_id=public_id,
            at=now or database_now(session),
            action=action,
            subject_kind=kind,
            subject_id=thing,
            done_by=_name(by),
            detail=canonical(_plain(detail)),
            commitment=None if value is None else commit(salt, value),
        )
        .returning(AuditEntry.id)
    )
    session.execute(insert(AuditPending).values(entry_id=entry_id))
    if value is not None:
        session.execute(insert(AuditPersonal).values(entry_id=entry_id, salt=salt, value=value))
    return public_id


def _name(by: Actor | str) -> str:
    if not isinstance(by, str):
        return by.audit_name
    if not by.startswith(SYSTEM):
        raise ValueError(f"audit entry by {by!r}: give the principal, or `{SYSTEM}<what>` where nobody asked")
    return by


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever the caller wants to be remembered
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(part) for part in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"audit detail holds a {type(value).__name__}: give plain JSON values")
