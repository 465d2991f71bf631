"""The audit trail in the API: read only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from hub.audit.models import AuditEntry
from hub.audit.service import EntryFilter, Seen, list_entries, look_at
from hub.core.access import Permission, require_within
from hub.core.paging import PageQuery, read_page
from hub.web.inputs import Instant
from hub.web.requests import principal, requires, session

api = APIBlueprint("audit_api", __name__, tag="Audit trail")
Text = Annotated[str, Field(min_length=1, max_length=80)]


class EntryQuery(PageQuery):
    """Query of the list of entries."""

    action: Text | None = Field(default=None, description="An action, or its noun: `connection`.")
    subject: Text | None = Field(default=None, description="Public id of what was changed.")
    by: Text | None = Field(default=None, description="Public id of whoever did it, or `system:...`.")
    since: Instant | None = None
    until: Instant | None = None


class SubjectOut(BaseModel):
    """What was changed."""

    kind: str
    id: str


class EntryOut(BaseModel):
    """One entry."""

    id: str
    at: datetime
    action: str
    subject: SubjectOut | None
    by: str
    detail: dict[str, Any]
    personal: dict[str, Any] | None
    personal_erased: bool
    place: int | None = Field(description="Place in the sealed chain; null until it is sealed, about a minute.")


class EntryPage(BaseModel):
    """One page of entries, newest first."""

    items: list[EntryOut]
    next_cursor: str | None = Field(default=None, description="Cursor of the next page; null on the last one.")


@api.get("/audit-entries")
@requires(Permission.AUDIT_READ)
@api.input(EntryQuery, location="query")
@api.output(EntryPage)
def list_audit_entries(query_data: EntryQuery) -> EntryPage:
    """List entries of the audit trail, newest first."""
    require_within(principal(), Permission.AUDIT_READ, None)
    wanted = EntryFilter(**query_data.model_dump(exclude={"limit", "cursor"}))
    page = read_page(
        session(), list_entries(wanted), by=[AuditEntry.at, AuditEntry.id], query=query_data, newest_first=True
    )
    return EntryPage(items=[_tell(one) for one in look_at(session(), page.items)], next_cursor=page.next_cursor)


def _tell(seen: Seen) -> EntryOut:
    entry = seen.entry
    subject = None
    if entry.subject_kind is not None and entry.subject_id is not None:
        subject = SubjectOut(kind=entry.subject_kind, id=entry.subject_id)
    return EntryOut(
        id=entry.public_id,
        at=entry.at,
        action=entry.action,
        subject=subject,
        by=entry.done_by,
        detail=seen.detail,
        personal=seen.personal,
        personal_erased=seen.erased,
        place=seen.place,
    )
