"""Files behind a link. Whoever has the link can open the file, so the link is a secret."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from connectors.sdk.errors import AuthError
from connectors.sdk.http import HttpClient, HttpResponse
from connectors.sdk.network import Network
from connectors.spreadsheet.places import SUFFIXES

GOOGLE = re.compile(r"https://docs\.google\.com/spreadsheets/d/(?!e/)([\w-]+)")
PUBLISHED = re.compile(r"(https://docs\.google\.com/spreadsheets/d/e/[\w-]+)/pub(?:html)?(?!.*output=)")
FRESH_SECONDS = 30.0
"""A file that was just fetched is not fetched again for the next stream of the same run."""
SECRET_LENGTH = 8
"""Characters from which on a part of a link is taken for a secret."""
NOT_MODIFIED = 304
WEB_PAGE = (b"<!doctype html", b"<html")


State = dict[str, Any]
"""What the server calls a version of the file (`etag`, `modified`), and what it holds (`digest`)."""


class Link:
    """A file on the web, fetched only if it has changed."""

    def __init__(self, address: str, network: Network) -> None:
        self._address, self._network = file_address(address), network
        parts = urlsplit(self._address)
        self.name = _name(parts.path, parts.hostname or "link")
        segments = [part for part in (*parts.path.split("/"), parts.query) if len(part) >= SECRET_LENGTH]
        secrets = [part for part in segments if unquote(part) != self.name]
        self._http = HttpClient(
            network,
            base_url=f"{parts.scheme}://{parts.netloc}",
            headers={"Accept": "*/*"},
            secrets=[address, self._address, *secrets],
        )
        self._file: IO[bytes] | None = None
        self._state: State | None = None
        self._fetched_at = float("-inf")

    def state(self, known: State | None) -> State:
        """Ask which state the file is in; only one that is not known is fetched."""
        now = self._network.timing.monotonic()
        if self._state is not None and now - self._fetched_at < FRESH_SECONDS:
            return self._state
        held = self._state if self._file is not None else known
        response = self._http.get(self._address, headers=_conditions(held), accept={NOT_MODIFIED})
        if response.status != NOT_MODIFIED or held is None:
            self._keep(response)
        else:
            self._state = held
        self._fetched_at = now
        return self._state  # type: ignore[return-value]  # set by either branch

    def path(self) -> Path:
        """Give the file as it was fetched."""
        if self._file is None:
            self._keep(self._http.get(self._address))
            self._fetched_at = self._network.timing.monotonic()
        return Path(self._file.name)  # type: ignore[union-attr]  # kept above

    def _keep(self, response: HttpResponse) -> None:
        if response.body.lstrip()[:20].lower().startswith(WEB_PAGE):
            raise AuthError(
                f"{self.name} answers with a web page instead of a file: it may ask for a sign-in. "
                "Share the file so that anyone who has the link may view it, or give the address of the file itself.",
                permission="view by link",
            )
        if self._file is not None:
            self._file.close()
        self._file = tempfile.NamedTemporaryFile(prefix="plumbline-")  # noqa: SIM115 - kept until the next one
        self._file.write(response.body)
        self._file.flush()
        headers = response.headers
        digest = hashlib.sha256(response.body).hexdigest()
        self._state = {"etag": headers.get("ETag"), "modified": headers.get("Last-Modified"), "digest": digest}


def file_address(address: str) -> str:
    """Turn a link that people share into the address of the file."""
    if found := GOOGLE.match(address):
        return f"https://docs.google.com/spreadsheets/d/{found[1]}/export?format=xlsx"
    if found := PUBLISHED.match(address):
        return f"{found[1]}/pub?output=xlsx"
    return address


def _conditions(known: State | None) -> dict[str, str]:
    if known is None:
        return {}
    said = {"If-None-Match": known["etag"], "If-Modified-Since": known["modified"]}
    return {name: value for name, value in said.items() if value}


def _name(path: str, host: str) -> str:
    """Name the file for people; a part of the link that names no file may be what opens it."""
    last = PurePosixPath(unquote(path)).name
    return last if PurePosixPath(last).suffix.lower() in SUFFIXES else host
