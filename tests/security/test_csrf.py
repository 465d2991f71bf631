"""No other site makes our users' browsers change anything (R26)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Response
from sqlalchemy import select

from hub.core.access import Role
from hub.people.models import OrgUnit
from hub.web.requests import public
from tests.visitors import SignIn, Visitor, form_token_of

if TYPE_CHECKING:
    from apiflask import APIFlask

    from hub.core.database import Database

UNIT = {"key": "planted", "name": "Planted"}


@pytest.fixture
def admin(signed_in: SignIn) -> Visitor:
    """Give somebody whose browser is worth attacking."""
    return signed_in(Role.ADMIN)


def units(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(OrgUnit.key)))


def test_a_form_of_ours_is_accepted(admin: Visitor, site_database: Database) -> None:
    assert admin.send("/org-units", **UNIT).status_code == 303
    assert units(site_database) == ["planted"]


@pytest.mark.parametrize("how", ["none", "empty", "foreign", "short"])
def test_a_form_without_our_token_is_refused(
    admin: Visitor, signed_in: SignIn, site_database: Database, how: str
) -> None:
    tokens = {"none": None, "empty": "", "foreign": signed_in(Role.ADMIN).form_token, "short": admin.form_token[:-1]}
    data = {**UNIT, **({} if tokens[how] is None else {"csrf_token": tokens[how]})}
    reply = admin.client.post("/org-units", data=data)
    assert (reply.status_code, "another site" in reply.text or "open its page again" in reply.text) == (403, True)
    assert units(site_database) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_another_origin_is_refused_even_with_our_token(
    admin: Visitor, site_database: Database, headers: dict[str, str]
) -> None:
    data = {**UNIT, "csrf_token": admin.form_token}
    assert admin.client.post("/org-units", data=data, headers=headers).status_code == 403
    api = {**headers, "X-CSRF-Token": admin.form_token}
    assert admin.client.post("/api/v1/org-units", json=UNIT, headers=api).status_code == 403
    assert units(site_database) == []


@pytest.mark.parametrize("headers", [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}, {}])
def test_our_own_origin_is_accepted(admin: Visitor, headers: dict[str, str]) -> None:
    data = {**UNIT, "csrf_token": admin.form_token}
    assert admin.client.post("/org-units", data=data, headers=headers).status_code == 303


def test_the_api_takes_a_cookie_only_with_our_token(admin: Visitor, site_database: Database) -> None:
    assert admin.client.post("/api/v1/org-units", json=UNIT).status_code == 403
    assert admin.client.post("/api/v1/org-units", json={**UNIT, "csrf_token": admin.form_token}).status_code == 403
    assert units(site_database) == []
    assert admin.call("POST", "/api/v1/org-units", UNIT).status_code == 201


def test_signing_in_needs_a_page_of_ours_too(nobody: Visitor) -> None:
    sent = {"email": "ada@acme.example", "password": "four plain quiet words"}
    assert nobody.client.post("/sign-in", data=sent).status_code == 403
    token = form_token_of(nobody.get("/sign-in"))
    assert nobody.client.post("/sign-in", data={**sent, "csrf_token": token}).status_code == 401
    stranger = Visitor(nobody.client.application.test_client())
    assert stranger.client.post("/sign-in", data={**sent, "csrf_token": token}).status_code == 403


def test_every_form_of_a_page_carries_the_token(admin: Visitor) -> None:
    for path in ("/people/new", "/org-units/new", "/profile", f"/people/{admin.person.public_id}"):
        page = admin.get(path).text
        assert page.count('<form method="post"') == page.count('name="csrf_token"') > 1, path


def test_an_incoming_webhook_needs_no_token_and_sees_no_cookie(app: APIFlask, nobody: Visitor, admin: Visitor) -> None:
    @app.post("/webhooks/test")
    @public("the sender signs what it sends")
    def take() -> Response:
        return Response("taken")

    assert nobody.client.post("/webhooks/test", data=b"{}").status_code == 200
    assert admin.client.post("/webhooks/test", data=b"{}").status_code == 403
    assert nobody.client.post("/webhooks/test", headers={"Origin": "https://evil.example"}).status_code == 403


def test_reading_changes_nothing_so_it_needs_no_token(app: APIFlask) -> None:
    changing = {"sign-out", "revoke", "leave", "roles", "end", "invite", "disable", "enable", "password", "tokens"}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.rule.startswith("/api/"):
            assert not changing & set(rule.rule.split("/")), rule.rule
