"""The signed-in site that the parts of the connector share, and the check of what it lets us do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from connectors.jira.api import JiraApi
from connectors.jira.config import JiraConfig, Tickets
from connectors.sdk.errors import AuthError, ConfigError
from connectors.sdk.protocol import Connector, Health, Spec

BROWSE = "BROWSE_PROJECTS"
TICKET_PERMISSIONS: Mapping[str, str] = {
    "CREATE_ISSUES": "Create Issues",
    "EDIT_ISSUES": "Edit Issues",
    "ADD_COMMENTS": "Add Comments",
    "TRANSITION_ISSUES": "Transition Issues",
    "LINK_ISSUES": "Link Issues",
}
GRANT = "a Jira admin grants it under Project settings > Permissions"


class JiraSite(Connector[JiraConfig]):
    """A Jira site, Cloud or Data Center."""

    spec = Spec(
        kind="jira",
        title="Jira",
        summary="Reads issues of chosen projects; writes tickets, comments and transitions; takes webhooks.",
    )
    config_model = JiraConfig

    @cached_property
    def api(self) -> JiraApi:
        """The site's API, signed in."""
        return JiraApi(self.config, self.network)

    def check(self) -> Health:
        """Ask who we are and what we may do in each project; what tickets need and lack is listed, not raised."""
        account = self._account()
        self.insist_on_seeing(account)
        tickets = self.config.tickets
        held = self.api.permissions(tickets.project, tuple(TICKET_PERMISSIONS)) if tickets else {}
        missing = [
            f"{TICKET_PERMISSIONS[name]} in project {tickets.project}: {GRANT} to {account}."
            for name, has in held.items()
            if tickets and not has
        ]
        may_create = tickets if held.get("CREATE_ISSUES") else None
        return Health(
            account=account,
            product=f"Jira {'Cloud' if self.api.cloud else 'Data Center'} {self.api.server.get('version', '')}".strip(),
            permissions=(BROWSE, *(name for name, has in held.items() if has)),
            missing=tuple(missing),
            notes=tuple(self._screen_notes(may_create)) if may_create else (),
        )

    def insist_on_seeing(self, account: str = "Our account") -> None:
        """Raise AuthError where a project is hidden from us: its issues are then out of sight, not deleted."""
        for project in self.config.scope:
            if not self.api.permissions(project, [BROWSE])[BROWSE]:
                raise AuthError(
                    f"{account} may not see project {project}: it needs the permission Browse Projects; {GRANT}.",
                    permission=BROWSE,
                )

    def _account(self) -> str:
        try:
            me = self.api.me
        except AuthError as error:
            raise AuthError(
                f"Jira does not accept the credentials: {error} Make a new token and enter it. "
                "A token with scopes needs `auth.kind: scoped_token` and the cloud id."
            ) from None
        return str(me.get("displayName") or me.get("accountId") or me.get("name"))

    def _screen_notes(self, tickets: Tickets) -> Iterator[str]:
        """Look at the create screen; raises ConfigError if the issue type or the security level is not there."""
        fields = self.api.create_fields(tickets.project, self._issue_type(tickets))
        if "labels" not in fields:
            yield (
                f"Labels are not on the create screen of {tickets.project}: tickets are then found by a line in their "
                "text, which is slower. A Jira admin can add the field under Project settings > Screens."
            )
        if tickets.security_level is not None and not _offers(fields.get("security"), tickets.security_level):
            raise ConfigError(
                f"Project {tickets.project} offers no security level {tickets.security_level} on its create screen: "
                "add it to the project's security scheme and to the screen, and let our account set it.",
                field="tickets.security_level",
            )

    def _issue_type(self, tickets: Tickets) -> str:
        known = self.api.issue_types(tickets.project)
        for kind in known:
            if tickets.issue_type in {str(kind.get("id")), str(kind.get("name"))}:
                return str(kind.get("id"))
        names = ", ".join(sorted(str(kind.get("name")) for kind in known))
        raise ConfigError(
            f"Project {tickets.project} has no issue type {tickets.issue_type}; "
            f"it has: {names or 'none that our account may create'}.",
            field="tickets.issue_type",
        )


def _offers(field: Mapping[str, Any] | None, level: str) -> bool:
    allowed = (field or {}).get("allowedValues") or []
    return any(level in {str(entry.get("id")), str(entry.get("name"))} for entry in allowed)
