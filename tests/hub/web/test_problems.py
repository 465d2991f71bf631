"""One shape for every error, documented at the address that is its type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import OperationalError

import hub.app  # noqa: F401  # every error of the web app is in the registry
from hub.core.access import Role
from hub.core.errors import REGISTRY, NotFoundError
from hub.web.requests import public
from tests.visitors import SignIn, Visitor

if TYPE_CHECKING:
    from apiflask import APIFlask

SECRET = "postgresql://user:hunter2@db/plumbline"


@pytest.mark.parametrize("slug", sorted(REGISTRY))
def test_every_kind_of_error_says_what_it_is_and_what_to_do(slug: str, nobody: Visitor) -> None:
    kind = REGISTRY[slug]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)
    assert 400 <= kind.status < 600
    assert kind.__doc__, f"{kind.__name__} needs a sentence: it is its documentation"
    page = nobody.get(f"/errors/{slug}")
    assert page.status_code == 200
    assert str(kind.status) in page.text


def test_all_kinds_are_listed(nobody: Visitor) -> None:
    listed = nobody.get("/errors").text
    assert all(f'href="/errors/{slug}"' in listed for slug in REGISTRY)
    assert nobody.get("/errors/nonsense").status_code == 404


def test_a_problem_has_the_members_of_rfc_9457(nobody: Visitor) -> None:
    reply = nobody.get("/api/v1/nothing")
    assert reply.content_type == "application/problem+json"
    body = reply.json or {}
    assert set(body) == {"type", "title", "status", "detail", "instance"}
    assert (body["type"], body["title"], body["status"]) == ("/errors/not-found", NotFoundError.title, 404)
    assert body["instance"] == reply.headers["X-Request-Id"]


def test_invalid_fields_are_named(signed_in: SignIn) -> None:
    reply = signed_in(Role.ADMIN).call("POST", "/api/v1/persons", {"key": "x", "more": 1})
    assert reply.status_code == 422
    assert {(one["in"], one["field"]) for one in (reply.json or {})["errors"]} == {("json", "name"), ("json", "more")}


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("DELETE", "/api/v1/persons", 405, "method-not-allowed"),
        ("POST", "/healthz", 405, "method-not-allowed"),
        ("GET", "/api/v1/persons?limit=many", 422, "invalid-input"),
        ("GET", "/api/v1/persons?search=%00", 400, "bad-request"),
        ("GET", "/api/v1/persons/%00", 400, "bad-request"),
    ],
)
def test_the_router_s_and_the_reader_s_errors_have_the_same_shape(
    signed_in: SignIn, method: str, path: str, status: int, slug: str
) -> None:
    reply = signed_in(Role.ADMIN).call(method, path)
    assert (reply.status_code, (reply.json or {})["type"]) == (status, f"/errors/{slug}")
    assert (reply.headers.get("Allow") is not None) == (status == 405)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"key": NaN}', "application/json", 400),
        (b'{"key": "\\ud800"}', "application/json", 400),
        (b'{"key": "x", "name": "a\\u0000b"}', "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"key=x", "application/x-www-form-urlencoded", 415),
        (b"<a/>", "application/xml", 415),
    ],
)
def test_a_body_that_is_no_json_is_a_bad_request(
    signed_in: SignIn, body: bytes, content_type: str, status: int
) -> None:
    admin = signed_in(Role.ADMIN)
    headers = {"X-CSRF-Token": admin.form_token}
    reply = admin.client.post("/api/v1/persons", data=body, content_type=content_type, headers=headers)
    assert reply.status_code == status, reply.text
    assert reply.content_type == "application/problem+json"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    headers = {"X-CSRF-Token": admin.form_token}
    body = b'"' + b"x" * (17 * 2**20) + b'"'
    assert (
        admin.client.post("/api/v1/persons", data=body, content_type="application/json", headers=headers).status_code
        == 413
    )


@pytest.fixture
def breaking(app: APIFlask) -> APIFlask:
    """Give routes that fail with a secret in the exception, for programs and for people."""

    def crash() -> str:
        raise RuntimeError(SECRET)

    def lose_database() -> str:
        raise OperationalError(f"connect {SECRET}", {}, RuntimeError(SECRET))

    for path, view in (("/api/crash", crash), ("/crash", crash), ("/api/lost", lose_database)):
        app.add_url_rule(path, path.replace("/", "_"), view)
        if not hasattr(view, "plumbline_access"):
            public("a test")(view)
    return app


@pytest.mark.parametrize(("path", "status"), [("/api/crash", 500), ("/crash", 500), ("/api/lost", 503)])
def test_our_own_faults_tell_where_the_log_has_them_and_nothing_else(
    breaking: APIFlask, nobody: Visitor, path: str, status: int
) -> None:
    reply = nobody.get(path)
    assert reply.status_code == status
    assert "hunter2" not in reply.text
    assert "Traceback" not in reply.text
    assert (reply.headers["X-Request-Id"] in reply.text) or status == 503


def test_people_get_a_page_and_htmx_a_part_of_one(signed_in: SignIn) -> None:
    viewer = signed_in(Role.VIEWER)
    page = viewer.get("/people")
    assert (page.status_code, "<main" in page.text, "people.read" in page.text) == (403, True, True)
    part = viewer.get("/people", HX_Request="true")
    assert (part.status_code, "<main" in part.text, 'role="alert"' in part.text) == (403, False, True)


def test_what_somebody_typed_is_never_markup_in_an_error(signed_in: SignIn) -> None:
    reply = signed_in(Role.ADMIN).get("/people/<script>alert(1)</script>")
    assert reply.status_code == 404
    assert "<script>alert" not in reply.text
