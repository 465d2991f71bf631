"""Which fields the screens take, in which form, and what they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from connectors.jira.sandbox.documents import is_document, plain
from connectors.jira.sandbox.model import (
    CUSTOM_FIELDS,
    ISSUE_TYPES,
    PRIORITIES,
    SECURITY_LEVELS,
    Account,
    Issue,
    Item,
    Project,
    Refused,
)

OFF_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
NOT_A_DOCUMENT = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
LONGEST_SUMMARY = 255

Labels = tuple[str, ...]


class Premises(Protocol):
    """What a screen asks its site."""

    accounts: tuple[Account, ...]

    def project(self, key_or_id: str) -> Project:
        """Find a project."""

    def allows(self, permission: str) -> bool:
        """Say whether a permission is held."""


class Wrong(Exception):  # noqa: N818 - collected per field and answered together
    """A value that Jira refuses for one field."""


@dataclass
class Edit:
    """New values of an issue, and the history items that tell of them."""

    values: dict[str, Any] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)


class Screen:
    """Reads the `fields` and `update` of a request; refuses with Jira's error texts, all fields at once."""

    def __init__(self, site: Premises, version: int, *, hidden: Collection[str] = ()) -> None:
        self._site = site
        self._rich = version > 2  # noqa: PLR2004 - version 2 takes strings, version 3 documents
        self._hidden = hidden
        self._readers: dict[str, Callable[[Any], Any]] = {
            "project": self._project,
            "issuetype": self._issue_type,
            "summary": self._summary,
            "description": self._description,
            "labels": self._labels,
            "assignee": self._assignee,
            "duedate": self._due,
            "priority": lambda value: _choice(PRIORITIES, value, "priority"),
            "security": lambda value: _choice({level.id: level.name for level in SECURITY_LEVELS}, value, "security"),
            **{custom.id: lambda value: value for custom in CUSTOM_FIELDS},
        }

    @property
    def fields(self) -> list[str]:
        """List what can be set, without what is hidden."""
        return [name for name in self._readers if name not in self._hidden]

    def read(
        self,
        fields: Mapping[str, Any],
        *,
        update: Mapping[str, Any] | None = None,
        issue: Issue | None = None,
        creating: bool = False,
    ) -> Edit:
        """Turn a request into new values; what is unchanged is left out."""
        wanted = dict(fields)
        for name, operations in (update or {}).items():
            wanted[name] = _applied(operations, getattr(issue, name, None))
        missing = {name for name in ("project", "issuetype", "summary") if creating and name not in wanted}
        errors = {name: f"{name.capitalize()} is required." for name in missing}
        edit = Edit()
        for name, raw in wanted.items():
            try:
                self._note(edit, name, self._value(name, raw, creating=creating), issue)
            except Wrong as wrong:
                errors[name] = str(wrong)
        if errors:
            raise Refused(400, errors=errors)
        return edit

    def _value(self, name: str, raw: Any, *, creating: bool) -> Any:  # noqa: ANN401 - whatever a client sent
        fixed = name in {"project", "issuetype"} and not creating
        if name not in self._readers or name in self._hidden or fixed:
            raise Wrong(OFF_SCREEN.format(name))
        if name == "security" and raw is not None and not self._site.allows("SET_ISSUE_SECURITY"):
            raise Wrong(OFF_SCREEN.format(name))
        return self._readers[name](raw)

    def _note(self, edit: Edit, name: str, value: Any, issue: Issue | None) -> None:  # noqa: ANN401 - any field's value
        if name.startswith("customfield_"):
            before = issue.custom.get(name) if issue else None
            kept = edit.values.get("custom", dict(issue.custom) if issue else {})
            attribute, stored = "custom", {**kept, name: value}
        else:
            attribute = "issue_type" if name == "issuetype" else name
            before, stored = getattr(issue, attribute, None), value
        if issue is None or before != value:
            edit.values[attribute] = stored
            edit.items.append(Item(field=name, before_text=_shown(before), after_text=_shown(value)))

    def _project(self, raw: Any) -> str:  # noqa: ANN401 - whatever a client sent
        try:
            return self._site.project(str(raw.get("key") or raw.get("id"))).key
        except (Refused, AttributeError):
            raise Wrong("Specify a valid project ID or key") from None

    def _issue_type(self, raw: Any) -> str:  # noqa: ANN401 - whatever a client sent
        for kind in ISSUE_TYPES:
            if isinstance(raw, dict) and (
                raw.get("id") == kind.id or str(raw.get("name")).lower() == kind.name.lower()
            ):
                return kind.id
        raise Wrong("Specify a valid issue type")

    def _summary(self, raw: Any) -> str:  # noqa: ANN401 - whatever a client sent
        if not isinstance(raw, str) or not raw.strip():
            raise Wrong("You must specify a summary of the issue.")
        if "\n" in raw:
            raise Wrong("The summary is invalid because it contains newline characters.")
        if len(raw) > LONGEST_SUMMARY:
            raise Wrong("Summary can't exceed 255 characters.")
        return raw

    def _description(self, raw: Any) -> Any:  # noqa: ANN401 - whatever a client sent
        if raw is not None and self._rich and not is_document(raw):
            raise Wrong(NOT_A_DOCUMENT)
        if raw is not None and not self._rich and not isinstance(raw, str):
            raise Wrong("Operation value must be a string")
        return raw

    def _labels(self, raw: Any) -> Labels:  # noqa: ANN401 - whatever a client sent
        if not isinstance(raw, list) or not all(isinstance(label, str) for label in raw):
            raise Wrong("data was not an array")
        for label in raw:
            if re.search(r"\s", label) or not label:
                raise Wrong(f"The label '{label}' contains spaces which is invalid.")
            if len(label) > LONGEST_SUMMARY:
                raise Wrong(f"The label '{label}' exceeds the maximum length of 255 characters.")
        return tuple(sorted(set(raw)))

    def _assignee(self, raw: Any) -> str | None:  # noqa: ANN401 - whatever a client sent
        if raw is None:
            return None
        name = raw.get("accountId") or raw.get("id") or raw.get("name") if isinstance(raw, dict) else None
        for account in self._site.accounts:
            if name in {account.account_id, account.email.split("@")[0]}:
                return account.account_id
        raise Wrong("Specify a valid value for assignee")

    def _due(self, raw: Any) -> str | None:  # noqa: ANN401 - whatever a client sent
        try:
            return None if raw is None else date.fromisoformat(raw).isoformat()
        except (TypeError, ValueError):
            raise Wrong("Error parsing date string: enter the date in the format yyyy-MM-dd.") from None


def _choice(known: Mapping[str, str], raw: Any, name: str) -> str | None:  # noqa: ANN401 - whatever a client sent
    if raw is None:
        return None
    for key, label in known.items():
        if isinstance(raw, dict) and (raw.get("id") == key or raw.get("name") == label):
            return key
    raise Wrong(f"Specify a valid value for {name}")


def _applied(operations: Any, before: Any) -> Any:  # noqa: ANN401 - whatever a client sent
    value = list(before) if isinstance(before, tuple) else before
    for operation in operations:
        for verb, part in operation.items():
            if verb == "set":
                value = part
            elif verb == "add" and isinstance(value, list):
                value = [*value, part]
            elif verb == "remove" and isinstance(value, list):
                value = [entry for entry in value if entry != part]
            else:
                raise Refused(400, f"The operation '{verb}' is not supported here.")
    return value


def _shown(value: Any) -> str | None:  # noqa: ANN401 - any field's value
    if value is None:
        return None
    return " ".join(value) if isinstance(value, tuple) else plain(value) if isinstance(value, dict) else str(value)
