"""The calls that Jira answers, for both deployments; what is read and written in them is decided elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from connectors.jira.config import ApiToken, Deployment, JiraConfig, PersonalAccessToken, ScopedToken
from connectors.jira.text import AdfWriter, WikiWriter, Writer
from connectors.sdk.errors import AmbiguousError, ConfigError, NotAppliedError, TransientError
from connectors.sdk.http import HttpClient, HttpResponse, basic, bearer
from connectors.sdk.network import Network

Json = dict[str, Any]

PAGE = 100
"""Issues with fields that Cloud gives at most per page."""
KEYS_PAGE = 1000
FETCHED_AT_ONCE = 100
RECONCILED = 50
"""Issues that Cloud looks at past its index, at most, when a search names them."""
NOT_FOUND = 404


@dataclass(frozen=True)
class Page:
    """Some of the issues that a query finds; `next` continues it, None = that was all."""

    issues: Sequence[Json]
    next: str | None
    as_of: datetime | None = None
    """When the site answered, by its own clock: an index is never ahead of that."""


class JiraApi:
    """One site, signed in. Paths, paging and the form of rich text differ by deployment; here and nowhere else."""

    def __init__(self, config: JiraConfig, network: Network) -> None:
        self._config = config
        auth = config.auth
        authorization = bearer(auth.token) if isinstance(auth, PersonalAccessToken) else basic(auth.email, auth.token)
        self._http = HttpClient(network, base_url=config.api_url, authorization=authorization, secrets=[auth.token])
        self._written: deque[int] = deque(maxlen=RECONCILED)

    # --- the site --------------------------------------------------------------------------------------------------

    @cached_property
    def server(self) -> Json:
        """What the site says of itself; version 2 of the call exists on both deployments."""
        return self._object(self._http.get("rest/api/2/serverInfo"))

    @cached_property
    def cloud(self) -> bool:
        """Whether this is Cloud: as configured, else as the site says."""
        if self._config.deployment is not Deployment.AUTO:
            return self._config.deployment is Deployment.CLOUD
        if isinstance(self._config.auth, ScopedToken):
            return True
        cloud = self.server.get("deploymentType") == "Cloud"
        if cloud and not isinstance(self._config.auth, ApiToken):
            raise ConfigError("Jira Cloud takes an API token, not a personal access token.", field="auth.kind")
        return cloud

    def now(self) -> datetime:
        """Ask for the site's own time."""
        told = self._object(self._http.get("rest/api/2/serverInfo")).get("serverTime")
        try:
            return datetime.fromisoformat(str(told)).astimezone(UTC)
        except ValueError:
            raise TransientError("Jira does not tell its time: the numbers wait until it does.") from None

    @cached_property
    def categories(self) -> Mapping[str, str]:
        """The category of each status, by id."""
        response = self._get("status").json()
        known = response if isinstance(response, list) else []
        return {str(status["id"]): str((status.get("statusCategory") or {}).get("key")) for status in known}

    @property
    def writer(self) -> Writer:
        """Whoever writes rich text in the form this site takes."""
        return AdfWriter() if self.cloud else WikiWriter()

    @cached_property
    def me(self) -> Json:
        """The account we are signed in as."""
        return self._object(self._get("myself"))

    @cached_property
    def time_zone(self) -> ZoneInfo:
        """The zone in which this site reads times in JQL: that of our account's profile."""
        return ZoneInfo(str(self.me.get("timeZone") or "UTC"))

    def permissions(self, project: str, wanted: Sequence[str]) -> Mapping[str, bool]:
        """Say which permissions our account has in a project."""
        asked: Json = {"projectKey": project}
        if self.cloud:
            asked["permissions"] = ",".join(wanted)
        response = self._get("mypermissions", asked, accept={NOT_FOUND})
        if response.status == NOT_FOUND:
            raise ConfigError(f"Jira has no project {project}, or our account may not see it.", field="projects")
        known = self._object(response).get("permissions", {})
        return {name: bool(known.get(name, {}).get("havePermission")) for name in wanted}

    def issue_types(self, project: str) -> Sequence[Json]:
        """List what can be created in a project."""
        return self._create_meta(f"issue/createmeta/{_part(project)}/issuetypes", "issueTypes")

    def create_fields(self, project: str, issue_type: str) -> Mapping[str, Json]:
        """List the fields of a create screen by id."""
        path = f"issue/createmeta/{_part(project)}/issuetypes/{_part(issue_type)}"
        return {str(field.get("fieldId")): field for field in self._create_meta(path, "fields")}

    def _create_meta(self, path: str, name: str) -> Sequence[Json]:
        found: list[Json] = []
        while True:
            page = self._object(self._get(path, {"startAt": len(found), "maxResults": PAGE}))
            entries = page.get(name) or page.get("values") or []  # Data Center's pages call them `values`
            found += entries
            if not entries or len(found) >= int(page.get("total") or 0):
                return found

    # --- issues ----------------------------------------------------------------------------------------------------

    @property
    def written(self) -> Sequence[int]:
        """The issues that we wrote last: a search that names them finds them although its index lags."""
        return tuple(dict.fromkeys(self._written))

    def search(
        self,
        jql: str,
        fields: Sequence[str],
        *,
        properties: Sequence[str] = (),
        after: str | None = None,
        fresh: Sequence[int] = (),
        changelog: bool = False,
    ) -> Page:
        """Ask for one page of what a query finds; the index lags, but for the `fresh` ones: the same on each page.

        `changelog` is for `histories` to be called with the page's issues.
        """
        most = KEYS_PAGE if set(fields) <= {"id", "key"} else PAGE
        asked: dict[str, JsonValue] = {"jql": jql, "fields": list(fields), "maxResults": most}
        if not self.cloud:
            more: dict[str, JsonValue] = {"expand": ["changelog"]} if changelog else {}
            return self._offset_page({**asked, **more, "startAt": int(after or 0)})
        if properties:
            asked["properties"] = list(properties)
        if fresh:
            asked["reconcileIssues"] = list(fresh)
        if after is not None:
            asked["nextPageToken"] = after
        response = self._http.read("POST", self._path("search/jql"), json=asked)
        page = self._object(response)
        issues, token = page.get("issues") or [], page.get("nextPageToken")
        if token is not None and token == after:
            raise TransientError("Jira gave the same page of a search again: it is asked from the start next time.")
        return Page(issues, str(token) if token and issues else None, _date(response))

    def _offset_page(self, asked: dict[str, JsonValue]) -> Page:
        response = self._http.read("POST", self._path("search"), json=asked)
        page = self._object(response)
        issues = page.get("issues") or []
        end = int(page.get("startAt") or 0) + len(issues)
        return Page(issues, str(end) if issues and end < int(page.get("total") or 0) else None, _date(response))

    def issue(self, key: str, fields: Sequence[str], *, properties: Sequence[str] = ()) -> Json | None:
        """Read one issue from the database behind the search; None if it is gone or hidden."""
        asked = {"fields": ",".join(fields), **({"properties": ",".join(properties)} if properties else {})}
        response = self._get(f"issue/{_part(key)}", asked, accept={NOT_FOUND})
        return None if response.status == NOT_FOUND else self._object(response)

    def issues(self, keys: Sequence[str], fields: Sequence[str], *, properties: Sequence[str]) -> Sequence[Json]:
        """Read up to FETCHED_AT_ONCE issues; those that are gone or hidden are not in the answer."""
        if not self.cloud:
            found = (self.issue(key, fields, properties=properties) for key in keys)
            return [issue for issue in found if issue is not None]
        asked: dict[str, JsonValue] = {
            "issueIdsOrKeys": list(keys),
            "fields": list(fields),
            "properties": list(properties),
        }
        response = self._http.read("POST", self._path("issue/bulkfetch"), json=asked)
        return self._object(response).get("issues") or []

    def histories(self, issues: Sequence[Json]) -> Mapping[str, Sequence[Json]]:
        """Give the changes of status of issues, by id: Cloud cuts what a search shows of them, and has another call."""
        if not self.cloud:
            return {str(issue["id"]): (issue.get("changelog") or {}).get("histories") or [] for issue in issues}
        found: dict[str, list[Json]] = {}
        asked: dict[str, JsonValue] = {"issueIdsOrKeys": [str(issue["id"]) for issue in issues], "fieldIds": ["status"]}
        while issues:
            page = self._object(self._http.read("POST", self._path("changelog/bulkfetch"), json=asked))
            logs = page.get("issueChangeLogs") or []
            for log in logs:
                found.setdefault(str(log["issueId"]), []).extend(log.get("changeHistories") or [])
            token = page.get("nextPageToken")
            if not token or not logs or token == asked.get("nextPageToken"):
                break
            asked["nextPageToken"] = token
        return found

    def create(self, body: Json) -> HttpResponse:
        """Create an issue; 400 comes back for the caller to look at, anything else that is no 201 raises."""
        return self._http.write("POST", self._path("issue"), json=body, accept={400})

    def edit(self, key: str, body: Json) -> None:
        """Change fields of an issue."""
        self.note_written(key)
        self._http.write("PUT", self._path(f"issue/{_part(key)}"), json=body, reply="any")

    def comments(self, key: str) -> Sequence[Json]:
        """List all comments, which is done before one is added: an issue that is gone raises NotAppliedError."""
        found: list[Json] = []
        while True:
            asked = {"startAt": len(found), "maxResults": PAGE, "orderBy": "created"}
            response = self._get(f"issue/{_part(key)}/comment", asked, accept={NOT_FOUND})
            if response.status == NOT_FOUND:
                raise NotAppliedError(f"Jira has no issue {key}, or our account may no longer see it.")
            page = self._object(response)
            comments = page.get("comments") or []
            found += comments
            if not comments or len(found) >= int(page.get("total") or 0):
                return found

    def comment(self, key: str, body: JsonValue) -> Json:
        """Add a comment."""
        self.note_written(key)
        return self._object(self._http.write("POST", self._path(f"issue/{_part(key)}/comment"), json={"body": body}))

    def transitions(self, key: str) -> Sequence[Json]:
        """List the ways out of an issue's status, with the fields they ask for."""
        page = self._object(self._get(f"issue/{_part(key)}/transitions", {"expand": "transitions.fields"}))
        return page.get("transitions") or []

    def transition(self, key: str, way: str, fields: Json) -> None:
        """Go through a transition."""
        self.note_written(key)
        body: Json = {"transition": {"id": way}, **({"fields": fields} if fields else {})}
        self._http.write("POST", self._path(f"issue/{_part(key)}/transitions"), json=body, reply="any")

    def link(self, key: str, *, global_id: str, url: str, title: str) -> None:
        """Add or replace the remote link with this global id."""
        body: Json = {
            "globalId": global_id,
            "application": {"type": "plumbline", "name": "Plumbline"},
            "object": {"url": url, "title": title},
        }
        self._http.write("POST", self._path(f"issue/{_part(key)}/remotelink"), json=body)

    def note_written(self, key: str) -> None:
        """Remember an issue that is written, for the next searches."""
        if key.isdecimal():
            self._written.append(int(key))

    # --- paths -----------------------------------------------------------------------------------------------------

    def _path(self, path: str) -> str:
        return f"rest/api/{3 if self.cloud else 2}/{path}"

    def _get(self, path: str, params: Mapping[str, Any] | None = None, accept: set[int] | None = None) -> HttpResponse:
        return self._http.get(self._path(path), params=params, accept=accept or ())

    @staticmethod
    def _object(response: HttpResponse) -> Json:
        content = response.json()
        if not isinstance(content, dict):
            message = f"{response.url} answered with something else than a JSON object."
            raise AmbiguousError(message) if response.written else TransientError(message)
        return content


def _date(response: HttpResponse) -> datetime | None:
    """Read the site's clock off an answer."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _part(value: str) -> str:
    """Write a value as one part of a path, whatever it holds."""
    return quote(value, safe="")
