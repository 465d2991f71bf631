"""A POST with an Idempotency-Key happens once, per caller, for a day."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from hub.core.access import Role
from hub.people.models import OrgUnit
from hub.web.models import IdempotentReply
from tests.visitors import SignIn, Visitor

if TYPE_CHECKING:
    from apiflask import APIFlask
    from werkzeug.test import TestResponse

    from hub.core.database import Database
    from tests.factories import SettableClock

UNIT = {"key": "sales", "name": "Sales"}


@pytest.fixture
def site_database(database: Database) -> Database:
    """Run on both databases: who waits for whom is what differs."""
    return database


def post(visitor: Visitor, key: str = "k-1", body: object = UNIT) -> TestResponse:
    return visitor.call("POST", "/api/v1/org-units", body, Idempotency_Key=key)


def count(database: Database, kind: type = OrgUnit) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(kind)) or 0


def test_the_first_reply_is_given_again_and_nothing_happens_twice(signed_in: SignIn, site_database: Database) -> None:
    admin = signed_in(Role.ADMIN)
    first, second = post(admin), post(admin)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.data == first.data
    assert [second.headers[name] == first.headers[name] for name in ("Location", "ETag")] == [True, True]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert count(site_database) == 1


def test_a_key_belongs_to_one_request(signed_in: SignIn, site_database: Database) -> None:
    admin = signed_in(Role.ADMIN)
    post(admin)
    other = post(admin, body={"key": "support", "name": "Support"})
    assert (other.status_code, (other.json or {})["type"]) == (422, "/errors/idempotency-key-reused")
    assert count(site_database) == 1


def test_a_key_belongs_to_one_caller(signed_in: SignIn, site_database: Database) -> None:
    assert post(signed_in(Role.ADMIN)).status_code == 201
    assert post(signed_in(Role.ADMIN), body={"key": "support", "name": "Support"}).status_code == 201
    assert count(site_database) == 2


def test_a_key_is_free_again_after_a_day(signed_in: SignIn, clock: SettableClock, app: APIFlask) -> None:
    admin = signed_in(Role.ADMIN)
    post(admin)
    clock.advance(minutes=29)
    assert post(admin).headers["Idempotency-Replayed"] == "true"
    with app.extensions["plumbline"].database.write() as session:
        for reply in session.scalars(select(IdempotentReply)):
            reply.created_at = reply.created_at.replace(day=1)
    assert post(admin).status_code == 409  # tried anew: the org unit is there


def test_a_refused_request_is_not_kept(signed_in: SignIn, site_database: Database) -> None:
    admin = signed_in(Role.ADMIN)
    assert post(admin, body={"key": "sales"}).status_code == 422
    assert count(site_database, IdempotentReply) == 0
    assert post(admin).status_code == 201


def test_who_may_not_gets_no_reply_of_who_may(signed_in: SignIn) -> None:
    post(signed_in(Role.ADMIN))
    assert post(signed_in(Role.VIEWER)).status_code == 403


@pytest.mark.parametrize("key", ["", "x" * 201, "schlüssel"])
def test_a_key_is_short_plain_text(signed_in: SignIn, key: str) -> None:
    assert post(signed_in(Role.ADMIN), key=key).status_code == 400


def test_two_at_once_make_one(app: APIFlask, signed_in: SignIn, site_database: Database) -> None:
    admin = signed_in(Role.ADMIN)
    start, replies = threading.Barrier(4), []

    def send() -> None:
        visitor = Visitor(app.test_client(), token=admin.form_token)
        visitor.client.set_cookie("plumbline", admin.client.get_cookie("plumbline").value)  # type: ignore[union-attr]  # it has one
        start.wait()
        replies.append(post(visitor))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.status_code for reply in replies] == [201] * 4
    assert len({reply.data for reply in replies}) == 1
    assert count(site_database) == 1
