"""The one cookie: a random id that only its hash is kept of. Before sign-in it marks a visit, so that forms are safe.

`__Host-` and Secure where people come by https, which is what the request or PLUMBLINE_PUBLIC_URL says.
"""

from __future__ import annotations

import secrets

from flask import Response, current_app, g, request

from hub.settings import Settings
from hub.web.state import EXTENSION

NAME = "plumbline"
ID_BYTES = 32
LONGEST = 100
"""Characters of an id that is looked at at all."""


def new_session_id() -> str:
    """Make the random id of a visit or a session: 256 bits."""
    return secrets.token_urlsafe(ID_BYTES)


def is_https() -> bool:
    """Say whether people come here by https."""
    settings: Settings = current_app.extensions[EXTENSION].settings
    return request.is_secure or (settings.public_url or "").startswith("https://")


def cookie_name() -> str:
    """Give the cookie's name: with https, one that no other host and no plain page can set."""
    return f"__Host-{NAME}" if is_https() else NAME


def read_session_id() -> str | None:
    """Read the id that the browser sent."""
    value = request.cookies.get(cookie_name())
    return value if value and len(value) <= LONGEST else None


def current_session_id() -> str:
    """Give the id that this browser has after this reply; a new visitor gets one."""
    given: str | None = g.get("new_session_id") or read_session_id()
    if given is None:
        given = new_session_id()
        g.new_session_id = given
    return given


def use_session_id(session_id: str | None) -> None:
    """Change the browser's id with this reply; None takes it away."""
    g.new_session_id = session_id
    g.cookie_ends = session_id is None


def send_cookie(response: Response) -> Response:
    """Put the cookie on the reply where it changes."""
    if g.get("cookie_ends"):
        response.delete_cookie(cookie_name(), path="/", secure=is_https(), httponly=True, samesite="Lax")
    elif g.get("new_session_id"):
        response.set_cookie(cookie_name(), g.new_session_id, path="/", secure=is_https(), httponly=True, samesite="Lax")
    return response
