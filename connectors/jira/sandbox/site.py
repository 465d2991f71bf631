"""A Jira site in memory: what is in it, what it lets people do, and what it remembers of every request."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from connectors.jira.sandbox import model
from connectors.jira.sandbox.faults import Faults
from connectors.jira.sandbox.fields import Edit, Screen
from connectors.jira.sandbox.journal import Journal
from connectors.jira.sandbox.model import (
    Account,
    Comment,
    History,
    Hook,
    Issue,
    Item,
    Project,
    Refused,
    RemoteLink,
    Status,
    Text,
    Transition,
)
from connectors.jira.sandbox.search import SearchIndex

PERMISSIONS = (
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "DELETE_ISSUES",
    "ADD_COMMENTS",
    "TRANSITION_ISSUES",
    "LINK_ISSUES",
    "ASSIGN_ISSUES",
    "SET_ISSUE_SECURITY",
)
REMEMBERED_REQUESTS = 20_000

Listener = Callable[[str, Issue, Account, "History | Comment | None"], None]
"""Told of an event after it has been applied: name, issue, who, and what changed."""


def utc_now() -> datetime:
    """Read the real clock; tests pass their own."""
    return datetime.now(UTC)


@dataclass
class Switches:
    """What a test or a person may change while the site runs."""

    permissions: set[str] = field(default_factory=lambda: set(PERMISSIONS))
    off_create_screen: set[str] = field(default_factory=set)
    """Field ids that the create screen lacks, for example `labels`."""
    search_lag: timedelta = timedelta(0)
    strict_workflow: bool = False
    """True: only from one status to the next; False: from every status to every other."""
    required_to_close: set[str] = field(default_factory=set)
    """Field ids that the screen of the transition to Done insists on, for example `resolution`."""


class Site:
    """The state of the sandbox. Every public method may be called from any thread."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = utc_now,
        projects: Sequence[tuple[str, str]] = (("OPS", "Operations"),),
        accounts: Sequence[Account] = (model.BOT, model.PERSON),
        deployment: Literal["cloud", "data_center"] = "cloud",
        state: Path | None = None,
    ) -> None:
        self.clock = clock
        self.deployment = deployment
        self.base_url = "http://127.0.0.1"
        self.projects = tuple(Project(id=str(10000 + n), key=key, name=name) for n, (key, name) in enumerate(projects))
        self.accounts = tuple(accounts)
        self.switches = Switches()
        self.faults = Faults()
        self.requests: deque[dict[str, JsonValue]] = deque(maxlen=REMEMBERED_REQUESTS)
        self.listeners: list[Listener] = []
        self.lock = threading.RLock()
        self.issues: dict[int, Issue] = {}
        self.deleted: dict[int, Issue] = {}
        self.hooks: dict[int, Hook] = {}
        self._keys: dict[str, int] = {}
        """Every key ever given, also those of moved and deleted issues."""
        self._counts: Counter[str] = Counter()
        self._index = SearchIndex()
        self._next = 10_000
        self._journal = Journal(state)
        self._load()

    # --- looking ---------------------------------------------------------------------------------------------------

    def account(self, account_id: str) -> Account:
        """Find an account; raises Refused for one that does not exist."""
        for account in self.accounts:
            if account.account_id == account_id:
                return account
        raise Refused(400, errors={"assignee": "Specify a valid value for assignee"})

    def project(self, key_or_id: str) -> Project:
        """Find a project by key or id."""
        for project in self.projects:
            if key_or_id.upper() == project.key or key_or_id == project.id:
                return project
        raise Refused(404, f"No project could be found with key '{key_or_id}'.")

    def issue(self, id_or_key: str) -> Issue:
        """Find an issue by id, key or a key it had before it was moved."""
        self.require("BROWSE_PROJECTS", 404, "Issue does not exist or you do not have permission to see it.")
        with self.lock:
            number = int(id_or_key) if id_or_key.isdecimal() else self._keys.get(id_or_key.upper(), 0)
            found = self.issues.get(number)
        if found is None:
            raise Refused(404, "Issue does not exist or you do not have permission to see it.")
        return found

    def allows(self, permission: str) -> bool:
        """Say whether the accounts of this site have a permission."""
        return permission in self.switches.permissions

    def require(self, permission: str, status: int, message: str, *, field: str | None = None) -> None:
        """Refuse as Jira does when a permission is missing."""
        if not self.allows(permission):
            raise Refused(status, errors={field: message}) if field else Refused(status, message)

    def search(self, query: str, *, account: Account, reconcile: Sequence[int] = ()) -> list[Issue]:
        """Answer JQL from the index, which lags behind by `switches.search_lag`."""
        with self.lock:
            found = self._index.search(
                query,
                now=self.clock(),
                time_zone=account.time_zone,
                projects=[name for project in self.projects for name in (project.key, project.id, project.name)],
                fresh=[self.issues[number] for number in reconcile if number in self.issues],
            )
            return found if self.allows("BROWSE_PROJECTS") else []

    def transitions(self, issue: Issue) -> list[Transition]:
        """List the ways out of an issue's status."""
        if not self.allows("TRANSITION_ISSUES"):
            return []
        strict = self.switches.strict_workflow
        return [way for way in model.TRANSITIONS if (issue.status in way.sources if strict else way.to != issue.status)]

    # --- changing --------------------------------------------------------------------------------------------------

    def create(
        self, fields: Mapping[str, Any], properties: Mapping[str, JsonValue], *, by: Account, version: int = 3
    ) -> Issue:
        """Create an issue from the `fields` of a request."""
        self.require("CREATE_ISSUES", 403, "You do not have permission to create issues in this project.")
        edit = Screen(self, version, hidden=self.switches.off_create_screen).read(fields, creating=True)
        with self.lock:
            number, now = self._number(), self.clock()
            issue = Issue(
                id=number,
                key=self._new_key(edit.values["project"]),
                status="10000",
                creator=by.account_id,
                created=now,
                updated=now,
                status_changed=now,
                properties=dict(properties),
                **edit.values,
            )
            self._store(issue)
        self._tell("jira:issue_created", issue, by, None)
        return issue

    def edit(
        self, issue: Issue, fields: Mapping[str, Any], update: Mapping[str, Any], *, by: Account, version: int = 3
    ) -> Issue:
        """Change fields, by `fields` and by the operations of `update`."""
        self.require("EDIT_ISSUES", 403, "You do not have permission to edit this issue.")
        edit = Screen(self, version).read(fields, update=update, issue=issue)
        return self._change(issue, edit, by)

    def transition(self, issue: Issue, way_id: str, *, by: Account, resolution: str | None = None) -> Issue:
        """Go through a transition that the issue's status offers."""
        way = next((way for way in self.transitions(issue) if way.id == way_id), None)
        if way is None:
            raise Refused(400, "It is not on the appropriate screen, or unknown: the transition is not valid here.")
        before, after = model.STATUSES[issue.status], model.STATUSES[way.to]
        resolved = after.category == model.DONE
        now = self.clock()
        done = (resolution or "10000") if resolved else None
        values = {"status": after.id, "status_changed": now, "resolution": done, "resolved": now if resolved else None}
        items = [*_resolution_items(issue.resolution, done), _status_item(before, after)]
        return self._change(issue, Edit(values, items), by)

    def comment(self, issue: Issue, body: Text, *, by: Account) -> Comment:
        """Add a comment."""
        self.require("ADD_COMMENTS", 400, "You do not have permission to comment on this issue.", field="comment")
        with self.lock:
            now = self.clock()
            comment = Comment(id=self._number(), author=by.account_id, body=body, created=now, updated=now)
            current = self.issues[issue.id]
            changed = current.model_copy(update={"comments": (*current.comments, comment), "updated": now})
            self._store(changed)
        self._tell("comment_created", changed, by, comment)
        return comment

    def set_property(self, issue: Issue, key: str, value: JsonValue) -> bool:
        """Set an issue property; returns whether it is new. No event, and the issue does not count as updated."""
        self.require("EDIT_ISSUES", 403, "You do not have permission to edit this issue.")
        with self.lock:
            current = self.issues[issue.id]
            self._store(current.model_copy(update={"properties": {**current.properties, key: value}}))
            return key not in current.properties

    def drop_property(self, issue: Issue, key: str) -> None:
        """Remove an issue property."""
        with self.lock:
            current = self.issues[issue.id]
            if key not in current.properties:
                raise Refused(404, f"The property {key} does not exist.")
            left = {name: value for name, value in current.properties.items() if name != key}
            self._store(current.model_copy(update={"properties": left}))

    def link(self, issue: Issue, wanted: Mapping[str, Any]) -> tuple[RemoteLink, bool]:
        """Create a remote link, or replace the one with the same global id; fields left out become empty."""
        self.require("LINK_ISSUES", 403, "No Link Issue Permission for issue.")
        with self.lock:
            current = self.issues[issue.id]
            global_id = wanted.get("globalId")
            same = next((old for old in current.links if global_id and old.global_id == global_id), None)
            link = RemoteLink(
                id=same.id if same else self._number(),
                global_id=global_id,
                relationship=wanted.get("relationship"),
                application=wanted.get("application"),
                target=wanted["object"],
            )
            others = tuple(old for old in current.links if old is not same)
            self._store(current.model_copy(update={"links": (*others, link)}))
            return link, same is None

    def unlink(self, issue: Issue, global_id: str) -> None:
        """Remove the remote link with this global id."""
        with self.lock:
            current = self.issues[issue.id]
            left = tuple(link for link in current.links if link.global_id != global_id)
            if left == current.links:
                raise Refused(404, "A remote issue link with this global id does not exist.")
            self._store(current.model_copy(update={"links": left}))

    def delete(self, issue: Issue, *, by: Account) -> None:
        """Delete an issue."""
        self.require("DELETE_ISSUES", 403, "You do not have permission to delete issues in this project.")
        with self.lock:
            self.deleted[issue.id] = self.issues.pop(issue.id)
            self._index.put(issue.id, None, now=self.clock(), lag=self.switches.search_lag)
            self._journal.write("issue", issue.id, None)
        self._tell("jira:issue_deleted", issue, by, None)

    def move(self, issue: Issue, project: str, *, by: Account) -> Issue:
        """Move an issue to another project: the id stays, the key changes, the old key still leads there."""
        with self.lock:
            key = self._new_key(project)
            items = [
                Item(field="project", before_text=issue.project, after_text=project),
                Item(field="Key", before_text=issue.key, after_text=key),
            ]
            return self._change(issue, Edit({"project": project, "key": key}, items), by)

    def register(self, url: str, *, secret: str | None = None, events: Sequence[str] = ()) -> Hook:
        """Register a webhook, as an admin does in Jira's pages; the same address is registered once."""
        with self.lock:
            same = next((hook for hook in self.hooks.values() if hook.url == url), None)
            hook = Hook(id=same.id if same else self._number(), url=url, secret=secret, events=tuple(events))
            self.hooks[hook.id] = hook
            self._journal.write("hook", hook.id, hook)
            return hook

    # --- keeping ---------------------------------------------------------------------------------------------------

    def _change(self, issue: Issue, edit: Edit, by: Account) -> Issue:
        if not edit.items:
            return issue
        with self.lock:
            now = self.clock()
            history = History(id=self._number(), at=now, author=by.account_id, items=tuple(edit.items))
            current = self.issues[issue.id]
            log = (*current.history, history)
            changed = current.model_copy(update={**edit.values, "updated": now, "history": log})
            self._store(changed)
        self._tell("jira:issue_updated", changed, by, history)
        return changed

    def _store(self, issue: Issue) -> None:
        self.issues[issue.id] = issue
        self._keys[issue.key] = issue.id
        self._index.put(issue.id, issue, now=self.clock(), lag=self.switches.search_lag)
        self._journal.write("issue", issue.id, issue)

    def _tell(self, event: str, issue: Issue, by: Account, what: History | Comment | None) -> None:
        for listener in self.listeners:
            listener(event, issue, by, what)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _new_key(self, project: str) -> str:
        self._counts[project] += 1
        return f"{project}-{self._counts[project]}"

    def _load(self) -> None:
        for kind, number, content in self._journal.replay():
            if kind == "hook" and content is not None:
                self.hooks[number] = Hook.model_validate(content)
            elif content is not None:
                issue = self.issues[number] = Issue.model_validate(content)
                self._keys[issue.key] = number
            elif number in self.issues:
                self.deleted[number] = self.issues.pop(number)
        for issue in self.issues.values():
            self._index.put(issue.id, issue, now=self.clock(), lag=timedelta(0))
        for key in self._keys:
            project, count = key.rsplit("-", 1)
            self._counts[project] = max(self._counts[project], int(count))
        self._next = max([self._next, *self.issues, *self.deleted, *self.hooks, *self._parts()])

    def _parts(self) -> Iterable[int]:
        for issue in self.issues.values():
            yield from (comment.id for comment in issue.comments)
            yield from (link.id for link in issue.links)
            yield from (history.id for history in issue.history)


def _status_item(before: Status, after: Status) -> Item:
    return Item(field="status", before=before.id, before_text=before.name, after=after.id, after_text=after.name)


def _resolution_items(before: str | None, after: str | None) -> list[Item]:
    if before == after:
        return []
    names = model.RESOLUTIONS
    return [
        Item(
            field="resolution",
            before=before,
            before_text=names[before] if before else None,
            after=after,
            after_text=names[after] if after else None,
        )
    ]
