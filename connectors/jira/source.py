"""Issues as a stream: what changed, by id, and the census."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.jira import jql
from connectors.jira.api import FETCHED_AT_ONCE, Page
from connectors.jira.check_ins import CHECK_INS, WORD, check_ins
from connectors.jira.config import JiraConfig, PlanKind
from connectors.jira.issues import STREAM, browse_url, gone, instant, record
from connectors.jira.marker import PROPERTY
from connectors.jira.metrics import METRICS, JiraMetrics
from connectors.jira.plan import PLAN_SCHEMA, item_of
from connectors.jira.progress import Progress
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
CHECK_IN_FIELDS = ("comment", "issuetype", "labels", "project", "updated")
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
        "plan": {"anyOf": [PLAN_SCHEMA, {"type": "null"}], "description": "set on issues that are part of a plan"},
    },
}
STREAMS = (Stream(name=STREAM, title="Issues", json_schema=SCHEMA, primary_key=("id",), cursor_field="fields.updated"),)


class JiraSource(JiraMetrics, Source[JiraConfig]):
    """Reads issues of the projects named, and of the project that tickets live in."""

    def discover(self) -> Sequence[Stream]:
        """List the issues; the check-ins where a plan says what is a key result; the metrics where there are any."""
        check_ins_too = (CHECK_INS,) if self._key_result_types() else ()
        return (*STREAMS, *check_ins_too, *((METRICS,) if self.config.metrics else ()))

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        """Yield what was updated since the cursor, oldest first, a checkpoint after each page."""
        self._insist_on(stream)
        if stream.name == METRICS.name:
            yield from self.news(cursor)
            return
        progress, of_issues = Progress.from_cursor(cursor), stream.name == STREAM
        condition, fields = (self.in_scope(), self._fields()) if of_issues else (self._checked_in(), CHECK_IN_FIELDS)
        for page in self._pages(progress, condition, fields):
            for issue in page.issues:
                if progress.is_news(str(issue.get("id")), _updated(issue)):
                    yield from [self._record(issue)] if of_issues else self._check_ins(issue)
            progress.reach(_newest(page), page.as_of)
            if progress.start:
                yield Checkpoint(stream=stream.name, cursor=progress.cursor())

    def _pages(self, progress: Progress, condition: str, fields: Sequence[str]) -> Iterator[Page]:
        """Give page by page, oldest update first.

        Each page is asked for anew from the newest update seen: an issue that is edited meanwhile moves to the end,
        and paging by offset or token would then step over another one. Only where a whole page was updated at one
        instant does the page token lead on.
        """
        bound, after, fresh = progress.start, None, self.api.written
        while True:
            since = f" AND updated >= {self._bound(bound)}" if bound else ""
            query = f"{condition}{since} ORDER BY updated ASC, id ASC"
            page = self.api.search(query, fields, properties=(PROPERTY,), after=after, fresh=fresh)
            if not page.issues and after is None:
                self.insist_on_seeing()  # a project that is hidden answers like one that is empty
            yield page
            if page.next is None:
                return
            newest = _newest(page)
            if newest and (bound is None or newest > bound) and self._bound(newest) != self._bound(bound):
                bound, after = newest, None
            else:
                after = page.next

    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        """Read by id, past the index; what is deleted, hidden or out of scope comes back as deleted."""
        self._insist_on(stream)
        if stream.name == METRICS.name:
            numbers = {record.key: record for record in self.observations()}
            yield from (numbers.get(key) or gone(key, stream.name) for key in keys)
            return
        for start in range(0, len(keys), FETCHED_AT_ONCE):
            wanted = keys[start : start + FETCHED_AT_ONCE]
            ids = list(dict.fromkeys(key.partition("-")[0] for key in wanted))
            fields = self._fields() if stream.name == STREAM else CHECK_IN_FIELDS
            issues = self.api.issues(ids, fields, properties=(PROPERTY,))
            if len(issues) < len(ids):
                self.insist_on_seeing()
            visible = [issue for issue in issues if _project(issue) in self.config.scope]
            made = [self._record(issue) for issue in visible]
            if stream.name != STREAM:
                made = [entry for issue in visible for entry in self._check_ins(issue)]
            found = {entry.key: entry for entry in made}
            for key in wanted:
                entry = found.get(key) or gone(key, stream.name)
                if isinstance(entry, Rejected):
                    raise RecordError(entry.reason, stream=stream.name, key=key, place=entry.place)
                yield entry

    def keys(self, stream: Stream) -> Iterator[Key]:
        """Yield the ids in the index, which lags: one that is missing must be fetched before it counts as gone."""
        self._insist_on(stream)
        self.insist_on_seeing()
        if stream.name == METRICS.name:
            yield from (record.key for record in self.observations())
            return
        if stream.name != STREAM:
            pages = self._pages(Progress(), self._checked_in(), CHECK_IN_FIELDS)
            found = (entry.key for page in pages for issue in page.issues for entry in self._check_ins(issue))
            yield from dict.fromkeys(key for key in found if key is not None)
            return
        after, fresh = None, self.api.written
        while True:
            page = self.api.search(f"{self.in_scope()} ORDER BY id ASC", ["id"], after=after, fresh=fresh)
            yield from (str(issue["id"]) for issue in page.issues)
            after = page.next
            if after is None:
                return

    def _insist_on(self, stream: Stream) -> None:
        known = [known.name for known in self.discover()]
        if stream.name not in known:
            raise ConfigError(f"Jira has no stream {stream.name}; it has {', '.join(known)}.")

    def _key_result_types(self) -> Sequence[str]:
        return [item.issue_type for item in self.config.plan if item.kind is PlanKind.KEY_RESULT]

    def _checked_in(self) -> str:
        """Write the query for issues that may have check-ins."""
        kinds = jql.any_of(self._key_result_types())
        return f"{self.in_scope()} AND issuetype IN {kinds} AND comment ~ {jql.quote(WORD)}"

    def _check_ins(self, issue: Json) -> Iterator[Record | Rejected]:
        """Read the check-ins of an issue; what a search shows of its comments may be only the first ones."""
        item = item_of(issue, self.config.plan)
        if item is None or item.kind is not PlanKind.KEY_RESULT:
            return
        shown = issue["fields"].get("comment") or {}
        comments = shown.get("comments") or []
        if int(shown.get("total") or 0) > len(comments):
            comments = self.api.comments(str(issue["id"]))
        yield from check_ins(issue, comments, self.config.base_url)

    def _bound(self, bound: datetime | None) -> str | None:
        return None if bound is None else self.bound(bound)

    def _fields(self) -> Sequence[str]:
        if self.config.fields == "all":
            return ("*all", "-comment", "-worklog", "-attachment")
        mapped = CUSTOM_FIELD.findall(json.dumps(self.config.mapping))
        planned = {name for item in self.config.plan for name in item.fields}
        return (*COMMON_FIELDS, *sorted({*mapped, *planned} - set(COMMON_FIELDS)))

    def _record(self, issue: Json) -> Record | Rejected:
        try:
            return record(issue, self.config.base_url, self.config.plan)
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


def _project(issue: Mapping[str, Any]) -> str:
    return str(((issue.get("fields") or {}).get("project") or {}).get("key"))


def _newest(page: Page) -> datetime | None:
    return max((at for issue in page.issues if (at := _updated(issue))), default=None)


def _updated(issue: Mapping[str, Any]) -> datetime | None:
    fields = issue.get("fields")
    try:
        return instant(fields.get("updated")) if isinstance(fields, dict) else None
    except (TypeError, ValueError):
        return None
