"""Which state of a thing was read, and that an update changes that state and no later one."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TypeVar

from flask import request
from pydantic import BaseModel

from hub.core.errors import PreconditionFailedError, PreconditionRequiredError

M = TypeVar("M", bound=BaseModel)


def etag_of(thing: BaseModel) -> str:
    """Give the tag of what a reader was told."""
    return hashlib.sha256(thing.model_dump_json().encode()).hexdigest()[:32]


def tagged(thing: M, status: int = HTTPStatus.OK, *, location: str | None = None) -> tuple[M, int, dict[str, str]]:
    """Reply with a thing and its ETag."""
    headers = {"ETag": f'"{etag_of(thing)}"'}
    return thing, int(status), headers if location is None else {**headers, "Location": location}


def require_match(thing: BaseModel) -> None:
    """Refuse an update unless If-Match names the state that the thing is in."""
    if not request.if_match:
        raise PreconditionRequiredError("Send the ETag you read as If-Match, so that nobody's change is lost.")
    if not request.if_match.contains(etag_of(thing)):
        raise PreconditionFailedError("It has changed since you read it: read it again, then decide.")
