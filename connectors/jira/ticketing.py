"""Tickets in Jira: one per marker, known again whatever happened to the reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.jira import jql
from connectors.jira import marker as markers
from connectors.jira.config import JiraConfig, Tickets
from connectors.jira.issues import TICKET_FIELDS, browse_url, state_of, ticket
from connectors.jira.site import JiraSite
from connectors.jira.text import one_line, plain
from connectors.sdk.errors import AmbiguousError, ConfigError, ConnectorError, NotAppliedError
from connectors.sdk.http import HttpResponse
from connectors.sdk.protocol import Key, Outcome, Receipt, Ticket, TicketDraft, Ticketing, TicketState

Json = dict[str, Any]

DISPENSABLE = ("labels", "duedate", "assignee")
"""Fields a ticket can do without: left out when the create screen lacks them or refuses the value."""
MOST_STEPS = 3
"""Transitions gone through to reach a state: further away than that, the workflow is not ours to walk."""


class JiraTicketing(JiraSite, Ticketing[JiraConfig]):
    """Creates, finds and moves tickets."""

    def create(self, draft: TicketDraft, marker: str) -> Ticket:
        """Create a ticket that carries `marker` as label, property and last line from its first moment."""
        body = self._create_body(draft, markers.checked(marker))
        response = self.api.create(body)
        if response.status == 400 and (refused := _refused(response, body)):  # noqa: PLR2004 - HTTP's own number
            for name in refused:
                del body["fields"][name]
            response = self.api.create(body)
        if response.status == 400:  # noqa: PLR2004 - HTTP's own number
            raise NotAppliedError(f"Jira refuses the ticket: {_said(response)}")
        created = response.json()
        try:
            key, label = str(created["id"]), str(created["key"])
        except (KeyError, TypeError):
            raise AmbiguousError("Jira created a ticket, it seems, but did not say which.") from None
        self.api.note_written(key)
        self._link(key, draft, marker)
        url = browse_url(self.config.base_url, label)
        assignee = body["fields"].get("assignee") and draft.assignee
        return Ticket(key=key, label=label, url=url, state=TicketState.OPEN, marker=marker, assignee=assignee)

    def find(self, marker: str) -> Sequence[Ticket]:
        """Find the tickets that carry `marker`, in any status and project; the search may lag behind.

        Each is read again by id, which does not lag. An issue with the property is the original: a clone that somebody
        made of it has label and text, but never the property.
        """
        label, line = jql.quote(markers.LABEL + markers.checked(marker)), jql.phrase(markers.LINE + marker)
        query = f"labels = {label} OR description ~ {line} ORDER BY id ASC"
        after: str | None = None
        issues: list[Json] = []
        fresh = self.api.written
        while True:
            page = self.api.search(query, ["id"], after=after, fresh=fresh)
            issues += [issue for hit in page.issues if (issue := self._read(str(hit["id"]))) is not None]
            after = page.next
            if after is None:
                break
        originals = [issue for issue in issues if markers.in_properties(issue.get("properties")) == marker]
        found = [ticket(issue, self.config.base_url) for issue in originals or issues]
        return [entry for entry in found if entry.marker == marker]

    def get(self, key: Key) -> Ticket | None:
        """Read one ticket by id."""
        issue = self._read(key)
        return None if issue is None else ticket(issue, self.config.base_url)

    def update(self, key: Key, draft: TicketDraft) -> Ticket:
        """Bring title, text and due date to the draft, and the assignee if the draft names one."""
        before = self._existing(key)
        marker = before.marker or ""
        fields: Json = {"summary": one_line(draft.title), "duedate": draft.due, **self._assignee(draft)}
        fields["description"] = self.api.writer.ticket(draft, marker)
        self.api.edit(key, {"fields": fields})
        self._link(key, draft, marker)
        return self._existing(key)

    def comment(self, key: Key, text: str, marker: str) -> Receipt:
        """Add a comment with the marker in its last line, unless one is there already."""
        markers.checked(marker)
        for comment in self.api.comments(key):
            if markers.in_text(plain(comment.get("body"))) == marker:
                return Receipt(change_id=marker, outcome=Outcome.APPLIED, key=str(comment["id"]))
        written = self.api.comment(key, self.api.writer.note(text, marker))
        return Receipt(change_id=marker, outcome=Outcome.APPLIED, key=str(written.get("id")))

    def transition(self, key: Key, state: TicketState) -> Ticket:
        """Bring the ticket to a state; names and ids of transitions are the workflow's own and read each time."""
        for _ in range(MOST_STEPS):
            now = self._existing(key)
            if now.state is state:
                return now
            way, fields = self._way(key, now, state)
            self.api.transition(key, way, fields)
        now = self._existing(key)
        if now.state is not state:
            raise NotAppliedError(f"{now.label} did not get to {state.value} in {MOST_STEPS} transitions.")
        return now

    def _way(self, key: Key, now: Ticket, state: TicketState) -> tuple[str, Json]:
        """Choose a transition to the state, or else a step towards it."""
        ways = self.api.transitions(key)
        direct = [way for way in ways if state_of(way) is state]
        between = [way for way in ways if state_of(way) is TicketState.IN_PROGRESS is not now.state]
        for way in direct or between:
            fields = _filled_in(way)
            if fields is not None:
                return str(way["id"]), fields
        offered = "; ".join(_described(way) for way in ways)
        raise NotAppliedError(
            f"No transition that we may go through leads {now.label} from {now.state.value} to {state.value}. "
            f"Jira offers: {offered or 'none; our account may lack the permission Transition Issues'}."
        )

    def _create_body(self, draft: TicketDraft, marker: str) -> Json:
        tickets = self._tickets()
        named = {"id": tickets.issue_type} if tickets.issue_type.isdecimal() else {"name": tickets.issue_type}
        fields: Json = {
            "project": {"key": tickets.project},
            "issuetype": named,
            "summary": one_line(draft.title),
            "description": self.api.writer.ticket(draft, marker),
            "labels": sorted({*draft.labels, markers.LABEL + marker}),
            **({"duedate": draft.due} if draft.due else {}),
            **self._assignee(draft),
            **(self._security(tickets) if draft.private else {}),
        }
        return {"fields": fields, "properties": [{"key": markers.PROPERTY, "value": marker}]}

    def _assignee(self, draft: TicketDraft) -> Json:
        if draft.assignee is None:
            return {}
        return {"assignee": {"accountId" if self.api.cloud else "name": draft.assignee}}

    def _security(self, tickets: Tickets) -> Json:
        level = tickets.security_level
        if level is None:
            raise ConfigError(
                "A private ticket needs a security level: choose one, or send private findings another way.",
                field="tickets.security_level",
            )
        return {"security": {"id": level} if level.isdecimal() else {"name": level}}

    def _tickets(self) -> Tickets:
        if self.config.tickets is None:
            raise ConfigError("This connection makes no tickets: name a project and an issue type.", field="tickets")
        return self.config.tickets

    def _link(self, key: Key, draft: TicketDraft, marker: str) -> None:
        """Link the ticket back to Plumbline. The ticket stands without it, and each update tries again."""
        if draft.link is None:
            return
        try:
            self.api.link(key, global_id=markers.LABEL + marker, url=draft.link, title=draft.link_title or draft.link)
        except ConnectorError:
            return

    def _read(self, key: Key) -> Json | None:
        return self.api.issue(key, TICKET_FIELDS, properties=(markers.PROPERTY,))

    def _existing(self, key: Key) -> Ticket:
        found = self.get(key)
        if found is None:
            raise NotAppliedError(f"Jira has no issue {key}, or our account may no longer see it.")
        return found


def _refused(response: HttpResponse, body: Json) -> list[str]:
    """Name the fields to leave out; none if Jira complains of anything that cannot be left out."""
    errors = _errors(response)
    wanted = set(errors.get("errors") or {})
    dispensable = wanted <= set(DISPENSABLE) & set(body["fields"])
    return sorted(wanted) if wanted and dispensable and not errors.get("errorMessages") else []


def _errors(response: HttpResponse) -> Json:
    try:
        content = response.json()
    except ConnectorError:
        return {}
    return content if isinstance(content, dict) else {}


def _said(response: HttpResponse) -> str:
    errors = _errors(response)
    named = [f"{name}: {text}" for name, text in (errors.get("errors") or {}).items()]
    return " ".join([*(errors.get("errorMessages") or []), *named]) or response.text[:300]


def _required(way: Json) -> Json:
    fields = way.get("fields") or {}
    return {name: field for name, field in fields.items() if field.get("required") and not field.get("hasDefaultValue")}


def _filled_in(way: Json) -> Json | None:
    """Fill in what a transition's screen requires; None if it asks for anything but a choice of resolution."""
    required = _required(way)
    if not required:
        return {}
    allowed = (required.get("resolution") or {}).get("allowedValues") or []
    return {"resolution": {"id": str(allowed[0]["id"])}} if set(required) == {"resolution"} and allowed else None


def _described(way: Json) -> str:
    asks = ", ".join(sorted(_required(way)))
    return f"{way.get('name')} (to {state_of(way).value}{f', requires {asks}' if asks else ''})"
