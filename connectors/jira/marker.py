"""How a ticket of ours is known again: a label, an issue property, and a line at the end of its text.

The property is the strongest: nobody edits it, and Jira does not copy it when an issue is cloned. The label is what a
search finds. The line is what is left where a project's create screen has no labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PROPERTY = "plumbline.marker"
LABEL = "plumbline-ref-"
LINE = "Plumbline reference: "

MARKER = r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}"
_FULL = re.compile(MARKER)
_LABEL = re.compile(f"{LABEL}({MARKER})")
_LINE = re.compile(f"{LINE}({MARKER})(?![A-Za-z0-9_-])")


def checked(marker: str) -> str:
    """Return a marker that fits into a label, a property and a phrase search; anything else is a mistake of ours."""
    if not _FULL.fullmatch(marker):
        raise ValueError(f"a marker has 8 to 64 letters, digits, - or _, not {marker!r}")
    return marker


def in_text(text: str) -> str | None:
    """Find the marker in the last line of ours that a text carries."""
    found = _LINE.findall(text)
    return str(found[-1]) if found else None


def in_labels(labels: object) -> str | None:
    """Find the marker among labels."""
    for label in labels if isinstance(labels, list) else ():
        if found := _LABEL.fullmatch(str(label)):
            return found.group(1)
    return None


def in_properties(properties: object) -> str | None:
    """Find the marker among issue properties."""
    value = properties.get(PROPERTY) if isinstance(properties, Mapping) else None
    return value if isinstance(value, str) and _FULL.fullmatch(value) else None


def of_issue(issue: Mapping[str, Any], text: str) -> str | None:
    """Find the marker of an issue; `text` is its description as plain text."""
    fields = issue.get("fields") or {}
    return in_properties(issue.get("properties")) or in_labels(fields.get("labels")) or in_text(text)
