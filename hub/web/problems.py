"""Every error becomes one shape: problem+json (RFC 9457) for programs, a page with the next step for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, g, make_response, redirect, render_template, request
from sqlalchemy.exc import IntegrityError, OperationalError
from werkzeug.exceptions import HTTPException

from hub.core.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InternalError,
    InvalidInputError,
    MethodNotAllowedError,
    NotFoundError,
    PlumblineError,
    SignInRequiredError,
    TooLargeError,
    TooManyRequestsError,
    UnavailableError,
    UnsupportedMediaTypeError,
)
from hub.web.json import dumps
from hub.web.requests import request_id

PROBLEM_JSON = "application/problem+json"
SIGN_IN_PATH = "/sign-in"
_FOR_PROGRAMS = ("/api/", "/webhooks/")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
_BY_STATUS: dict[int, tuple[type[PlumblineError], str]] = {
    400: (BadRequestError, "The request cannot be read: check its JSON, headers and fields."),
    401: (SignInRequiredError, "Sign in, or send an API token that is valid."),
    403: (ForbiddenError, "You may not do this: ask an admin for a role that allows it."),
    404: (NotFoundError, "There is nothing at this address, or you may not see it."),
    405: (MethodNotAllowedError, "This address does not take this method."),
    413: (TooLargeError, "The request is too large: send it in parts."),
    415: (UnsupportedMediaTypeError, "Send application/json."),
    422: (InvalidInputError, "Some of the input cannot be used."),
    429: (TooManyRequestsError, "Too many requests: wait, then go on."),
    503: (UnavailableError, "Try again later."),
}
log = structlog.get_logger(__name__)


def handle_errors(app: APIFlask) -> None:
    """Give every error of this app the one shape."""
    app.error_processor(answer)
    app.register_error_handler(HTTPException, answer)
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """Answer a request that ended in an error."""
    if isinstance(error, HTTPException) and error.code is not None and error.code < HTTPStatus.BAD_REQUEST:
        return make_response(error.get_response())  # a redirect of the router
    known = as_known(error)
    response = _problem(known) if is_for_program() else _page(known)
    if "retry_after" in known.extra:
        response.headers["Retry-After"] = str(known.extra["retry_after"])
    if isinstance(known, MethodNotAllowedError) and known.extra.get("allow"):
        response.headers["Allow"] = str(known.extra["allow"])
    return response


def as_known(error: BaseException) -> PlumblineError:
    """Give the error of the registry that this one is."""
    error = getattr(error, "original_exception", None) or error  # an error while the reply was finished
    if isinstance(error, PlumblineError):
        return error
    if isinstance(error, HTTPError):
        return _of_status(error.status_code, **_fields(error.detail))
    if isinstance(error, HTTPException):
        allow = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return _of_status(error.code or 500, **({"allow": allow} if allow else {}))
    return _of_surprise(error)


def is_for_program() -> bool:
    """Say whether a program reads the reply."""
    return request.path.startswith(_FOR_PROGRAMS) or request.path in _PROBES


def _of_surprise(error: BaseException) -> PlumblineError:
    if isinstance(error, IntegrityError):
        return ConflictError("Something like this exists already, or what it refers to has gone: look again.")
    log.error("request.failed", request=request_id(), exc_info=error)
    if isinstance(error, OperationalError):
        return UnavailableError("The database cannot be reached or is busy. Nothing was changed: try again.")
    return InternalError(f"This is our fault. Nothing was changed; the log has the reason under {request_id()}.")


def _of_status(status: int, **extra: object) -> PlumblineError:
    kind, message = _BY_STATUS.get(status, (BadRequestError, "The request cannot be read."))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _BY_STATUS:
        kind, message = InternalError, f"This is our fault; the log has the reason under {request_id()}."
    return kind(message, **extra)


def _fields(detail: Any) -> dict[str, list[dict[str, str]]]:  # noqa: ANN401  # place -> field -> messages, as APIFlask gives it
    if not isinstance(detail, dict):
        return {}
    found = [
        {"in": str(place), "field": str(field), "message": str(message)}
        for place, fields in detail.items()
        for field, messages in fields.items()
        for message in messages
    ]
    return {"errors": found} if found else {}


def _problem(error: PlumblineError) -> Response:
    body = {
        **error.extra,
        "type": f"/errors/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": str(error),
        "instance": request_id(),
    }
    response = Response(dumps(body), status=error.status, content_type=PROBLEM_JSON)
    if isinstance(error, SignInRequiredError):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _page(error: PlumblineError) -> Response:
    if isinstance(error, SignInRequiredError):
        return _to_sign_in()
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        g.setdefault("principal", None)  # what failed may be what tells who is asking
    template = "web/error_fragment.html" if "HX-Request" in request.headers else "web/error.html"
    return make_response(render_template(template, error=error, request_id=request_id()), error.status)


def _to_sign_in() -> Response:
    target = SIGN_IN_PATH
    if request.method == "GET" and request.path != "/":
        target = f"{SIGN_IN_PATH}?{urlencode({'next': request.full_path.rstrip('?')})}"
    if "HX-Request" in request.headers:
        response = Response(status=HTTPStatus.UNAUTHORIZED)
        response.headers["HX-Redirect"] = SIGN_IN_PATH
        return response
    return make_response(redirect(target, code=HTTPStatus.SEE_OTHER))
