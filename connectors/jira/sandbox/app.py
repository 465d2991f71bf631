"""The sandbox as a web application: sign-in, planned faults and the request log around the routes."""

from __future__ import annotations

import socket
import threading
from typing import NamedTuple

from flask import Flask, Response, g, jsonify, request

from connectors.jira.sandbox import api, control, pages
from connectors.jira.sandbox.deliveries import Deliveries
from connectors.jira.sandbox.faults import BEFORE, Fault, Kind
from connectors.jira.sandbox.model import Refused
from connectors.jira.sandbox.shapes import instant
from connectors.jira.sandbox.site import Site

ANONYMOUS = frozenset({"server_info"})
FAULT_HEADER = "X-Sandbox-Fault"
"""Marks a reply that is wrong on purpose, so that a contract check can tell it from a mistake."""
DROPS = frozenset({Kind.DROP_BEFORE, Kind.APPLY_THEN_DROP})


class Sandbox(NamedTuple):
    """A site, its webhooks and the application that serves them."""

    app: Flask
    site: Site
    deliveries: Deliveries


def create_sandbox(site: Site | None = None, *, deliveries: Deliveries | None = None) -> Sandbox:
    """Build the application over a site; nothing is sent or served yet."""
    site = site or Site()
    deliveries = deliveries or Deliveries(site)
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(api.blueprint(site))
    app.register_blueprint(control.blueprint(site, deliveries))
    app.register_blueprint(pages.blueprint(site))
    app.before_request(lambda: _enter(site))
    app.after_request(lambda response: _leave(site, response))
    app.register_error_handler(Refused, _refused)
    return Sandbox(app, site, deliveries)


def _operation() -> str | None:
    """Name the API operation that is being called; None outside the API."""
    blueprint, _, name = (request.endpoint or "").partition(".")
    return name if blueprint == "api" else None


def _enter(site: Site) -> Response | None:
    operation = _operation()
    if operation is None:
        return None
    g.fault = site.faults.take(operation)
    if g.fault and g.fault.kind in BEFORE:
        return _answer(g.fault)
    if operation not in ANONYMOUS:
        g.account = api.caller(site, request.headers.get("Authorization"))
    return None


def _leave(site: Site, response: Response) -> Response:
    if not request.path.startswith("/rest/"):
        return response
    fault: Fault | None = g.get("fault")
    if fault:
        response = _spoiled(fault, response)
        response.headers[FAULT_HEADER] = fault.kind.value
    site.requests.append(
        {
            "at": instant(site.clock()),
            "operation": _operation(),
            "method": request.method,
            "path": request.path,
            "query": request.query_string.decode(),
            "body": request.get_data(as_text=True),
            "status": response.status_code,
            "fault": fault.kind.value if fault else None,
            "reply": response.get_data(as_text=True),
        }
    )
    if fault and fault.kind in DROPS:
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)  # the reply is then written to nobody
    return response


def _refused(refused: Refused) -> Response:
    response = jsonify(errorMessages=refused.messages, errors=refused.errors)
    response.status_code = refused.status
    return response


def _answer(fault: Fault) -> Response:
    """Answer for a request that is not applied."""
    throttled = fault.kind is Kind.THROTTLE
    response = jsonify(errorMessages=["Rate limit exceeded." if throttled else "The server is not well."], errors={})
    response.status_code = 429 if throttled else fault.status
    if fault.retry_after is not None:
        response.headers["Retry-After"] = fault.retry_after
    return response


def _spoiled(fault: Fault, response: Response) -> Response:
    """Spoil the reply to a request that was applied."""
    if fault.kind is Kind.ERROR_AFTER:
        response = jsonify(errorMessages=["The server is not well."], errors={})
        response.status_code = fault.status
    elif fault.kind is Kind.HTML:
        response = Response("<!doctype html><title>Log in</title><p>Please log in.", mimetype="text/html")
    elif fault.kind is Kind.SLOW:
        threading.Event().wait(fault.seconds)
    elif fault.kind in {Kind.HALF_JSON, Kind.TRUNCATED}:
        whole = response.get_data()
        response.set_data(whole[: len(whole) // 2])
        if fault.kind is Kind.TRUNCATED:
            response.headers["Content-Length"] = str(len(whole))
    return response
