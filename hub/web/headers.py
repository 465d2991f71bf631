"""Headers of every reply (R26, R37): what a browser may load, run, frame, remember and tell others about our pages."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, request

from hub.core.errors import BadRequestError, UnsupportedMediaTypeError
from hub.web.cookies import is_https
from hub.web.requests import READING, is_api

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; img-src 'self' data:"  # data: for the style sheet's own little pictures
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "",  # granian would name itself
}
TWO_YEARS = 63_072_000
JSON_TYPES = frozenset({"application/json", "application/merge-patch+json"})


def refuse_unreadable() -> None:
    """Refuse what no field of ours can hold, and bodies in a format that the API does not read."""
    if "\0" in request.path or any("\0" in part for pair in request.args.items(multi=True) for part in pair):
        raise BadRequestError("The address holds the character NUL: take it out.")
    if is_api() and request.method not in READING and request.content_length and request.mimetype not in JSON_TYPES:
        raise UnsupportedMediaTypeError("Send application/json.")


def secure(response: Response) -> Response:
    """Put the headers on a reply."""
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    if is_https():
        response.headers["Strict-Transport-Security"] = f"max-age={TWO_YEARS}; includeSubDomains"
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"  # pages hold what not everybody may see
    if request.method in READING and response.status_code == HTTPStatus.OK and response.get_etag()[0]:
        response.make_conditional(request.environ)
    return response
