"""What APIFlask cannot know of our conventions, added to its description of the API."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask

from hub.web.idempotency import HEADER
from hub.web.problems import PROBLEM_JSON
from hub.web.replies import LONGEST_KEY

PROBLEM = {
    "title": "Problem",
    "type": "object",
    "description": "What went wrong (RFC 9457); `type` is an address that explains it.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "Id of the request; the log has it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "field", "message"],
                "properties": {name: {"type": "string"} for name in ("in", "field", "message")},
            },
        },
    },
}
_PROBLEMS = {
    "401": "Nobody is signed in, or the token does not hold.",
    "403": "The caller may not do this.",
    "422": "Some of the input cannot be used.",
    "429": "Too many requests: Retry-After says when to go on.",
    "default": "Any other problem.",
}
_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The same key gives the first reply again for a day, and changes nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "ETag of the state that is changed; without it an update is refused (428).",
    "schema": {"type": "string"},
}


def describe(app: APIFlask) -> None:
    """Set up the description at /openapi.json."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_OPERATION_ID=True,
        AUTO_SERVERS=False,
        SECURITY_SCHEMES={"token": {"type": "http", "scheme": "bearer", "description": "An API token, `plb_...`."}},
        INFO={"description": "Objectives, metrics and what keeps them true. Errors are problems (RFC 9457)."},
    )
    app.spec_processor(_complete)  # type: ignore[arg-type]  # ours is never YAML, so it is a dict


def _complete(spec: dict[str, Any]) -> dict[str, Any]:
    spec.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for methods in spec["paths"].values():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            operation["security"] = [{"token": []}]
            for status, description in _PROBLEMS.items():
                operation["responses"].setdefault(status, {"description": description, "content": content})
            extra = {"post": [_KEY], "patch": [_IF_MATCH], "put": [_IF_MATCH]}.get(method, [])
            operation.setdefault("parameters", []).extend(extra)
    return spec
