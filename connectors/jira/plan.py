"""Issues as objectives, key results and initiatives: which ones, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from connectors.jira.config import PlanItem, PlanKind
from connectors.jira.text import plain

Json = dict[str, Any]

VALUES = ("start", "target", "current", "confidence", "unit", "due")
PLAN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "title", "owner", "parent"],
    "properties": {
        "kind": {"enum": [kind.value for kind in PlanKind]},
        "title": {"type": "string"},
        "owner": {"type": ["string", "null"], "description": "account id; on Data Center the user name"},
        "parent": {
            "type": ["string", "null"],
            "description": "id of the issue above, or the key that a field holds",
        },
        **{name: {"type": ["string", "number", "null"]} for name in VALUES},
    },
}


def item_of(issue: Mapping[str, Any], plan: Sequence[PlanItem]) -> PlanItem | None:
    """Find the entry of the plan that an issue falls under; None if it is none of its issues."""
    fields = issue.get("fields") or {}
    kind, project = fields.get("issuetype") or {}, fields.get("project") or {}
    for item in plan:
        if (
            item.issue_type in {str(kind.get("id")), str(kind.get("name"))}
            and item.project in {None, project.get("key")}
            and (item.label is None or item.label in (fields.get("labels") or ()))
        ):
            return item
    return None


def plan_of(issue: Mapping[str, Any], plan: Sequence[PlanItem]) -> dict[str, JsonValue] | None:
    """Say what an issue is in the plan and what it says there; None if it is none of its issues."""
    item = item_of(issue, plan)
    if item is None:
        return None
    fields = issue.get("fields") or {}
    named = {name: getattr(item, name) for name in VALUES}
    return {
        "kind": item.kind.value,
        "title": str(fields.get("summary") or ""),
        "owner": person(fields.get("assignee")),
        "parent": _parent(fields.get(item.parent)),
        **{name: _value(fields.get(field)) for name, field in named.items() if field is not None},
    }


def person(value: object) -> str | None:
    """Name a person by account id, which stays; Data Center has user names instead."""
    known = value if isinstance(value, Mapping) else {}
    found = known.get("accountId") or known.get("name")
    return str(found) if found else None


def _parent(value: object) -> str | None:
    found = value.get("id") or value.get("key") if isinstance(value, Mapping) else value
    return str(found) if found else None


def _value(value: object) -> JsonValue:
    """Read a field: a number, a text, or the name of what was chosen."""
    if isinstance(value, Mapping):
        return str(value.get("value") or value.get("name") or "") or plain(value) or None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value) if value else None
