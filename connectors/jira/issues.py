"""An issue as Jira gives it, read into what the hub knows: a record, a ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic import JsonValue

from connectors.jira import marker
from connectors.jira.config import PlanItem
from connectors.jira.plan import plan_of
from connectors.jira.text import plain
from connectors.sdk.protocol import Record, Ticket, TicketState

STREAM = "issues"

TICKET_FIELDS = ("status", "resolution", "assignee", "updated", "labels", "description")
CATEGORIES = {"new": TicketState.OPEN, "indeterminate": TicketState.IN_PROGRESS, "done": TicketState.CLOSED}
"""Keys of Jira's status categories; `undefined` and unknown ones count as open."""
LOOKS = frozenset({"avatarId", "avatarUrls", "iconUrl", "self", "expand"})
"""Addresses of pictures and of the API itself, in every nested object: they would be half of what is stored."""
NESTED = frozenset({dict, list})


@lru_cache(maxsize=1024)
def instant(text: object) -> datetime | None:
    """Read Jira's own form of an instant, 2026-01-31T09:00:00.000+0100, as UTC."""
    if not isinstance(text, str) or not text:
        return None
    return datetime.fromisoformat(text).astimezone(UTC)


def state_of(issue: Mapping[str, Any]) -> TicketState:
    """Read the category of an issue's status, or of a transition's target."""
    status = (issue.get("fields") or {}).get("status") or issue.get("to") or {}
    category = (status.get("statusCategory") or {}).get("key")
    return CATEGORIES.get(str(category), TicketState.OPEN)


def browse_url(base_url: str, key: str) -> str:
    """Where a person sees an issue."""
    return f"{base_url}/browse/{key}"


def ticket(issue: Mapping[str, Any], base_url: str) -> Ticket:
    """Read an issue that was asked for with TICKET_FIELDS as a ticket."""
    fields = issue.get("fields") or {}
    assignee = fields.get("assignee") or {}
    return Ticket(
        key=str(issue["id"]),
        label=str(issue["key"]),
        url=browse_url(base_url, str(issue["key"])),
        state=state_of(issue),
        marker=marker.of_issue(issue, plain(fields.get("description"))),
        resolution=(fields.get("resolution") or {}).get("name"),
        assignee=assignee.get("accountId") or assignee.get("name"),
        changed_at=instant(fields.get("updated")),
    )


def record(issue: Mapping[str, Any], base_url: str, plan: Sequence[PlanItem] = ()) -> Record:
    """Read an issue as a record; raises KeyError, TypeError or ValueError if it is not one."""
    fields = dict(issue["fields"])
    changed = instant(fields["updated"])
    text = plain(fields.get("description"))
    if "description" in fields:
        fields["description"] = text or None
    data: dict[str, JsonValue] = {
        "id": str(issue["id"]),
        "key": str(issue["key"]),
        "marker": marker.of_issue(issue, text),
        "state": state_of(issue).value,
        "fields": _without_looks(fields),
        "properties": dict(issue.get("properties") or {}),
        **({"plan": plan_of(issue, plan)} if plan else {}),
    }
    return Record.model_construct(  # parsed JSON is JSON: to check each value again took a fifth of the reading
        stream=STREAM,
        key=str(issue["id"]),
        data=data,
        deleted=False,
        version=str(fields["updated"]),
        changed_at=changed,
        place=browse_url(base_url, str(issue["key"])),
    )


def gone(key: str, stream: str = STREAM) -> Record:
    """Say that an issue is deleted, hidden from us, or outside the projects of the connection."""
    return Record(stream=stream, key=key, data={}, deleted=True)


def _without_looks(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {
            name: _without_looks(item) if type(item) in NESTED else item
            for name, item in value.items()
            if name not in LOOKS
        }
    return [_without_looks(item) for item in value] if isinstance(value, list) else value
