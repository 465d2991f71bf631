"""HTTP for connectors: deadlines, honest outcomes of writes, Retry-After, guarded addresses, masked secrets.

    http = HttpClient(self.network, base_url=str(config.base_url), authorization=bearer(config.token))
    issues = http.get("/search", params={"q": "x"}).json()          # repeated a few times where that may help
    made = http.write("POST", "/issue", json=body).json()            # sent once, whatever happens

A read raises ConfigError, AuthError or TransientError. A write raises those (certainly not applied), NotAppliedError,
or AmbiguousError. A status named in `accept` comes back as a response instead. A client serves one thread at a time.
"""

from __future__ import annotations

import base64
import json as jsonlib
import logging
import ssl
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import requests
from pydantic import JsonValue, SecretStr
from requests.structures import CaseInsensitiveDict
from requests.utils import should_bypass_proxies
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from connectors.sdk.errors import (
    AmbiguousError,
    AuthError,
    ConfigError,
    ConnectorError,
    NotAppliedError,
    TransientError,
)
from connectors.sdk.network import CA_BUNDLE, MEBIBYTE, Network, plain_host
from connectors.sdk.outcomes import outcome_of_status
from connectors.sdk.protocol import Outcome
from connectors.sdk.redaction import Redactor, mask_log
from connectors.sdk.transport import Exchange, GuardedAdapter
from connectors.sdk.waiting import pause, retry_after

log = logging.getLogger(__name__)

Authorization = Callable[[], str]
"""Gives the Authorization header of each request, so that a token may change under way."""

Reply = Literal["json", "empty", "any"]
"""What a successful write answers with; `empty` allows JSON too. Anything else and the write is ambiguous."""

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REPEATABLE = frozenset({408, 421, 425, 429})
"""Beside 5xx: statuses after which a read is worth repeating."""
CROSSES_HOSTS = frozenset({"accept", "accept-encoding", "accept-language", "user-agent", "range"})
"""The only headers that are sent to a host other than the one they were made for."""
IDLE_SECONDS = 5.0
"""A write takes a new connection after such a pause: a kept one may be closing, and the write would be ambiguous."""
EXCERPT = 300
CHUNK = MEBIBYTE // 16


def basic(user: str, password: SecretStr) -> Authorization:
    """Authorise with user and password (or API token)."""
    return lambda: "Basic " + base64.b64encode(f"{user}:{password.get_secret_value()}".encode()).decode()


def bearer(token: SecretStr) -> Authorization:
    """Authorise with a fixed token."""
    return lambda: "Bearer " + token.get_secret_value()


@dataclass(frozen=True)
class HttpResponse:
    """A complete reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str
    written: bool = False

    def json(self) -> Any:  # noqa: ANN401 - the caller knows the shape; pydantic checks it where it matters
        """Parse the body; one that is no JSON raises TransientError, after a write AmbiguousError."""
        try:
            return jsonlib.loads(self.body)
        except ValueError:
            kind = self.headers.get("Content-Type", "no content type")
            message = (
                f"{self.url} answered {self.status} with {len(self.body)} bytes of {kind} that are not JSON. "
                "Is a sign-in page or a proxy in between?"
            )
            raise (AmbiguousError(message) if self.written else TransientError(message)) from None

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode("utf-8", errors="replace")


class HttpClient:
    """Talks to one tool. Credentials go to the host of `base_url` and nowhere else."""

    def __init__(
        self,
        network: Network,
        *,
        base_url: str,
        authorization: Authorization | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str | SecretStr] = (),
    ) -> None:
        self.network = network
        self.base_url = base_url.rstrip("/")
        self._authorization = authorization
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "Plumbline"} | dict(
            headers or {}
        )
        self._redact = Redactor(item.get_secret_value() if isinstance(item, SecretStr) else item for item in secrets)
        for proxy in (network.https_proxy, network.http_proxy):
            self._redact.add(urlsplit(proxy or "").password or "")
        mask_log("urllib3.connectionpool", self._redact)
        mask_log(__name__, self._redact)
        self._adapter = GuardedAdapter(network)
        self._used_at = 0.0
        self._session = _session(self._adapter)
        if urlsplit(self.base_url).username is not None:
            raise ConfigError("The address holds credentials; give them in the fields made for them.", field="base_url")

    def __repr__(self) -> str:
        return f"HttpClient({self._redact(self.base_url)!r})"

    def close(self) -> None:
        """Close what is open."""
        self._session.close()

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> HttpResponse:
        """Read with GET; `path` may be a whole address, for example the next page."""
        return self.read("GET", path, params=params, headers=headers, accept=accept)

    def read(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: JsonValue = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> HttpResponse:
        """Read with any method that changes nothing (a search may be a POST); repeated where that may help."""
        call = self._call(method, path, params=params, json=json, headers=headers)
        exchange = self._begin()
        attempt = 1
        while True:
            try:
                response = self._follow(call, exchange)
                if 200 <= response.status < 300 or response.status in accept:  # noqa: PLR2004 - HTTP's own numbers
                    return response
                raise self._refusal(response)
            except TransientError as error:
                self._wait(attempt, error, exchange)
            attempt += 1

    def write(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: JsonValue = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
        reply: Reply = "json",
    ) -> HttpResponse:
        """Write, exactly once: no repetition, no redirect followed."""
        call = self._call(method, path, params=params, json=json, body=body, headers=headers)
        if self.network.timing.monotonic() - self._used_at > IDLE_SECONDS:
            self._session.close()
        exchange = self._begin()
        try:
            response = self._send(call, exchange)
        except (TransientError, ConfigError) as error:
            if not exchange.sent:
                raise
            raise AmbiguousError(f"{error} The request had been sent, so it may have been applied.") from None
        if response.status in accept:
            return response
        outcome = outcome_of_status(response.status)
        if outcome is Outcome.APPLIED:
            return _as_written(response, reply)
        if outcome is Outcome.AMBIGUOUS:
            raise AmbiguousError(f"{self._said(response)}, so it may have been applied.")
        refusal = self._refusal(response)
        raise NotAppliedError(str(refusal)) if isinstance(refusal, ConfigError) else refusal

    def _begin(self) -> Exchange:
        exchange = self._adapter.exchange
        exchange.deadline = self.network.timing.monotonic() + self.network.total_seconds
        return exchange

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: JsonValue = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.PreparedRequest:
        url = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        every = CaseInsensitiveDict({**self._headers, **(headers or {})})
        if self._authorization is not None and _host(url) == _host(self.base_url):
            every["Authorization"] = self._authorization()
            self._redact.add(every["Authorization"].partition(" ")[2])
        try:
            request = requests.Request(method, url, headers=every, params=params, json=json, data=body)
            return self._session.prepare_request(request)
        except (requests.RequestException, ValueError) as error:
            raise ConfigError(f"{self._redact(_shown(url))} is not an address: {self._redact(str(error))}") from None

    def _follow(self, call: requests.PreparedRequest, exchange: Exchange) -> HttpResponse:
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(call, exchange)
            target = response.headers.get("Location")
            if response.status not in REDIRECTS or not target:
                return response
            call = self._redirected(call, response.status, urljoin(call.url or "", target))
        raise ConfigError(f"{self._place(call)} redirects more than {MAX_REDIRECTS} times.")

    def _redirected(self, call: requests.PreparedRequest, status: int, target: str) -> requests.PreparedRequest:
        if urlsplit(call.url or "").scheme == "https" and urlsplit(target).scheme != "https":
            raise ConfigError(f"{self._place(call)} redirects from https to {self._redact(_shown(target))}: refused.")
        hop = call.copy()
        hop.prepare_url(target, {})
        if status not in {307, 308} and hop.method != "HEAD":
            hop.method, hop.body = "GET", None
            for name in ("Content-Length", "Content-Type", "Transfer-Encoding"):
                hop.headers.pop(name, None)
        if _host(target) != _host(call.url):
            if hop.body is not None:
                raise ConfigError(f"{self._place(call)} redirects a body to {self._redact(_shown(target))}: refused.")
            hop.headers = CaseInsensitiveDict({k: v for k, v in hop.headers.items() if k.lower() in CROSSES_HOSTS})
        return hop

    def _send(self, call: requests.PreparedRequest, exchange: Exchange) -> HttpResponse:
        """Send once and read the whole reply; a failure on the way is a TransientError, or a ConfigError."""
        exchange.sent = False
        exchange.cost.requests += 1
        self._used_at = self.network.timing.monotonic()
        parts = urlsplit(call.url or "")
        self._adapter.guard.permit_scheme(parts.scheme, parts.hostname or "")
        proxies = self._proxies(call, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        try:
            limit = Timeout(min(self.network.connect_seconds, exchange.remaining()), self.network.read_seconds)
            raw = self._session.send(call, stream=True, allow_redirects=False, timeout=limit, proxies=proxies)  # type: ignore[arg-type]  # requests hands urllib3's own Timeout on
            with raw:
                body = self._body(raw)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _failure(self._place(call), error) from None
        log.debug("%s %s: %d, %d bytes", call.method, self._place(call), raw.status_code, len(body))
        return HttpResponse(raw.status_code, raw.headers, body, self._place(call))

    def _body(self, raw: requests.Response) -> bytes:
        body = bytearray()
        while chunk := raw.raw.read1(CHUNK, decode_content=True):
            body += chunk
            if len(body) > self.network.max_bytes:
                raise ConfigError(
                    f"{self._redact(_shown(raw.url))}: the reply is larger than {self.network.max_bytes} bytes. "
                    "Ask for less of it."
                )
        return bytes(body)

    def _proxies(self, call: requests.PreparedRequest, host: str, port: int) -> dict[str, str]:
        proxies = {"https": self.network.https_proxy, "http": self.network.http_proxy}
        used = {scheme: proxy for scheme, proxy in proxies.items() if proxy}
        scheme = urlsplit(call.url or "").scheme
        loopback = plain_host(host) in {"localhost", "127.0.0.1", "::1"}
        if scheme not in used or loopback or should_bypass_proxies(call.url or "", self.network.no_proxy):
            return {}
        self._adapter.guard.permit_behind_proxy(host, port)
        return used

    def _refusal(self, response: HttpResponse) -> ConnectorError:
        said = self._said(response)
        if response.status in {401, 403}:
            return AuthError(f"{said}. Are the credentials right, not expired, and allowed to do this?")
        if response.status in REPEATABLE or response.status >= 500:  # noqa: PLR2004 - HTTP's own number
            return TransientError(f"{said}.", retry_after=retry_after(response.headers, self.network.timing))
        return ConfigError(f"{said}. Is the address right?")

    def _wait(self, attempt: int, error: TransientError, exchange: Exchange) -> None:
        timing = self.network.timing
        seconds = pause(attempt, error.retry_after, timing)
        if attempt >= self.network.attempts or seconds is None or timing.monotonic() + seconds >= exchange.deadline:
            raise error
        log.debug("again in %.1f s: %s", seconds, error)
        timing.sleep(seconds)
        exchange.cost.retries += 1
        exchange.cost.seconds_waited += seconds

    def _said(self, response: HttpResponse) -> str:
        excerpt = " ".join(self._redact(response.text[: 4 * EXCERPT]).split())[:EXCERPT]
        return f"{response.url} answered {response.status}" + (f": {excerpt}" if excerpt else "")

    def _place(self, call: requests.PreparedRequest) -> str:
        return self._redact(_shown(call.url or ""))


def _session(adapter: GuardedAdapter) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no .netrc; proxies and CA bundle come with the network
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a session of the tool's would outlive ours
    session.headers.clear()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _as_written(response: HttpResponse, reply: Reply) -> HttpResponse:
    written = HttpResponse(response.status, response.headers, response.body, response.url, written=True)
    empty_is_fine = reply == "empty" or response.status in {204, 205}
    if reply != "any" and not (empty_is_fine and not response.body):
        written.json()
    return written


def _host(url: str | None) -> tuple[str | None, int | None]:
    parts = urlsplit(url or "")
    return parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _shown(url: str) -> str:
    """Cut user, query and fragment: they hold secrets and personal data."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


CAUSES = {
    "NameResolutionError": "its name could not be resolved",
    "gaierror": "its name could not be resolved",
    "ConnectTimeoutError": "no connection within the time allowed",
    "NewConnectionError": "the connection was refused or failed",
    "ReadTimeoutError": "no complete reply within the time allowed",
    "TimeoutError": "no complete reply within the time allowed",
    "IncompleteRead": "the reply was cut short",
    "DecodeError": "the reply could not be unpacked",
    "RemoteDisconnected": "the connection was closed without a reply",
    "ConnectionResetError": "the connection was reset",
}


def _failure(place: str, error: Exception) -> ConnectorError:
    """Say what failed without the library's text, which repeats whole addresses."""
    cause = _innermost(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ConfigError(
            f"{place} has a certificate that is not trusted: {cause.verify_message} "
            f"If your organisation has an authority of its own, name its file in {CA_BUNDLE}."
        )
    kind = type(cause).__name__
    return TransientError(f"{place}: {CAUSES.get(kind, f'the connection failed ({kind})')}.")


def _innermost(error: Exception) -> Exception:
    inner = next((item for item in (getattr(error, "reason", None), *error.args) if isinstance(item, Exception)), None)
    return error if inner is None else _innermost(inner)
