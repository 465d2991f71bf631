"""The REST interface of the sandbox: `/rest/api/3` as Cloud answers, `/rest/api/2` with strings for rich text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import BadRequest

from connectors.jira.sandbox import model
from connectors.jira.sandbox.documents import is_document
from connectors.jira.sandbox.fields import NOT_A_DOCUMENT, Screen
from connectors.jira.sandbox.model import Account, Issue, Refused
from connectors.jira.sandbox.search import page_offset, page_token
from connectors.jira.sandbox.shapes import SYSTEM_FIELDS, Shapes, instant
from connectors.jira.sandbox.site import PERMISSIONS, Site

Reply = Response | tuple[Any, int]
Route = Callable[..., Reply]

MOST_IDS = 50
"""That `reconcileIssues` takes."""
MOST_FETCHED = 100
MOST_WITH_FIELDS = 100
MOST_ONLY_IDS = 5000


def blueprint(site: Site) -> Blueprint:
    """Build the routes over one site; an endpoint's name is the operation that faults are planned for."""
    api = Blueprint("api", __name__, url_prefix="/rest/api/<int:version>")
    routes = Routes(site)

    @api.url_value_preprocessor
    def _version(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.version = (values or {}).pop("version", 3)

    for rule, methods, view in (
        ("/serverInfo", "GET", routes.server_info),
        ("/myself", "GET", routes.myself),
        ("/mypermissions", "GET", routes.my_permissions),
        ("/field", "GET", routes.fields),
        ("/project/<key>", "GET", routes.project),
        ("/issue/createmeta/<project>/issuetypes", "GET", routes.create_types),
        ("/issue/createmeta/<project>/issuetypes/<kind>", "GET", routes.create_fields),
        ("/issue", "POST", routes.create_issue),
        ("/issue/bulkfetch", "POST", routes.bulk_fetch),
        ("/issue/<key>", "GET", routes.get_issue),
        ("/issue/<key>", "PUT", routes.edit_issue),
        ("/issue/<key>", "DELETE", routes.delete_issue),
        ("/issue/<key>/comment", "GET", routes.comments),
        ("/issue/<key>/comment", "POST", routes.add_comment),
        ("/issue/<key>/comment/<int:number>", "GET", routes.comment),
        ("/issue/<key>/transitions", "GET", routes.transitions),
        ("/issue/<key>/transitions", "POST", routes.transition),
        ("/issue/<key>/properties", "GET", routes.properties),
        ("/issue/<key>/properties/<name>", "GET", routes.get_property),
        ("/issue/<key>/properties/<name>", "PUT", routes.set_property),
        ("/issue/<key>/properties/<name>", "DELETE", routes.drop_property),
        ("/issue/<key>/remotelink", "GET", routes.links),
        ("/issue/<key>/remotelink", "POST", routes.add_link),
        ("/issue/<key>/remotelink", "DELETE", routes.drop_link),
        ("/issue/<key>/remotelink/<int:number>", "GET", routes.link),
        ("/status", "GET", routes.statuses),
        ("/changelog/bulkfetch", "POST", routes.bulk_changelog),
        ("/search/jql", "GET", routes.search),
        ("/search/jql", "POST", routes.search),
        ("/search", "GET", routes.old_search),
        ("/search", "POST", routes.old_search),
    ):
        api.add_url_rule(rule, endpoint=view.__name__, view_func=view, methods=[methods])
    return api


def caller(site: Site, authorization: str | None) -> Account:
    """Find who signs in: e-mail and token on Cloud, a bearer token on Data Center."""
    scheme, _, credentials = (authorization or "").partition(" ")
    for account in site.accounts:
        if site.deployment == "data_center" and scheme == "Bearer" and credentials == account.token:
            return account
        if scheme == "Basic" and _basic(credentials) == f"{account.email}:{account.token}":
            return account
    raise Refused(401, "Client must be authenticated to access this resource.")


def _basic(credentials: str) -> str:
    try:
        return base64.b64decode(credentials).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _body() -> dict[str, Any]:
    try:
        body = request.get_json(force=True)
    except BadRequest:
        raise Refused(400, "There was an error parsing JSON. Check that your request body is valid.") from None
    if not isinstance(body, dict):
        raise Refused(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    return body


def _part(body: Mapping[str, Any], name: str, kind: type[Any]) -> Any:  # noqa: ANN401 - whatever a client sent
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise Refused(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    return kind() if value is None else value


def _listed(name: str) -> list[str]:
    return [part for value in request.args.getlist(name) for part in value.split(",") if part]


class Routes:
    """One method per operation; `g.account` and `g.version` are set before each."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def _shapes(self) -> Shapes:
        return Shapes(self._site, g.version)

    @property
    def _documents(self) -> bool:
        return bool(g.version > 2)  # noqa: PLR2004 - version 2 takes strings

    # --- the site --------------------------------------------------------------------------------------------------

    def server_info(self) -> Reply:
        cloud = self._site.deployment == "cloud"
        return jsonify(
            baseUrl=self._site.base_url,
            version="1001.0.0-SNAPSHOT" if cloud else "10.3.24",
            versionNumbers=[1001, 0, 0] if cloud else [10, 3, 24],
            deploymentType="Cloud" if cloud else "Server",
            buildNumber=100272,
            buildDate="2026-03-01T00:00:00.000+0000",
            serverTime=instant(self._site.clock()),
            scmInfo="sandbox",
            serverTitle="Jira sandbox",
        )

    def myself(self) -> Reply:
        return jsonify(self._shapes.user(g.account.account_id))

    def my_permissions(self) -> Reply:
        asked = _listed("permissions")
        if self._documents and not asked:
            raise Refused(400, "The permissions query parameter is required.")
        if unknown := set(asked) - set(PERMISSIONS):
            raise Refused(400, f"Unrecognized permission: {min(unknown)}")
        if "projectKey" in request.args:
            self._site.project(request.args["projectKey"])
        return jsonify(permissions={key: self._permission(key) for key in asked or PERMISSIONS})

    def _permission(self, key: str) -> dict[str, Any]:
        name = key.replace("_", " ").capitalize()
        number = str(10 + PERMISSIONS.index(key))
        common = {"id": number, "key": key, "name": name, "type": "PROJECT", "description": ""}
        return {**common, "havePermission": self._site.allows(key)}

    def fields(self) -> Reply:
        return jsonify([self._shapes.field(name) for name in (*SYSTEM_FIELDS, *(f.id for f in model.CUSTOM_FIELDS))])

    def project(self, key: str) -> Reply:
        self._site.require("BROWSE_PROJECTS", 404, f"No project could be found with key '{key}'.")
        return jsonify(self._shapes.project(self._site.project(key).key))

    def create_types(self, project: str) -> Reply:
        self._visible_screen(project)
        return self._meta("issueTypes", [self._shapes.issue_type(kind.id) for kind in model.ISSUE_TYPES])

    def create_fields(self, project: str, kind: str) -> Reply:
        self._visible_screen(project)
        if kind not in {known.id for known in model.ISSUE_TYPES}:
            raise Refused(400, "The issue type does not exist in this project.")
        screen = Screen(self._site, g.version, hidden=self._site.switches.off_create_screen)
        return self._meta("fields", [self._shapes.screen_field(name) for name in screen.fields])

    def _visible_screen(self, project: str) -> None:
        self._site.project(project)
        message = "You cannot create issues in this project."
        self._site.require("CREATE_ISSUES", 400, message)

    def _meta(self, name: str, entries: Sequence[Any]) -> Reply:
        start = request.args.get("startAt", 0, int)
        most = min(request.args.get("maxResults", 50, int), 200)
        page = {"startAt": start, "maxResults": most, "total": len(entries)}
        return jsonify({**page, name if self._documents else "values": entries[start : start + most]})

    # --- issues ----------------------------------------------------------------------------------------------------

    def create_issue(self) -> Reply:
        body = _body()
        properties = {entry["key"]: entry.get("value") for entry in _part(body, "properties", list)}
        fields = _part(body, "fields", dict)
        issue = self._site.create(fields, properties, by=g.account, version=g.version)
        return {"id": str(issue.id), "key": issue.key, "self": self._shapes.issue(issue)["self"]}, 201

    def get_issue(self, key: str) -> Reply:
        issue = self._site.issue(key)
        fields, properties = _listed("fields") or ["*all"], _listed("properties")
        return jsonify(self._shapes.issue(issue, fields=fields, properties=properties))

    def edit_issue(self, key: str) -> Reply:
        issue, body = self._site.issue(key), _body()
        fields, update = _part(body, "fields", dict), _part(body, "update", dict)
        self._site.edit(issue, fields, update, by=g.account, version=g.version)
        for entry in _part(body, "properties", list):
            self._site.set_property(issue, entry["key"], entry.get("value"))
        return "", 204

    def delete_issue(self, key: str) -> Reply:
        self._site.delete(self._site.issue(key), by=g.account)
        return "", 204

    def bulk_fetch(self) -> Reply:
        body = _body()
        wanted = _part(body, "issueIdsOrKeys", list)
        if not wanted or len(wanted) > MOST_FETCHED:
            raise Refused(400, f"Between 1 and {MOST_FETCHED} issues can be fetched at once.")
        found, missed = {}, []
        for key in wanted:
            try:
                issue = self._site.issue(str(key))
                found[issue.id] = issue
            except Refused as refused:
                missed.append({"id": key, "errorMessage": refused.messages[0]})
        fields, properties = _part(body, "fields", list) or ["*navigable"], _part(body, "properties", list)
        issues = [self._shapes.issue(found[n], fields=fields, properties=properties) for n in sorted(found)]
        return jsonify(issues=issues, issueErrors=missed)

    def statuses(self) -> Reply:
        return jsonify([self._shapes.status(status) for status in model.STATUSES.values()])

    def bulk_changelog(self) -> Reply:
        body, shapes = _body(), self._shapes
        wanted = set(_part(body, "fieldIds", list))
        logs = []
        for key in _part(body, "issueIdsOrKeys", list):
            issue = self._site.issue(str(key))
            seen = [log for log in issue.history if not wanted or wanted & {item.field for item in log.items}]
            if seen:
                logs.append({"issueId": str(issue.id), "changeHistories": [shapes.history(log) for log in seen]})
        start, most = int(body.get("nextPageToken") or 0), int(body.get("maxResults") or 1000)
        more = {"nextPageToken": str(start + most)} if start + most < len(logs) else {}
        return jsonify(issueChangeLogs=logs[start : start + most], **more)

    # --- search ----------------------------------------------------------------------------------------------------

    def search(self) -> Reply:
        if self._site.deployment != "cloud":
            raise Refused(404, "null for uri")
        body = _body() if request.method == "POST" else _search_arguments()
        query, fields = str(body.get("jql") or ""), body.get("fields") or ["id"]
        reconcile = body.get("reconcileIssues") or []
        if len(reconcile) > MOST_IDS:
            raise Refused(400, f"At most {MOST_IDS} issues can be reconciled.")
        found = self._site.search(query, account=g.account, reconcile=reconcile)
        limit = MOST_ONLY_IDS if set(fields) <= {"id", "key"} else MOST_WITH_FIELDS
        most = max(1, min(int(body.get("maxResults") or 50), limit))
        token = body.get("nextPageToken")
        start = page_offset(token, query) if token else 0
        page = [self._found(issue, fields, body) for issue in found[start : start + most]]
        last = start + most >= len(found)
        return jsonify(issues=page, isLast=last, **({} if last else {"nextPageToken": page_token(start + most, query)}))

    def old_search(self) -> Reply:
        if self._site.deployment == "cloud":
            return {"errorMessages": ["The requested API has been removed. Use /rest/api/3/search/jql."]}, 410
        arguments: dict[str, Any] = {**request.args, "fields": _listed("fields")}
        body = _body() if request.method == "POST" else arguments
        found = self._site.search(str(body.get("jql") or "created is not empty"), account=g.account)
        start, most = int(body.get("startAt") or 0), min(int(body.get("maxResults") or 50), 1000)
        chosen = found[start : start + most]
        page = [self._found(issue, body.get("fields") or ["*navigable"], {}) for issue in chosen]
        if "changelog" in (body.get("expand") or ()):
            for shown, issue in zip(page, chosen, strict=True):
                shown["changelog"] = {"histories": [self._shapes.history(log) for log in issue.history]}
        return jsonify(expand="names,schema", startAt=start, maxResults=most, total=len(found), issues=page)

    def _found(self, issue: Issue, fields: Sequence[str], body: Mapping[str, Any]) -> dict[str, Any]:
        return self._shapes.issue(issue, fields=fields, properties=body.get("properties") or ())

    # --- parts of an issue -----------------------------------------------------------------------------------------

    def comments(self, key: str) -> Reply:
        issue = self._site.issue(key)
        newest_first = request.args.get("orderBy") == "-created"
        every = issue.comments[::-1] if newest_first else issue.comments
        start, most = request.args.get("startAt", 0, int), request.args.get("maxResults", 100, int)
        page = [self._shapes.comment(issue, comment) for comment in every[start : start + most]]
        return jsonify(startAt=start, maxResults=most, total=len(every), comments=page)

    def comment(self, key: str, number: int) -> Reply:
        issue = self._site.issue(key)
        comment = next((comment for comment in issue.comments if comment.id == number), None)
        if comment is None:
            raise Refused(404, f"Can not find a comment for the id: {number}.")
        return jsonify(self._shapes.comment(issue, comment))

    def add_comment(self, key: str) -> Reply:
        issue, text = self._site.issue(key), _body().get("body")
        good = is_document(text) if self._documents else isinstance(text, str)
        if not good:
            raise Refused(400, errors={"comment": NOT_A_DOCUMENT if self._documents else "must be a string"})
        return self._shapes.comment(issue, self._site.comment(issue, text, by=g.account)), 201

    def transitions(self, key: str) -> Reply:
        issue = self._site.issue(key)
        ways = self._site.transitions(issue)
        with_fields = "transitions.fields" in _listed("expand")
        shapes = self._shapes
        shown = [
            shapes.transition(way) | ({"fields": shapes.transition_fields(way)} if with_fields else {}) for way in ways
        ]
        return jsonify(expand="transitions", transitions=shown)

    def transition(self, key: str) -> Reply:
        issue, body = self._site.issue(key), _body()
        wanted, fields = _part(body, "transition", dict), _part(body, "fields", dict)
        way = next((way for way in self._site.transitions(issue) if way.id == str(wanted.get("id"))), None)
        missing = set(self._shapes.transition_fields(way)) - set(fields) if way else ()
        if missing:
            raise Refused(400, errors={name: f"{name.capitalize()} is required." for name in missing})
        chosen = set((fields.get("resolution") or {}).values())
        resolution = next((number for number, name in model.RESOLUTIONS.items() if chosen & {number, name}), None)
        self._site.transition(issue, str(wanted.get("id")), by=g.account, resolution=resolution)
        return "", 204

    def properties(self, key: str) -> Reply:
        issue = self._site.issue(key)
        place = f"{self._shapes.issue(issue)['self']}/properties"
        return jsonify(keys=[{"self": f"{place}/{name}", "key": name} for name in issue.properties])

    def get_property(self, key: str, name: str) -> Reply:
        issue = self._site.issue(key)
        if name not in issue.properties:
            raise Refused(404, f"The property {name} does not exist.")
        return jsonify(key=name, value=issue.properties[name])

    def set_property(self, key: str, name: str) -> Reply:
        new = self._site.set_property(self._site.issue(key), name, request.get_json(force=True))
        return {}, 201 if new else 200

    def drop_property(self, key: str, name: str) -> Reply:
        self._site.drop_property(self._site.issue(key), name)
        return "", 204

    def links(self, key: str) -> Reply:
        issue, wanted = self._site.issue(key), request.args.get("globalId")
        found = [link for link in issue.links if wanted in {None, link.global_id}]
        if wanted is None:
            return jsonify([self._shapes.link(issue, link) for link in found])
        if not found:
            raise Refused(404, "A remote issue link with this global id does not exist.")
        return jsonify(self._shapes.link(issue, found[0]))

    def link(self, key: str, number: int) -> Reply:
        issue = self._site.issue(key)
        found = next((link for link in issue.links if link.id == number), None)
        if found is None:
            raise Refused(404, f"A remote issue link with id {number} does not exist.")
        return jsonify(self._shapes.link(issue, found))

    def add_link(self, key: str) -> Reply:
        issue, body = self._site.issue(key), _body()
        target = _part(body, "object", dict)
        if errors := {f"object.{name}": f"'{name}' is required." for name in ("url", "title") if not target.get(name)}:
            raise Refused(400, errors=errors)
        link, new = self._site.link(issue, body)
        return {"id": link.id, "self": self._shapes.link(issue, link)["self"]}, 201 if new else 200

    def drop_link(self, key: str) -> Reply:
        self._site.unlink(self._site.issue(key), request.args.get("globalId", ""))
        return "", 204


def _search_arguments() -> dict[str, Any]:
    arguments: dict[str, Any] = {name: request.args[name] for name in ("jql", "nextPageToken") if name in request.args}
    try:
        arguments["maxResults"] = int(request.args.get("maxResults", 50))
        arguments["reconcileIssues"] = [int(number) for number in _listed("reconcileIssues")]
    except ValueError:
        raise Refused(400, "A number was expected.") from None
    return {**arguments, "fields": _listed("fields"), "properties": _listed("properties")}
