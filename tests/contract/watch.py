"""Watches every call that leaves through requests, and holds it against the vendor's own contract.

A vendor is one row of CONTRACTS; its slice is made by `specs/derive.py`. What a contract cannot see is checked here
by hand: query parameters and top-level keys it does not declare, and rich text that it leaves untyped.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema_rs
import pytest
import requests
import urllib3
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest
from openapi_core.exceptions import OpenAPIError

from connectors.jira.sandbox import FAULT_HEADER

SPECS = Path(__file__).parent / "specs"
UNDECLARED = frozenset({410, 429, *range(500, 600)})
"""Statuses that the contracts leave out and that nevertheless happen."""

Json = Any


@dataclass(frozen=True)
class Contract:
    """A slice, and the paths it speaks for: a call under `prefix` that the slice lacks is a violation."""

    file: str
    prefix: str
    responses: bool = True
    """False where the contract describes its responses wrongly."""
    documents: bool = False
    """True where rich text is an Atlassian Document."""

    def covers(self, path: str) -> bool:
        return path.startswith(self.prefix)


CONTRACTS = (
    Contract("jira-cloud.json", "/rest/api/3/", documents=True),
    Contract("jira-data-center.json", "/rest/api/2/", responses=False),
)


@dataclass
class Watch:
    """What was seen so far; a test that provokes a violation takes it, any other fails on it at its end."""

    calls: list[str] = field(default_factory=list)
    """`METHOD /path` of every call held against a contract."""
    violations: list[str] = field(default_factory=list)

    def take(self) -> list[str]:
        """Return the violations so far and forget them."""
        taken, self.violations = self.violations, []
        return taken

    def request(self, contract: Contract, call: requests.PreparedRequest) -> None:
        """Hold a request against the contract."""
        place = f"{call.method} {urlsplit(call.url or '').path}"
        self.calls.append(place)
        self.violations += [f"{place}: request: {problem}" for problem in request_problems(contract, call)]

    def response(self, contract: Contract, call: requests.PreparedRequest, reply: Reply) -> None:
        """Hold the reply to a request against the contract."""
        place = f"{call.method} {urlsplit(call.url or '').path}"
        self.violations += [
            f"{place}: {reply.status_code} response: {problem}" for problem in response_problems(contract, call, reply)
        ]


@dataclass(frozen=True)
class Reply:
    """A response as openapi-core asks for it."""

    status_code: int
    headers: dict[str, str]
    data: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


class Request(RequestsOpenAPIRequest):
    """A request to wherever the tool is today; the slices know one server, and paths without escapes."""

    @property
    def host_url(self) -> str:
        return "http://localhost"

    @property
    def path(self) -> str:
        return unquote(super().path)


@cache
def slice_of(file: str) -> Json:
    return json.loads((SPECS / file).read_text())


@cache
def openapi(file: str) -> OpenAPI:
    return OpenAPI.from_dict(slice_of(file), config=Config(spec_validator_cls=None))


@cache
def document_validator() -> jsonschema_rs.Draft4Validator:
    return jsonschema_rs.Draft4Validator(slice_of("adf.json"))  # the pure Python one takes 0.4 s for one document


def request_problems(contract: Contract, call: requests.PreparedRequest) -> Iterator[str]:
    api, request = openapi(contract.file), Request(call)
    try:
        api.validate_request(request)
    except OpenAPIError as error:
        yield _because(error)
        return
    operation = _operation(contract, request.path, request.method)
    declared = {entry["name"] for entry in operation.get("parameters", []) if entry["in"] == "query"}
    for name in sorted(set(parse_qs(urlsplit(call.url or "").query)) - declared):
        yield f"the query parameter {name} is not declared"
    body = json.loads(request.body) if request.body else None
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    known = _resolved(contract, schema).get("properties")
    for name in sorted(set(body) - set(known)) if isinstance(body, dict) and known else ():
        yield f"the key {name} is not declared"
    if contract.documents:
        yield from _document_problems(body)
        for name, value in _rich_texts(body):
            if not isinstance(value, dict | None):
                yield f"{name} has to be an Atlassian Document"


def response_problems(contract: Contract, call: requests.PreparedRequest, reply: Reply) -> Iterator[str]:
    if not contract.responses or reply.status_code in UNDECLARED:
        return
    request = Request(call)
    declared = _operation(contract, request.path, request.method).get("responses", {})
    response = declared.get(str(reply.status_code))
    if response is None:
        yield "the status is not declared"
    elif response.get("content") and reply.status_code != requests.codes.no_content:
        try:
            openapi(contract.file).validate_response(request, reply)
        except OpenAPIError as error:
            yield _because(error)
        if contract.documents and "json" in reply.content_type:
            yield from _document_problems(json.loads(reply.data))
    elif reply.status_code == requests.codes.no_content and reply.data:
        yield "there is content where none is allowed"


def _because(error: BaseException) -> str:
    """Collect what openapi-core says about the schema, which it keeps in the causes."""
    reasons = [str(error)]
    cause = error.__cause__ or error.__context__
    while cause is not None:
        details = [str(getattr(item, "message", item)) for item in getattr(cause, "schema_errors", ())]
        reasons.append("; ".join(details) or str(cause))
        cause = cause.__cause__ or cause.__context__
    return " <- ".join(reasons)


def _operation(contract: Contract, path: str, method: str) -> Json:
    """Find an operation by its path; one without parameters in the path goes first."""
    paths = slice_of(contract.file)["paths"]
    parts = path.strip("/").split("/")
    for template in sorted(paths, key=lambda name: name.count("{")):
        wanted = template.strip("/").split("/")
        same = len(parts) == len(wanted) and all(w in (p, f"{{{w[1:-1]}}}") for p, w in zip(parts, wanted, strict=True))
        if same and method in paths[template]:
            return paths[template][method]
    return {}


def _resolved(contract: Contract, schema: Json) -> Json:
    if "$ref" in schema:
        return slice_of(contract.file)["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _rich_texts(body: Json) -> Iterator[tuple[str, Json]]:
    """Name the places of a request that take an Atlassian Document and that the contract leaves open."""
    if isinstance(body, dict):
        fields = body.get("fields")
        if isinstance(fields, dict):
            yield from ((name, fields[name]) for name in ("description", "environment") if name in fields)
        if "body" in body:
            yield "body", body["body"]


def _document_problems(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("type") == "doc":
            yield from (f"document: {error.message[:200]}" for error in document_validator().iter_errors(value))
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _document_problems(item)


def _whole(response: requests.Response, *, streamed: bool) -> bytes:
    """Read the raw body and put it back, so that whoever asked for a stream still gets one."""
    if not streamed:
        return response.content
    raw = response.raw
    content: bytes = raw.read(decode_content=False)
    headers = {name: value for name, value in raw.headers.items() if name.lower() != "transfer-encoding"}
    response.raw = urllib3.HTTPResponse(io.BytesIO(content), headers, raw.status, preload_content=False)
    unpacked: bytes = urllib3.HTTPResponse(io.BytesIO(content), headers, raw.status).data
    return unpacked


@pytest.fixture(autouse=True)
def contracts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Hold every call of the test against its contract; the test fails at its end if one broke it."""
    watch = Watch()
    send = requests.Session.send

    def watched(session: requests.Session, call: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own signature
        path = urlsplit(call.url or "").path
        contract = next((contract for contract in CONTRACTS if contract.covers(path)), None)
        if contract is not None:
            watch.request(contract, call)
        response = send(session, call, **options)
        if contract is not None and FAULT_HEADER not in response.headers:
            body = _whole(response, streamed=bool(options.get("stream")))
            headers = {name.lower(): value for name, value in response.headers.items()}
            watch.response(contract, call, Reply(response.status_code, headers, body))
        return response

    monkeypatch.setattr(requests.Session, "send", watched)
    yield watch
    if watch.violations:
        pytest.fail("the contract was broken:\n" + "\n".join(watch.violations))
