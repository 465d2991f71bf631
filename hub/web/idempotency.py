"""A POST with an Idempotency-Key happens once: the first reply is kept with the change itself, and given again.

A request that failed changed nothing and is not kept, so it may be repeated with the same key.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from flask import Response, g, request
from pydantic import BaseModel
from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.core.errors import BadRequestError, IdempotencyKeyReusedError
from hub.web.models import IdempotentReply
from hub.web.requests import is_api, principal, session, state

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LONGEST_KEY = 200


def replay() -> Response | None:
    """Give the first reply again where this request has been answered before."""
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST" or not is_api():
        return None
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise BadRequestError(f"{HEADER}: give 1 to {LONGEST_KEY} printable ASCII characters.")
    caller, now = principal().audit_name, state().clock()
    first = _claim(session(), caller, key, _hash_request(), now)
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
    session().execute(
        update(IdempotentReply)
        .where(IdempotentReply.id == claimed)
        .values(
            status=response.status_code,
            body=body,
            location=response.headers.get("Location"),
            etag=response.headers.get("ETag"),
        )
    )
    return response


def reply_later_with(body: BaseModel) -> None:
    """Keep this instead of the reply: for replies that show a secret, which is never stored."""
    g.reply_instead = body


def prune_replies(session: Session, *, now: datetime) -> int:
    """Forget replies whose day is over; give how many."""
    done = session.execute(delete(IdempotentReply).where(IdempotentReply.created_at < now - KEPT))
    return done.rowcount if isinstance(done, CursorResult) else 0


def _claim(session: Session, caller: str, key: str, request_hash: str, now: datetime) -> int | IdempotentReply:
    """Take the key for this request, or give the reply that has it. Two at once: the second waits for the first."""
    mine = (IdempotentReply.caller == caller) & (IdempotentReply.key == key)
    session.execute(delete(IdempotentReply).where(mine, IdempotentReply.created_at < now - KEPT))
    values = {"caller": caller, "key": key, "request_hash": request_hash, "created_at": now}
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    claimed: int | None = session.scalar(
        dialect.insert(IdempotentReply)
        .values(values)
        .on_conflict_do_nothing(index_elements=["caller", "key"])
        .returning(IdempotentReply.id)
    )
    if claimed is not None:
        return claimed
    first = session.scalars(select(IdempotentReply).where(mine)).one()
    if first.request_hash != request_hash:
        raise IdempotencyKeyReusedError(f"{HEADER} {key!r} was used for another request: use a new key.")
    return first


def _again(first: IdempotentReply) -> Response:
    response = Response(first.body, status=first.status, content_type="application/json")
    for name, value in (("Location", first.location), ("ETag", first.etag), ("Idempotency-Replayed", "true")):
        if value is not None:
            response.headers[name] = value
    return response


def _hash_request() -> str:
    parts = (request.path.encode(), request.query_string, request.get_data(cache=True))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
