"""The page of the audit trail: how it stands, and its entries by filter."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

from flask import Blueprint, render_template, request
from pydantic import Field, ValidationError

from hub.audit.models import AuditEntry
from hub.audit.service import EntryFilter, list_entries, look_at, read_state
from hub.core.access import Permission, require_within
from hub.core.errors import BadRequestError
from hub.core.paging import PageQuery, read_page
from hub.web.formats import zone
from hub.web.requests import principal, requires, session, state

pages = Blueprint("audit", __name__, template_folder="templates")
Text = Annotated[str, Field(max_length=80)]


class TrailQuery(PageQuery):
    """Which entries to show; days are days where the reader lives, both included."""

    action: Text | None = None
    subject: Text | None = None
    by: Text | None = None
    since: date | None = None
    until: date | None = None


@pages.get("/audit-trail")
@requires(Permission.AUDIT_READ)
def show_trail() -> str:
    """Show how the trail stands, and its entries, newest first."""
    require_within(principal(), Permission.AUDIT_READ, None)
    query = _query()
    wanted = EntryFilter(
        action=query.action,
        subject=query.subject,
        by=query.by,
        since=_midnight(query.since),
        until=_midnight(query.until, days=1),
    )
    page = read_page(session(), list_entries(wanted), by=[AuditEntry.at, AuditEntry.id], query=query, newest_first=True)
    return render_template(
        "audit/trail.html",
        entries=look_at(session(), page.items),
        next_cursor=page.next_cursor,
        filters=query.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True),
        trail=read_state(session()),
        outside=state().settings.audit_checkpoint_path,
    )


def _query() -> TrailQuery:
    given = {name: text.strip() for name, text in request.args.items() if text.strip()}
    try:
        return TrailQuery.model_validate(given)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        raise BadRequestError(f"{wrong['loc'][0]}: {wrong['msg']}; start again without filters") from error


def _midnight(day: date | None, days: int = 0) -> datetime | None:
    if day is None:
        return None
    if not 1970 <= day.year < 2200:  # noqa: PLR2004  # what hub.web.inputs takes for an instant
        raise BadRequestError("since, until: give a day between 1970 and 2200")
    return datetime.combine(day + timedelta(days=days), time(), zone())
