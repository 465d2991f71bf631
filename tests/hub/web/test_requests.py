"""A request's session, its principal, and the mark that every route carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from hub.core.access import Permission, Role
from hub.core.errors import InvalidInputError
from hub.people.models import OrgUnit
from hub.web.requests import public, requires, session, state
from tests.visitors import SignIn, Visitor

if TYPE_CHECKING:
    from apiflask import APIFlask

    from hub.core.database import Database
    from tests.factories import SettableClock


@pytest.fixture
def site_database(database: Database) -> Database:
    """Run on both databases: transactions are what differs."""
    return database


def add_unit(name: str) -> None:
    session().add(OrgUnit(public_id=f"org_{name}", key=name, name=name))


@pytest.fixture
def changing(app: APIFlask, signed_in: SignIn) -> Visitor:
    """Give an admin, and routes that end well, in an error, and in a refusal that is no error."""

    @app.post("/change/<name>")
    @requires(Permission.PEOPLE_MANAGE)
    def change(name: str) -> tuple[str, int]:
        add_unit(name)
        if name == "error":
            raise InvalidInputError("no")
        if name == "crash":
            raise RuntimeError("a bug")
        return "", 422 if name == "refusal" else 200

    @app.get("/sneak")
    @requires(Permission.PEOPLE_READ)
    def sneak() -> str:
        add_unit("sneak")
        session().flush()
        return ""

    return signed_in(Role.ADMIN)


def units(database: Database) -> list[str]:
    with database.read() as reading:
        return list(reading.scalars(select(OrgUnit.key)))


@pytest.mark.parametrize(
    ("name", "status", "kept"),
    [("well", 200, True), ("refusal", 422, False), ("error", 422, False), ("crash", 500, False)],
)
def test_a_change_is_kept_only_when_the_reply_says_so(
    changing: Visitor, site_database: Database, name: str, status: int, *, kept: bool
) -> None:
    assert changing.send(f"/change/{name}").status_code == status
    assert units(site_database) == ([name] if kept else [])


def test_a_clash_found_at_the_end_is_a_conflict_and_no_crash(changing: Visitor, site_database: Database) -> None:
    assert [changing.send("/change/twice").status_code for _ in range(2)] == [200, 409]
    assert changing.send("/change/next").status_code == 200
    assert sorted(units(site_database)) == ["next", "twice"]


def test_a_route_without_a_mark_is_refused(app: APIFlask, signed_in: SignIn) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    reply = signed_in(Role.ADMIN).get("/forgotten")
    assert (reply.status_code, "secret" in reply.text) == (403, False)


def test_a_route_takes_one_mark() -> None:
    with pytest.raises(TypeError, match="two of"):
        public("a reason")(requires(Permission.PEOPLE_READ)(lambda: ""))


def test_nobody_is_sent_to_sign_in_and_a_program_is_told_so(nobody: Visitor) -> None:
    page = nobody.get("/people?search=x")
    assert (page.status_code, page.headers["Location"]) == (303, "/sign-in?next=%2Fpeople%3Fsearch%3Dx")
    part = nobody.get("/people", HX_Request="true")
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in")
    program = nobody.get("/api/v1/persons")
    assert (program.status_code, program.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_visit_is_noted_once_a_minute(
    app: APIFlask, signed_in: SignIn, site_database: Database, clock: SettableClock
) -> None:
    from hub.people.models import SigninSession

    viewer = signed_in(Role.VIEWER)
    seen = []
    for seconds in (59, 1, 30, 30):
        clock.advance(seconds=seconds)
        assert viewer.get("/").status_code == 200
        with site_database.read() as reading:
            seen.append((clock() - reading.scalars(select(SigninSession.seen_at)).one()).total_seconds())
    assert seen == [59, 0, 30, 0]


def test_the_state_is_the_one_the_app_was_built_from(app: APIFlask, site_database: Database) -> None:
    with app.test_request_context("/"):
        assert state().database is site_database


def test_every_reply_has_an_id_that_the_log_knows(nobody: Visitor) -> None:
    ids = {nobody.get("/healthz").headers["X-Request-Id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(one.startswith("req_") for one in ids)


def test_figures_count_by_route_not_by_address(app: APIFlask, signed_in: SignIn, nobody: Visitor) -> None:
    viewer = signed_in(Role.ADMIN)
    viewer.get(f"/people/{viewer.person.public_id}")
    nobody.get("/secret-address")
    nobody.call("MADEUP1", "/")
    text = nobody.get("/metrics").text
    assert 'method="other"' in text
    assert "MADEUP1" not in text
    assert 'route="/people/<person_id>",status="200"' in text
    assert viewer.person.public_id not in text
    assert "secret-address" not in text


def test_reading_leaves_nothing_behind(changing: Visitor, site_database: Database) -> None:
    changing.get("/sneak")
    with site_database.read() as reading:
        assert reading.scalar(select(func.count()).select_from(OrgUnit)) == 0
