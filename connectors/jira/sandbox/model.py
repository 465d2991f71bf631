"""What a Jira site holds: frozen values, so that a search index can keep yesterday's while the site has today's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

Text = dict[str, JsonValue] | str | None
"""A rich text as it was sent: an Atlassian Document through version 3, wiki text through version 2."""


class Value(BaseModel):
    """A frozen part of a site."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Account(Value):
    """Someone who can sign in by e-mail and token."""

    account_id: str
    name: str
    email: str
    token: str
    time_zone: str = "Etc/UTC"


class Project(Value):
    """A project that issues live in."""

    id: str
    key: str
    name: str


class IssueType(Value):
    """A kind of issue; all projects of the sandbox share them."""

    id: str
    name: str


class Category(Value):
    """Jira's own three groups of statuses."""

    id: int
    key: str
    name: str
    colour: str


class Status(Value):
    """A step of the workflow."""

    id: str
    name: str
    category: Category


class Transition(Value):
    """A way to a status; `sources` are the statuses it may start from in the strict workflow."""

    id: str
    name: str
    to: str
    sources: frozenset[str]


class CustomField(Value):
    """A field that an admin added."""

    id: str
    name: str
    type: str
    custom: str


class SecurityLevel(Value):
    """Who may see an issue."""

    id: str
    name: str


class Comment(Value):
    """A comment on an issue."""

    id: int
    author: str
    body: Text
    created: datetime
    updated: datetime


class RemoteLink(Value):
    """A link to something outside; its global id is what makes it an upsert."""

    id: int
    global_id: str | None
    relationship: str | None = None
    application: dict[str, JsonValue] | None = None
    target: dict[str, JsonValue]


class Item(Value):
    """One field that changed, as a webhook and the history tell it."""

    field: str
    before: str | None = None
    before_text: str | None = None
    after: str | None = None
    after_text: str | None = None


class History(Value):
    """What one request changed."""

    id: int
    at: datetime
    author: str
    items: tuple[Item, ...]


class Issue(Value):
    """An issue as it is at one moment."""

    id: int
    key: str
    project: str
    issue_type: str
    summary: str
    status: str
    creator: str
    created: datetime
    updated: datetime
    status_changed: datetime
    description: Text = None
    resolution: str | None = None
    resolved: datetime | None = None
    labels: tuple[str, ...] = ()
    assignee: str | None = None
    duedate: str | None = None
    priority: str = "3"
    security: str | None = None
    custom: dict[str, JsonValue] = {}
    properties: dict[str, JsonValue] = {}
    comments: tuple[Comment, ...] = ()
    links: tuple[RemoteLink, ...] = ()
    history: tuple[History, ...] = ()


class Hook(Value):
    """A registered webhook."""

    id: int
    url: str
    secret: str | None = None
    events: tuple[str, ...] = ()
    """Empty = all events."""


class Refused(Exception):  # noqa: N818 - the vendor's answer, not a failure of the sandbox
    """A request that Jira would refuse, with the error texts it would answer."""

    def __init__(self, status: int, *messages: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(status, messages, errors)
        self.status = status
        self.messages = list(messages)
        self.errors = dict(errors or {})


TO_DO = Category(id=2, key="new", name="To Do", colour="blue-gray")
IN_PROGRESS = Category(id=4, key="indeterminate", name="In Progress", colour="yellow")
DONE = Category(id=3, key="done", name="Done", colour="green")

STATUSES = {
    status.id: status
    for status in (
        Status(id="10000", name="To Do", category=TO_DO),
        Status(id="3", name="In Progress", category=IN_PROGRESS),
        Status(id="10001", name="Done", category=DONE),
    )
}
TRANSITIONS = (
    Transition(id="11", name="To Do", to="10000", sources=frozenset({"3"})),
    Transition(id="21", name="In Progress", to="3", sources=frozenset({"10000", "10001"})),
    Transition(id="31", name="Done", to="10001", sources=frozenset({"3"})),
)
RESOLUTIONS = {"10000": "Done", "10001": "Won't Do", "10002": "Duplicate"}
PRIORITIES = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"}
ISSUE_TYPES = (
    IssueType(id="10001", name="Story"),
    IssueType(id="10002", name="Task"),
    IssueType(id="10004", name="Bug"),
)
CUSTOM_FIELDS = (
    CustomField(
        id="customfield_10016",
        name="Story point estimate",
        type="number",
        custom="com.pyxis.greenhopper.jira:jsw-story-points",
    ),
    CustomField(
        id="customfield_10030",
        name="Confidence",
        type="string",
        custom="com.atlassian.jira.plugin.system.customfieldtypes:textfield",
    ),
)
SECURITY_LEVELS = (SecurityLevel(id="10100", name="Owner and steward only"),)
BOT = Account(
    account_id="5b10ac8d82e05b22cc7d4ef5",
    name="Plumbline",
    email="plumbline@example.com",
    token="sandbox-token",  # noqa: S106 - opens nothing but this sandbox
)
PERSON = Account(
    account_id="5b10a2844c20165700ede21g",
    name="Sam Rivers",
    email="sam@example.com",
    token="sandbox-person",  # noqa: S106 - opens nothing but this sandbox
)
