"""The stop switch for all writing to tools."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.connections.models import WriteSwitch
from hub.connections.service.releasing import ask_for_release

_ONLY_ROW = 1


def writes_on(session: Session, *, keep: bool = False) -> bool:
    """Say whether anything may be written; with `keep` it stays so until this transaction ends."""
    statement = select(WriteSwitch)
    row = session.scalar(statement.with_for_update(read=True) if keep else statement)
    return row is None or row.on


def switch_writes(session: Session, *, on: bool, by: Actor | str, now: datetime) -> None:
    """Stop all writing to tools, or let it go on; what waits is kept in its order."""
    who = by if isinstance(by, str) else by.audit_name
    row = session.get(WriteSwitch, _ONLY_ROW, with_for_update=True)
    if row is None:
        session.add(WriteSwitch(id=_ONLY_ROW, on=on, changed_at=now, changed_by=who))
    else:
        row.on, row.changed_at, row.changed_by = on, now, who
    record(session, action="writes.switched", subject=None, by=by, detail={"on": on}, now=now)
    if on:
        ask_for_release(session)
