"""Issues as a stream: what changed, by id, and the census."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.jira import jql
from connectors.jira.api import FETCHED_AT_ONCE, Page
from connectors.jira.config import JiraConfig
from connectors.jira.issues import STREAM, browse_url, gone, instant, record
from connectors.jira.marker import PROPERTY
from connectors.jira.progress import Progress
from connectors.jira.site import JiraSite
from connectors.sdk.errors import ConfigError, RecordError
from connectors.sdk.protocol import Checkpoint, Cursor, Key, Record, Rejected, Source, Stream

Json = dict[str, Any]

COMMON_FIELDS = (
    "assignee",
    "created",
    "description",
    "duedate",
    "issuetype",
    "labels",
    "parent",
    "priority",
    "project",
    "reporter",
    "resolution",
    "resolutiondate",
    "status",
    "statuscategorychangedate",
    "summary",
    "updated",
)
CUSTOM_FIELD = re.compile(r"\bcustomfield_\d+\b")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "key", "fields"],
    "properties": {
        "id": {"type": "string"},
        "key": {"type": "string"},
        "marker": {"type": ["string", "null"], "description": "set on tickets that Plumbline made"},
        "state": {"enum": ["open", "in_progress", "closed"]},
        "fields": {"type": "object", "required": ["updated"]},
        "properties": {"type": "object"},
    },
}
STREAMS = (Stream(name=STREAM, title="Issues", json_schema=SCHEMA, primary_key=("id",), cursor_field="fields.updated"),)


class JiraSource(JiraSite, Source[JiraConfig]):
    """Reads issues of the projects named, and of the project that tickets live in."""

    def discover(self) -> Sequence[Stream]:
        """List the one stream there is."""
        return STREAMS

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        """Yield what was updated since the cursor, oldest first, a checkpoint after each page.

        Each page is asked for anew from the newest update seen: an issue that is edited meanwhile moves to the end,
        and paging by offset or token would then step over another one. Only where a whole page was updated at one
        instant does the page token lead on.
        """
        _known(stream)
        progress, fresh = Progress.from_cursor(cursor), self.api.written
        bound, after = progress.start, None
        while True:
            page = self._page(bound, after, fresh)
            if not page.issues and after is None:
                self.insist_on_seeing()  # a project that is hidden answers like one that is empty
            read = [self._record(issue) for issue in page.issues]
            newest = max((at for entry in read if (at := _changed_at(entry))), default=None)
            yield from (entry for entry in read if progress.is_news(entry))
            progress.reach(newest, page.as_of)
            if progress.start:
                yield Checkpoint(stream=STREAM, cursor=progress.cursor())
            if page.next is None:
                return
            if newest and (bound is None or newest > bound) and self._bound(newest) != self._bound(bound):
                bound, after = newest, None
            else:
                after = page.next

    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        """Read issues by id, past the index; one that is deleted, hidden or out of scope comes back as deleted."""
        _known(stream)
        for start in range(0, len(keys), FETCHED_AT_ONCE):
            wanted = keys[start : start + FETCHED_AT_ONCE]
            issues = self.api.issues(wanted, self._fields(), properties=(PROPERTY,))
            found = {str(issue.get("id")): issue for issue in issues}
            if len(found) < len(wanted):
                self.insist_on_seeing()
            for key in wanted:
                issue = found.get(key)
                visible = issue is not None and _project(issue) in self.config.scope
                entry = self._record(issue) if issue is not None and visible else gone(key)
                if isinstance(entry, Rejected):
                    raise RecordError(entry.reason, stream=STREAM, key=key, place=entry.place)
                yield entry

    def keys(self, stream: Stream) -> Iterator[Key]:
        """Yield the ids in the index, which lags: one that is missing must be fetched before it counts as gone."""
        _known(stream)
        self.insist_on_seeing()
        after, fresh = None, self.api.written
        while True:
            page = self.api.search(f"{self._in_scope()} ORDER BY id ASC", ["id"], after=after, fresh=fresh)
            yield from (str(issue["id"]) for issue in page.issues)
            after = page.next
            if after is None:
                return

    def _page(self, bound: datetime | None, after: str | None, fresh: Sequence[int]) -> Page:
        since = f" AND updated >= {self._bound(bound)}" if bound else ""
        query = f"{self._in_scope()}{since} ORDER BY updated ASC, id ASC"
        return self.api.search(query, self._fields(), properties=(PROPERTY,), after=after, fresh=fresh)

    def _in_scope(self) -> str:
        return f"project IN {jql.any_of(self.config.scope)}"

    def _bound(self, bound: datetime | None) -> str | None:
        """Write a lower bound: epoch milliseconds on Cloud, minutes in our profile's zone on Data Center."""
        if bound is None:
            return None
        if self.api.cloud:
            return str(int(bound.timestamp() * 1000))
        local = bound.astimezone(self.api.time_zone)
        if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
            local -= timedelta(hours=1)  # an hour that happens twice: ask from before it
        return jql.quote(local.strftime("%Y/%m/%d %H:%M"))

    def _fields(self) -> Sequence[str]:
        if self.config.fields == "all":
            return ("*all", "-comment", "-worklog", "-attachment")
        mapped = CUSTOM_FIELD.findall(json.dumps(self.config.mapping))
        return (*COMMON_FIELDS, *sorted(set(mapped)))

    def _record(self, issue: Json) -> Record | Rejected:
        try:
            return record(issue, self.config.base_url)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            key = str(issue.get("key") or issue.get("id") or "")
            return Rejected(
                stream=STREAM,
                key=str(issue["id"]) if issue.get("id") else None,
                place=browse_url(self.config.base_url, key),
                reason=f"Jira's answer is not an issue: {type(error).__name__}: {error}",
                remedy="Open the issue in Jira and save it; if it stays, tell the maintainers.",
                raw=issue,
            )


def _known(stream: Stream) -> None:
    if stream.name != STREAM:
        raise ConfigError(f"Jira has no stream {stream.name}; it has {STREAM}.")


def _project(issue: Mapping[str, Any]) -> str:
    return str(((issue.get("fields") or {}).get("project") or {}).get("key"))


def _changed_at(entry: Record | Rejected) -> datetime | None:
    if isinstance(entry, Record):
        return entry.changed_at
    raw = entry.raw if isinstance(entry.raw, dict) else {}
    fields = raw.get("fields")
    try:
        return instant(fields.get("updated")) if isinstance(fields, dict) else None
    except ValueError:
        return None
