"""The levers and the ledger: `/__sandbox__/`, what a test or a person uses and Jira does not have."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from connectors.jira.sandbox import model
from connectors.jira.sandbox.deliveries import Deliveries
from connectors.jira.sandbox.documents import plain
from connectors.jira.sandbox.faults import EVERY, Fault, Kind
from connectors.jira.sandbox.model import Issue, Refused
from connectors.jira.sandbox.shapes import instant
from connectors.jira.sandbox.site import Site

Reply = Response | tuple[Any, int]


def ledger(site: Site) -> dict[str, Any]:
    """Count what the site holds: the figures that tests believe, whatever Plumbline's own database says."""
    with site.lock:
        issues, deleted = list(site.issues.values()), list(site.deleted.values())
    return {
        "counts": {
            "issues": len(issues),
            "deleted": len(deleted),
            "open": sum(model.STATUSES[issue.status].category != model.DONE for issue in issues),
            "comments": sum(len(issue.comments) for issue in issues),
            "links": sum(len(issue.links) for issue in issues),
            "requests": len(site.requests),
        },
        "issues": [_entry(issue) for issue in issues],
        "deleted": [_entry(issue) for issue in deleted],
    }


def _entry(issue: Issue) -> dict[str, Any]:
    status = model.STATUSES[issue.status]
    return {
        "id": str(issue.id),
        "key": issue.key,
        "summary": issue.summary,
        "description": plain(issue.description),
        "status": status.name,
        "category": status.category.key,
        "resolution": model.RESOLUTIONS[issue.resolution] if issue.resolution else None,
        "labels": list(issue.labels),
        "assignee": issue.assignee,
        "security": issue.security,
        "properties": issue.properties,
        "comments": [{"id": str(comment.id), "text": plain(comment.body)} for comment in issue.comments],
        "links": [{"globalId": link.global_id, "object": link.target} for link in issue.links],
        "created": instant(issue.created),
        "updated": instant(issue.updated),
        "history": [history.model_dump(mode="json") for history in issue.history],
    }


def blueprint(site: Site, deliveries: Deliveries) -> Blueprint:
    """Build the control routes; they take and give JSON and need no sign-in, so serve them on loopback only."""
    control = Blueprint("control", __name__, url_prefix="/__sandbox__")

    @control.get("/ledger")
    def _ledger() -> Reply:
        return jsonify(ledger(site))

    @control.get("/requests")
    def _requests() -> Reply:
        return jsonify(list(site.requests))

    @control.get("/deliveries")
    def _deliveries() -> Reply:
        shown = [
            {"identifier": entry.identifier, "event": entry.event, "url": entry.hook.url, "tries": entry.tries}
            for entry in list(deliveries.log)
        ]
        return jsonify(shown)

    @control.get("/switches")
    def _switches() -> Reply:
        return jsonify(switches(site, deliveries))

    @control.patch("/switches")
    def _switch() -> Reply:
        switch(site, deliveries, request.get_json())
        return jsonify(switches(site, deliveries))

    @control.post("/faults")
    def _fault() -> Reply:
        planned = request.get_json()
        if planned["operation"] not in {EVERY, *_operations()}:
            raise Refused(400, f"No operation {planned['operation']!r}; choose from {EVERY} {' '.join(_operations())}")
        site.faults.plan(Fault(**{**planned, "kind": Kind(planned["kind"])}))
        return jsonify([asdict(fault) for fault in site.faults.planned()])

    @control.delete("/faults")
    def _no_faults() -> Reply:
        site.faults.clear()
        return "", 204

    @control.post("/webhooks")
    def _webhook() -> Reply:
        hook = site.register(**request.get_json())
        return {"id": hook.id, "url": hook.url}, 201

    return control


def _operations() -> list[str]:
    """Name the operations of the API: a fault for any other one would never happen, and nobody would notice."""
    endpoints = {rule.endpoint for rule in current_app.url_map.iter_rules()}
    return sorted(name.removeprefix("api.") for name in endpoints if name.startswith("api."))


def switches(site: Site, deliveries: Deliveries) -> dict[str, Any]:
    """List every switch with its present position."""
    return {
        "permissions": sorted(site.switches.permissions),
        "off_create_screen": sorted(site.switches.off_create_screen),
        "search_lag": site.switches.search_lag.total_seconds(),
        "required_to_close": sorted(site.switches.required_to_close),
        "strict_workflow": site.switches.strict_workflow,
        "webhooks": asdict(deliveries.behaviour),
    }


def switch(site: Site, deliveries: Deliveries, wanted: dict[str, Any]) -> None:
    """Set the switches named; an unknown one is an error."""
    for name, value in wanted.items():
        if name == "webhooks":
            deliveries.behave(**value)
        elif name == "search_lag":
            site.switches.search_lag = timedelta(seconds=value)
        elif name in {"permissions", "off_create_screen", "required_to_close"}:
            setattr(site.switches, name, set(value))
        elif name == "strict_workflow":
            site.switches.strict_workflow = bool(value)
        else:
            raise KeyError(f"There is no switch {name}: GET /__sandbox__/switches lists them.")
