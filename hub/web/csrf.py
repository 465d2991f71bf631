"""Forms of ours come from pages of ours (R26): a token bound to the browser's cookie, and the origin browsers tell.

The token is derived from the cookie's id, so nothing is stored, and another site knows neither.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from flask import current_app, request

from hub.core.errors import CrossSiteError
from hub.web.cookies import current_session_id, read_session_id
from hub.web.requests import READING, access_of, is_api, state

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_OLD_PAGE = "This form does not belong to your sign-in: open its page again and send it from there."


def csrf_token() -> str:
    """Give the token for a form on the page that is being made."""
    return token_of(current_session_id())


def token_of(session_id: str) -> str:
    """Derive the form token of a browser's id."""
    return hmac.new(session_id.encode(), b"plumbline form", hashlib.sha256).hexdigest()


def check() -> None:
    """Refuse a change that another site may have caused."""
    if request.method in READING or request.endpoint is None:
        return
    if is_api() and "Authorization" in request.headers:
        return  # a browser never adds a token by itself
    if not _comes_from_us():
        raise CrossSiteError("This was sent from another site: open the page here and send it again.")
    access = access_of(current_app, request.endpoint)
    session_id = read_session_id()
    if session_id is None and access is not None and access.public and not access.form:
        return  # nothing the browser adds by itself counts here: an incoming webhook proves itself
    given = request.headers.get(HEADER) or ("" if is_api() else request.form.get(FIELD, ""))
    if session_id is None or not hmac.compare_digest(given.encode(), token_of(session_id).encode()):
        raise CrossSiteError(_OLD_PAGE)


def _comes_from_us() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    if origin is None:
        return True  # a program, or an old browser: the token decides
    ours = {_origin(request.host_url), _origin(state().settings.public_url or request.host_url)}
    return _origin(origin) in ours


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.lower()
