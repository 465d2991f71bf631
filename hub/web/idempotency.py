"""A POST with an Idempotency-Key happens once: the first reply is kept with the change itself, and given again.

A request that failed changed nothing and is not kept, so it may be repeated with the same key.
"""

from __future__ import annotations

import hashlib

from flask import Response, g, request
from pydantic import BaseModel

from hub.core.errors import BadRequestError
from hub.web.models import IdempotentReply
from hub.web.replies import LONGEST_KEY, claim_key, keep_reply
from hub.web.requests import is_api, principal, session, state

HEADER = "Idempotency-Key"


def replay() -> Response | None:
    """Give the first reply again where this request has been answered before."""
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST" or not is_api():
        return None
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise BadRequestError(f"{HEADER}: give 1 to {LONGEST_KEY} printable ASCII characters.")
    caller, now = principal().audit_name, state().clock()
    first = claim_key(session(), caller, key, _hash_request(), now)
    if isinstance(first, int):
        g.idempotent_reply = first
        return None
    return _again(first)


def remember(response: Response) -> Response:
    """Keep the reply, in the transaction of the change."""
    claimed: int | None = g.pop("idempotent_reply", None)
    if claimed is None or response.status_code >= 400:  # noqa: PLR2004  # where HTTP's errors begin
        return response
    instead: BaseModel | None = g.get("reply_instead")
    body = response.get_data(as_text=True) if instead is None else instead.model_dump_json()
    headers = response.headers
    keep_reply(
        session(), claimed, response.status_code, body, location=headers.get("Location"), etag=headers.get("ETag")
    )
    return response


def reply_later_with(body: BaseModel) -> None:
    """Keep this instead of the reply: for replies that show a secret, which is never stored."""
    g.reply_instead = body


def _again(first: IdempotentReply) -> Response:
    response = Response(first.body, status=first.status, content_type="application/json")
    for name, value in (("Location", first.location), ("ETag", first.etag), ("Idempotency-Replayed", "true")):
        if value is not None:
            response.headers[name] = value
    return response


def _hash_request() -> str:
    parts = (request.path.encode(), request.query_string, request.get_data(cache=True))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
