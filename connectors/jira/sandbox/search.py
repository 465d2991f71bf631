"""The search index: what a query sees, which is what the site was a lag ago."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from connectors.jira.sandbox.documents import plain
from connectors.jira.sandbox.jql import Facts, Order, parse
from connectors.jira.sandbox.model import ISSUE_TYPES, RESOLUTIONS, STATUSES, Issue, Refused


def millis(moment: datetime) -> int:
    """Write an instant as JQL compares it."""
    return int(moment.timestamp() * 1000)


def facts(issue: Issue) -> Facts:
    """Flatten an issue to what JQL can ask about."""
    status = STATUSES[issue.status]
    description = plain(issue.description)
    comments = tuple(plain(comment.body) for comment in issue.comments)
    return {
        "project": (issue.project,),
        "key": (issue.key, str(issue.id)),
        "id": (issue.id, issue.key),
        "labels": issue.labels,
        "status": (status.name, status.id),
        "statuscategory": (status.category.name, status.category.key),
        "issuetype": tuple(
            name for kind in ISSUE_TYPES if kind.id == issue.issue_type for name in (kind.id, kind.name)
        ),
        "resolution": (RESOLUTIONS[issue.resolution],) if issue.resolution else (),
        "assignee": (issue.assignee,) if issue.assignee else (),
        "created": (millis(issue.created),),
        "updated": (millis(issue.updated),),
        "summary": (issue.summary,),
        "description": (description,),
        "comment": comments,
        "text": (issue.summary, description, *comments),
    }


class Entry(NamedTuple):
    """An issue with what JQL can ask about it, worked out once."""

    issue: Issue
    facts: Facts


def _sort_value(entry: Entry, field: str) -> tuple[int, str]:
    if field == "key":
        return entry.issue.id, ""
    value = (entry.facts.get(field) or ("",))[0]
    return (value, "") if isinstance(value, int) else (0, value.lower())


def _sorted(entries: Sequence[Entry], order: Sequence[Order]) -> list[Issue]:
    found = sorted(entries, key=lambda entry: entry.issue.id, reverse=True)  # newest first, as Jira does unasked
    for term in reversed(order):
        found.sort(key=lambda entry: _sort_value(entry, term.field), reverse=term.descending)
    return [entry.issue for entry in found]


class SearchIndex:
    """Keeps versions of issues until they are old enough to be seen."""

    def __init__(self) -> None:
        self._seen: dict[int, Entry] = {}
        self._waiting: list[tuple[datetime, int, int, Issue | None]] = []
        self._puts = 0
        self._latest: dict[int, int] = {}
        """Which version of an issue is seen: one that is late never takes the place of a newer one."""

    def put(self, number: int, issue: Issue | None, *, now: datetime, lag: timedelta) -> None:
        """Note a new version (None = deleted); a query sees it once the lag has passed."""
        self._puts += 1
        self._waiting.append((now + lag, self._puts, number, issue))

    def _settle(self, now: datetime) -> None:
        due = [entry for entry in self._waiting if entry[0] <= now]
        self._waiting = [entry for entry in self._waiting if entry[0] > now]
        for _, version, number, issue in sorted(due, key=lambda entry: entry[0]):
            if version < self._latest.get(number, 0):
                continue
            self._latest[number] = version
            if issue is None:
                self._seen.pop(number, None)
            else:
                self._seen[number] = Entry(issue, facts(issue))

    def search(
        self,
        query: str,
        *,
        now: datetime,
        time_zone: str,
        projects: Sequence[str],
        fresh: Sequence[Issue] = (),
    ) -> list[Issue]:
        """Answer a query; `fresh` issues are looked at as they are now (reconcileIssues)."""
        self._settle(now)
        parsed = parse(query, now=now, time_zone=time_zone, projects=projects)
        visible = {**self._seen, **{issue.id: Entry(issue, facts(issue)) for issue in fresh}}
        return _sorted([entry for entry in visible.values() if parsed.matches(entry.facts)], parsed.order)


def page_token(offset: int, query: str) -> str:
    """Make an opaque token; it holds an offset, the least that a client may rely on."""
    return base64.urlsafe_b64encode(json.dumps([offset, query]).encode()).decode()


def page_offset(token: str, query: str) -> int:
    """Read a token back; one of another query is refused."""
    try:
        offset, asked = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise Refused(400, "The provided next page token is invalid.") from None
    if asked != query:
        raise Refused(400, "The provided next page token belongs to another search.")
    return int(offset)
