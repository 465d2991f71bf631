"""Shares: something of one org unit that another one may see as well."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.people.models import OrgUnit, Share

Thing = tuple[str, int, str]
"""Table, id and public id of what is shared."""


def share(session: Session, thing: Thing, org_unit: OrgUnit, *, by: Actor | str, now: datetime) -> None:
    """Let an org unit see a thing; sharing it twice changes nothing."""
    kind, entity_id, public_id = thing
    mine = (Share.entity_kind == kind) & (Share.entity_id == entity_id) & (Share.org_unit_id == org_unit.id)
    if session.scalar(select(exists().where(mine))):
        return
    session.add(Share(entity_kind=kind, entity_id=entity_id, org_unit_id=org_unit.id, created_at=now))
    session.flush()
    record(session, action="share.added", subject=(kind, public_id), by=by, detail={"org_unit": org_unit.public_id})


def unshare(session: Session, thing: Thing, org_unit: OrgUnit, *, by: Actor | str) -> None:
    """Take a share back."""
    kind, entity_id, public_id = thing
    session.execute(
        delete(Share).where(Share.entity_kind == kind, Share.entity_id == entity_id, Share.org_unit_id == org_unit.id)
    )
    record(session, action="share.removed", subject=(kind, public_id), by=by, detail={"org_unit": org_unit.public_id})
