"""Check-ins that people write as comments: `/checkin 62 at-risk because the pilot slipped`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from connectors.jira.issues import browse_url, instant
from connectors.jira.plan import person
from connectors.jira.text import plain
from connectors.sdk.protocol import Record, Rejected, Stream

Json = dict[str, Any]

STREAM = "check_ins"
WORD = "checkin"
"""What a search for such comments looks for: an index knows no slash."""
COMMAND = re.compile(r"^\s*/checkin\b[ \t]*(?P<said>.*)\Z", re.MULTILINE | re.DOTALL | re.IGNORECASE)
SAID = re.compile(
    r"(?P<value>[+-]?\d+(?:\.\d+)?)\s*(?P<percent>%)?(?=\s|$)\s*"
    r"(?:(?P<confidence>on|at|off)[- ](?:track|risk)\b)?[\s,:;-]*(?:because\b)?\s*(?P<note>.*)",
    re.DOTALL | re.IGNORECASE,
)
CONFIDENCES = {"on": "on_track", "at": "at_risk", "off": "off_track"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "key_result", "on", "value"],
    "properties": {
        "id": {"type": "string"},
        "key_result": {"type": "string", "description": "id of the issue"},
        "key": {"type": "string"},
        "on": {"type": "string", "format": "date-time"},
        "value": {"type": "number"},
        "percent": {"type": "boolean", "description": "the value was written with a percent sign"},
        "confidence": {"enum": [*CONFIDENCES.values(), None]},
        "note": {"type": ["string", "null"]},
        "reported_by": {"type": ["string", "null"], "description": "account id"},
        "recorded_at": {"type": "string", "format": "date-time"},
    },
}
CHECK_INS = Stream(name=STREAM, title="Check-ins", json_schema=SCHEMA, primary_key=("id",), cursor_field="recorded_at")


def check_ins(issue: Mapping[str, Any], comments: Iterable[Json], base_url: str) -> Iterator[Record | Rejected]:
    """Read the check-ins among the comments of an issue; one that holds no number is put aside."""
    for comment in comments:
        found = COMMAND.search(plain(comment.get("body")))
        if found is not None:
            yield _check_in(issue, comment, found["said"].strip(), base_url)


def key_of(issue_id: object, comment_id: object) -> str:
    """Name a check-in: a comment is read through its issue."""
    return f"{issue_id}-{comment_id}"


def _check_in(issue: Mapping[str, Any], comment: Json, said: str, base_url: str) -> Record | Rejected:
    key, place = key_of(issue["id"], comment["id"]), browse_url(base_url, str(issue["key"]))
    written, changed = instant(comment.get("created")), instant(comment.get("updated"))
    read = SAID.match(said)
    if read is None or written is None or changed is None:
        return Rejected(
            stream=STREAM,
            key=key,
            place=place,
            reason="the check-in does not begin with a number",
            remedy="Write it as: /checkin 62 at-risk because ...; a decimal point, no thousands separator.",
        )
    data = _data(issue, comment, read, written, changed)
    return Record(stream=STREAM, key=key, data=data, version=changed.isoformat(), changed_at=changed, place=place)


def _data(
    issue: Mapping[str, Any], comment: Json, read: re.Match[str], written: datetime, changed: datetime
) -> dict[str, JsonValue]:
    confidence = read["confidence"]
    return {
        "id": key_of(issue["id"], comment["id"]),
        "key_result": str(issue["id"]),
        "key": str(issue["key"]),
        "on": written.isoformat(),
        "value": float(read["value"]),
        "percent": read["percent"] is not None,
        "confidence": CONFIDENCES[confidence.lower()] if confidence else None,
        "note": read["note"].strip() or None,
        "reported_by": person(comment.get("author")),
        "recorded_at": changed.isoformat(),
    }
