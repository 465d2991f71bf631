"""Whoever comes to the web app in a test: nobody, a person with a role, a program with a token."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from datetime import datetime

    from apiflask import APIFlask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from hub.core.access import Permission, Role
    from hub.core.area import Area
    from hub.core.database import Database
    from hub.people.models import Person
    from hub.settings import Settings
    from tests.factories import SettableClock

_FORM_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')


class Visitor:
    """A browser or a program: follows no redirect, and sends the form's token like our pages do."""

    def __init__(
        self, client: FlaskClient, *, person: Person | None = None, bearer: str | None = None, token: str = ""
    ) -> None:
        self.client = client
        self._person = person
        self.headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        self.form_token = token

    @property
    def person(self) -> Person:
        """Say who this is."""
        assert self._person is not None, "nobody"
        return self._person

    def get(self, path: str, **headers: str) -> TestResponse:
        """Read a page or an address of the API."""
        return self.client.get(path, headers={**self.headers, **_names(headers)})

    def send(self, path: str, **fields: object) -> TestResponse:
        """Send a form."""
        return self.client.post(path, data={"csrf_token": self.form_token, **fields}, headers=self.headers)

    def call(self, method: str, path: str, json: object = None, **headers: str) -> TestResponse:
        """Call the API; `If_Match` becomes the header If-Match."""
        guard = {} if self.headers else {"X-CSRF-Token": self.form_token}
        return self.client.open(path, method=method, json=json, headers={**self.headers, **guard, **_names(headers)})


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def form_token_of(page: TestResponse) -> str:
    """Read the token out of a page's form."""
    found = _FORM_TOKEN.search(page.text)
    assert found is not None, "the page has no form"
    return found[1]


@pytest.fixture
def areas() -> Sequence[Area]:
    """Give the areas of the app under test: all of them."""
    from hub.areas import AREAS

    return AREAS


@pytest.fixture
def site_database(sqlite_database: Database) -> Database:
    """Give the database of the app under test; a test of what databases do differently asks for `database` instead."""
    return sqlite_database


@pytest.fixture
def app(site_database: Database, settings: Settings, clock: SettableClock, areas: Sequence[Area]) -> Iterator[APIFlask]:
    """Build the web app; its log lines are plain, because drawing the locals of a crash takes seconds."""
    import structlog

    from hub.app import create_app

    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
    yield create_app(settings, database=site_database, areas=areas, clock=clock)
    structlog.reset_defaults()


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    """Give a browser without cookies."""
    return app.test_client()


@pytest.fixture
def nobody(client: FlaskClient) -> Visitor:
    """Give a visitor who is not signed in."""
    return Visitor(client)


SignIn = Callable[..., Visitor]


@pytest.fixture
def signed_in(app: APIFlask, site_database: Database, clock: SettableClock) -> SignIn:
    """Give `signed_in(role, org_unit_id=None)`: a new person with one role, or none, in a browser of their own."""

    def enter(role: Role | None = None, org_unit_id: int | None = None) -> Visitor:
        from hub.people.service import open_session
        from hub.web import csrf
        from hub.web.cookies import NAME, new_session_id

        session_id = new_session_id()
        with site_database.write() as session:
            person = add_somebody(session, role, org_unit_id, now=clock())
            open_session(session, person, session_id, now=clock())
        client = app.test_client()
        client.set_cookie(NAME, session_id)
        return Visitor(client, person=person, token=csrf.token_of(session_id))

    return enter


@pytest.fixture
def with_token(app: APIFlask, site_database: Database, clock: SettableClock) -> SignIn:
    """Give `with_token(role, scopes, org_unit_id=None)`: a program that acts for a new person of that role."""

    def enter(role: Role, scopes: Collection[Permission], org_unit_id: int | None = None) -> Visitor:
        from hub.people.service import make_token, principal_of

        with site_database.write() as session:
            person = add_somebody(session, role, org_unit_id, now=clock())
            asking = principal_of(session, person, default_zone="UTC", now=clock())
            until = clock() + timedelta(days=30)
            _, secret = make_token(session, name="a test", scopes=scopes, expires_at=until, by=asking, now=clock())
        return Visitor(app.test_client(), person=person, bearer=secret)

    return enter


def add_somebody(session: Session, role: Role | None, org_unit_id: int | None, *, now: datetime) -> Person:
    """Add a person with an account and at most one role."""
    from hub.core.access import Role
    from hub.core.ids import new_public_id
    from hub.people.models import Account
    from hub.people.service import add_person, give_role

    name = new_public_id("who")
    person = add_person(session, key=name, name=f"Some {name[-6:]}", email=f"{name}@acme.example", by="system:tests")
    session.add(Account(person_id=person.id, password_hash="none", created_at=now, password_changed_at=now))
    if role is not None:
        until = now + timedelta(days=30) if role is Role.AUDITOR else None
        give_role(session, person=person, role=role, org_unit_id=org_unit_id, until=until, by="system:tests", now=now)
    return person
