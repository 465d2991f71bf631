"""How Jira writes its things as JSON: version 3 with documents, version 2 and webhooks with strings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from connectors.jira.sandbox import model
from connectors.jira.sandbox.documents import document, plain
from connectors.jira.sandbox.model import Account, Comment, History, Issue, RemoteLink, Status, Text, Transition
from connectors.jira.sandbox.site import Site

Json = dict[str, Any]

SIZES = ("16x16", "24x24", "32x32", "48x48")


def instant(moment: datetime | None) -> str | None:
    """Write an instant as Jira does: milliseconds, and an offset without a colon."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}{moment:%z}"


class Shapes:
    """Writes things of one site for one version of the API; `hook` for what webhooks add."""

    def __init__(self, site: Site, version: int, *, hook: bool = False) -> None:
        self._site = site
        self._version = version
        self._hook = hook
        self._rest = f"{site.base_url}/rest/api/{version}"

    def text(self, value: Text) -> Json | str | None:
        """Write rich text in the form of this version."""
        if value is None or value == "":
            return None
        return document(value) if self._version > 2 else plain(value)  # noqa: PLR2004 - the API's version

    def user(self, account_id: str | None) -> Json | None:
        """Write a person: by account id on Cloud, by name on Data Center."""
        if account_id is None:
            return None
        account = self._site.account(account_id)
        common = {"avatarUrls": self._avatars("user", account_id), "displayName": account.name, "active": True}
        zone = {"timeZone": account.time_zone}
        if self._site.deployment == "data_center":
            name = account.email.split("@")[0]
            link = f"{self._rest}/user?username={name}"
            return {"self": link, "name": name, "key": name, "emailAddress": account.email, **common, **zone}
        link = f"{self._rest}/user?accountId={account_id}"
        return {"self": link, "accountId": account_id, **common, **zone, "accountType": "atlassian"}

    def project(self, key: str) -> Json:
        """Write a project as an issue shows it."""
        project = self._site.project(key)
        return {
            "self": f"{self._rest}/project/{project.id}",
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "software",
            **self._on_cloud(simplified=False),
            "avatarUrls": self._avatars("project", project.id),
        }

    def issue_type(self, kind_id: str) -> Json:
        """Write an issue type."""
        kind = next(kind for kind in model.ISSUE_TYPES if kind.id == kind_id)
        return {
            "self": f"{self._rest}/issuetype/{kind.id}",
            "id": kind.id,
            "description": "",
            "iconUrl": f"{self._site.base_url}/issuetype/{kind.id}.svg",
            "name": kind.name,
            "subtask": False,
            "avatarId": 10318,
        }

    def status(self, status: Status) -> Json:
        """Write a status with its category."""
        category = status.category
        return {
            "self": f"{self._rest}/status/{status.id}",
            "description": "",
            "iconUrl": f"{self._site.base_url}/",
            "name": status.name,
            "id": status.id,
            "statusCategory": {
                "self": f"{self._rest}/statuscategory/{category.id}",
                "id": category.id,
                "key": category.key,
                "colorName": category.colour,
                "name": category.name,
            },
        }

    def fields(self, issue: Issue) -> Json:
        """Write all fields of an issue."""
        return {
            "summary": issue.summary,
            "description": self.text(issue.description),
            "issuetype": self.issue_type(issue.issue_type),
            "project": self.project(issue.project),
            "status": self.status(model.STATUSES[issue.status]),
            **self._on_cloud(statuscategorychangedate=instant(issue.status_changed)),
            "resolution": self._named("resolution", issue.resolution, model.RESOLUTIONS, description=""),
            "resolutiondate": instant(issue.resolved),
            "priority": self._named("priority", issue.priority, model.PRIORITIES, iconUrl=self._site.base_url),
            "labels": list(issue.labels),
            "assignee": self.user(issue.assignee),
            "reporter": self.user(issue.creator),
            "creator": self.user(issue.creator),
            "created": instant(issue.created),
            "updated": instant(issue.updated),
            "duedate": issue.duedate,
            **self._security(issue),
            "comment": self._comments(issue),
            "attachment": [],
            "issuelinks": [],
            "subtasks": [],
            "components": [],
            "versions": [],
            "fixVersions": [],
            **{custom.id: issue.custom.get(custom.id) for custom in model.CUSTOM_FIELDS},
        }

    def issue(self, issue: Issue, *, fields: Collection[str] = ("*all",), properties: Collection[str] = ()) -> Json:
        """Write an issue with the fields and properties asked for; without any field there is no `fields`."""
        every = self.fields(issue)
        broad = {"*all", "*navigable"} & set(fields)
        named = {name for name in every if name in fields or (broad and f"-{name}" not in fields)}
        shown = {name: value for name, value in every.items() if name in named}
        asked = {key: value for key, value in issue.properties.items() if {key, "*all"} & set(properties)}
        return {
            "id": str(issue.id),
            "self": f"{self._rest}/issue/{issue.id}",
            "key": issue.key,
            **({} if self._hook else {"expand": ""}),
            **({"fields": shown} if named else {}),
            **({"properties": asked} if properties else {}),
        }

    def comment(self, issue: Issue, comment: Comment) -> Json:
        """Write a comment."""
        body = self.text(comment.body)
        return {
            "self": f"{self._rest}/issue/{issue.id}/comment/{comment.id}",
            "id": str(comment.id),
            "author": self.user(comment.author),
            "body": body,
            "updateAuthor": self.user(comment.author),
            "created": instant(comment.created),
            "updated": instant(comment.updated),
            **self._on_cloud(jsdPublic=True),
        }

    def transition(self, way: Transition) -> Json:
        """Write a transition that can be gone through."""
        return {
            "id": way.id,
            "name": way.name,
            "to": self.status(model.STATUSES[way.to]),
            "hasScreen": False,
            "isGlobal": not self._site.switches.strict_workflow,
            "isInitial": False,
            "isAvailable": True,
            "isConditional": False,
        }

    def transition_fields(self, way: Transition) -> Json:
        """Write what the screen of a transition asks for."""
        closes = model.STATUSES[way.to].category == model.DONE
        names = sorted(self._site.switches.required_to_close) if closes else ()
        allowed = [{"id": key, "name": label} for key, label in model.RESOLUTIONS.items()]
        return {
            name: {
                "key": name,
                "name": self.field(name)["name"],
                "required": True,
                "hasDefaultValue": False,
                "operations": ["set"],
                "schema": field_schema(name),
                **({"allowedValues": allowed} if name == "resolution" else {}),
            }
            for name in names
        }

    def link(self, issue: Issue, link: RemoteLink) -> Json:
        """Write a remote link; what was never set is left out."""
        optional = {"globalId": link.global_id, "relationship": link.relationship, "application": link.application}
        return {
            "id": link.id,
            "self": f"{self._rest}/issue/{issue.key}/remotelink/{link.id}",
            **{name: value for name, value in optional.items() if value is not None},
            "object": link.target,
        }

    def field(self, name: str) -> Json:
        """Write a field for the list of fields."""
        custom = next((custom for custom in model.CUSTOM_FIELDS if custom.id == name), None)
        label = custom.name if custom else SYSTEM_FIELDS[name][0]
        return {
            "id": name,
            "key": name,
            "name": label,
            "custom": custom is not None,
            "orderable": True,
            "navigable": True,
            "searchable": True,
            "clauseNames": [f"cf[{name.removeprefix('customfield_')}]", label] if custom else [name],
            "schema": field_schema(name),
        }

    def screen_field(self, name: str) -> Json:
        """Write a field of the create screen."""
        allowed: Mapping[str, list[Json]] = {
            "security": [{"id": level.id, "name": level.name} for level in model.SECURITY_LEVELS],
            "priority": [{"id": key, "name": label} for key, label in model.PRIORITIES.items()],
        }
        return {
            "fieldId": name,
            "key": name,
            "name": self.field(name)["name"],
            "required": name in {"project", "issuetype", "summary"},
            "hasDefaultValue": name == "priority",
            "operations": ["add", "set", "remove"] if name == "labels" else ["set"],
            "schema": field_schema(name),
            **({"allowedValues": allowed[name]} if name in allowed else {}),
        }

    def changelog(self, history: History) -> Json:
        """Write what changed as a webhook tells it."""
        return {
            "id": str(history.id),
            "items": [
                {
                    "field": item.field,
                    "fieldtype": "custom" if item.field.startswith("customfield_") else "jira",
                    **self._on_cloud(fieldId=item.field),
                    "from": item.before,
                    "fromString": item.before_text,
                    "to": item.after,
                    "toString": item.after_text,
                }
                for item in history.items
            ],
        }

    def history(self, history: History) -> Json:
        """Write what changed as the API tells it: what was or became empty is left out."""
        told = self.changelog(history)
        return {
            **told,
            "items": [{name: text for name, text in item.items() if text is not None} for item in told["items"]],
            "author": self.user(history.author),
            "created": instant(history.at),
        }

    def _security(self, issue: Issue) -> Json:
        level = next((level for level in model.SECURITY_LEVELS if level.id == issue.security), None)
        link = f"{self._rest}/securitylevel/{issue.security}"
        return {"security": {"self": link, "id": level.id, "name": level.name, "description": ""} if level else None}

    def _comments(self, issue: Issue) -> Json:
        comments = [] if self._hook else [self.comment(issue, comment) for comment in issue.comments]
        return {"comments": comments, "maxResults": len(comments), "total": len(comments), "startAt": 0}

    def _on_cloud(self, **values: Any) -> Json:  # noqa: ANN401 - any JSON
        return values if self._site.deployment == "cloud" else {}

    def _named(self, kind: str, key: str | None, names: Mapping[str, str], **more: str) -> Json | None:
        return {"self": f"{self._rest}/{kind}/{key}", "id": key, "name": names[key], **more} if key else None

    def _avatars(self, kind: str, key: str) -> dict[str, str]:
        return {size: f"{self._site.base_url}/avatar/{kind}/{key}?size={size}" for size in SIZES}


def field_schema(name: str) -> Json:
    """Write the type of a field."""
    for custom in model.CUSTOM_FIELDS:
        if custom.id == name:
            return {"type": custom.type, "custom": custom.custom, "customId": int(name.removeprefix("customfield_"))}
    kind = SYSTEM_FIELDS[name][1]
    return {"type": kind, "system": name, **({"items": "string"} if kind == "array" else {})}


SYSTEM_FIELDS = {
    "project": ("Project", "project"),
    "issuetype": ("Issue Type", "issuetype"),
    "summary": ("Summary", "string"),
    "description": ("Description", "string"),
    "labels": ("Labels", "array"),
    "assignee": ("Assignee", "user"),
    "duedate": ("Due date", "date"),
    "priority": ("Priority", "priority"),
    "security": ("Security Level", "securitylevel"),
    "status": ("Status", "status"),
    "resolution": ("Resolution", "resolution"),
    "created": ("Created", "datetime"),
    "updated": ("Updated", "datetime"),
}


def webhook_body(site: Site, event: str, issue: Issue, by: Account, what: History | Comment | None) -> Json:
    """Write the body of a webhook: strings for rich text, also from Cloud."""
    shapes = Shapes(site, 2, hook=True)
    moment = int(site.clock().timestamp() * 1000)
    if isinstance(what, Comment):
        few = ("summary", "issuetype", "project", "assignee", "priority", "status")
        return {
            "timestamp": moment,
            "webhookEvent": event,
            "comment": shapes.comment(issue, what),
            "issue": shapes.issue(issue, fields=few),
        }
    body: Json = {"timestamp": moment, "webhookEvent": event}
    if event != "jira:issue_deleted":
        body["issue_event_type_name"] = _event_type(event, what)
    body["user"] = shapes.user(by.account_id)
    body["issue"] = shapes.issue(issue)
    if what is not None:
        body["changelog"] = shapes.changelog(what)
    return body


def _event_type(event: str, history: History | None) -> str:
    if event == "jira:issue_created":
        return "issue_created"
    moved = {item.field for item in history.items} & {"status", "resolution"} if history else set()
    return "issue_generic" if moved else "issue_updated"
