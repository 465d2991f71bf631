"""Role x route (R22): routes.yaml says who may use each route, and here everybody tries everything.

A new route fails the build until it has a line in routes.yaml. A route about one thing fails until `belongings.py` can
make such a thing in another org unit.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from hub.core.access import PERMISSIONS, Permission, Role
from hub.web.requests import API, READING, access_of, requires
from tests.security.belongings import IDS_OF_NOTHING, MAKERS, WORDS, Belonging, maker_of
from tests.visitors import SignIn, Visitor, form_token_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apiflask import APIFlask
    from werkzeug.test import TestResponse

    from hub.core.area import Area
    from hub.core.database import Database
    from tests.factories import SettableClock

TABLE = Path(__file__).parent / "routes.yaml"
NOBODY_IS_ASKED, ANYBODY_SIGNED_IN = "public", "signed_in"
SIGN_OUT = "/sign-out"


class Route(NamedTuple):
    """One method at one address."""

    method: str
    rule: str

    def __str__(self) -> str:
        """Write it as routes.yaml does."""
        return f"{self.method} {self.rule}"


@pytest.fixture
def areas() -> Sequence[Area]:
    """Give all areas: the table is about the whole app."""
    from hub.areas import AREAS

    return AREAS


def routes_of(app: APIFlask) -> dict[Route, str]:
    """List the app's routes and the endpoint behind each, those that end the sign-in last."""
    found = {
        Route(method, rule.rule): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    return dict(sorted(found.items(), key=lambda item: (item[0].rule == SIGN_OUT, item[0])))


@cache
def table() -> dict[str, str]:
    """Read the table, once: it is asked for at every knock."""
    found: dict[str, str] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return found


def listed(app: APIFlask) -> dict[Route, str]:
    """List the routes that stand in the table, and who may use them."""
    return {route: table()[str(route)] for route in routes_of(app) if str(route) in table()}


def test_every_route_has_a_line_and_every_line_a_route(app: APIFlask) -> None:
    marks = {str(route): str(access_of(app, endpoint)) for route, endpoint in routes_of(app).items()}
    missing = [f"{route}: {mark}" for route, mark in marks.items() if route not in table()]
    assert not missing, "add to tests/security/routes.yaml, after a look:\n" + "\n".join(missing)
    gone = sorted(set(table()) - set(marks))
    assert not gone, f"no such routes any more: {gone}"


def test_every_route_carries_the_mark_that_the_table_says(app: APIFlask) -> None:
    for route, endpoint in routes_of(app).items():
        access = access_of(app, endpoint)
        assert access is not None, f"{route} has neither @requires nor @public"
        assert str(access) == table().get(str(route), str(access)), route


def test_the_table_is_sorted_and_names_only_what_exists() -> None:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines == sorted(lines)
    assert set(table().values()) <= {NOBODY_IS_ASKED, ANYBODY_SIGNED_IN, *Permission}


def test_a_route_that_the_table_does_not_know_is_found(app: APIFlask) -> None:
    app.add_url_rule("/planted", "planted", lambda: "")
    with pytest.raises(AssertionError, match="GET /planted"):
        test_every_route_has_a_line_and_every_line_a_route(app)
    with pytest.raises(AssertionError, match="neither @requires nor @public"):
        test_every_route_carries_the_mark_that_the_table_says(app)


def test_a_route_that_asks_for_less_than_the_table_says_is_found(app: APIFlask, signed_in: SignIn) -> None:
    endpoint = routes_of(app)[Route("DELETE", "/api/v1/grants/<grant_id>")]
    app.view_functions[endpoint] = requires(Permission.PEOPLE_READ)(lambda **_: "")
    with pytest.raises(AssertionError, match="grants/<grant_id>"):
        test_every_route_carries_the_mark_that_the_table_says(app)
    with pytest.raises(AssertionError, match=r"changes something and asks for people\.read"):
        test_what_changes_something_asks_for_more_than_reading(app)
    with pytest.raises(AssertionError, match="executive at DELETE /api/v1/grants/<grant_id>"):
        test_a_role_may_use_what_the_table_allows_and_nothing_else(app, signed_in, Role.EXECUTIVE)


def test_a_line_about_a_route_that_is_gone_is_found(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table(), "GET /gone", "people.read")
    with pytest.raises(AssertionError, match="GET /gone"):
        test_every_route_has_a_line_and_every_line_a_route(app)


def test_what_changes_something_asks_for_more_than_reading(app: APIFlask) -> None:
    for route, endpoint in routes_of(app).items():
        access = access_of(app, endpoint)
        if route.method != "GET" and access is not None and access.permission is not None:
            assert not access.permission.only_reads, f"{route} changes something and asks for {access.permission}"


def test_areas_ask_for_permissions_that_exist_and_say_so(app: APIFlask, areas: Sequence[Area]) -> None:
    known = {permission.value for permission in Permission}
    for area in areas:
        assert set(area.permissions) <= known, area.name
        asked = {
            str(access.permission)
            for endpoint in app.view_functions
            if endpoint.split(".")[0] in {area.name, f"{area.name}_api"}
            and (access := access_of(app, endpoint)) is not None
            and access.permission is not None
        }
        assert asked <= set(area.permissions), f"{area.name}: add to AREA.permissions"


def knock(visitor: Visitor, route: Route, ids: dict[str, str] | None = None) -> TestResponse:
    """Use a route with nothing in its body; ids of nothing where none are given."""
    known = {**WORDS, **(ids or {})}
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda part: known.get(part[1], IDS_OF_NOTHING), route.rule)
    if route.method in READING:
        return visitor.get(path)
    if path.startswith(API):
        return visitor.call(route.method, path, {} if route.method != "DELETE" else None)
    return visitor.send(path)


def is_refused(reply: TestResponse) -> bool:
    """Say whether somebody was turned away for who they are."""
    if reply.status_code == 303 and reply.headers["Location"].startswith("/sign-in"):
        return True
    return reply.status_code in {401, 403}


@pytest.mark.parametrize("role", Role)
def test_a_role_may_use_what_the_table_allows_and_nothing_else(app: APIFlask, signed_in: SignIn, role: Role) -> None:
    visitor = signed_in(role)
    for route, needs in listed(app).items():
        if needs == NOBODY_IS_ASKED or route.rule == SIGN_OUT:
            continue
        allowed = needs == ANYBODY_SIGNED_IN or Permission(needs) in PERMISSIONS[role]
        reply = knock(visitor, route)
        assert is_refused(reply) != allowed, f"{role} at {route} got {reply.status_code}: {reply.text[:300]}"
        assert reply.status_code < 500, f"{role} at {route}: {reply.text[:300]}"


def test_somebody_without_a_role_may_use_only_what_is_their_own(app: APIFlask, signed_in: SignIn) -> None:
    visitor = signed_in(None)
    for route, needs in listed(app).items():
        if needs != NOBODY_IS_ASKED and route.rule != SIGN_OUT:
            assert is_refused(knock(visitor, route)) == (needs != ANYBODY_SIGNED_IN), route


def test_nobody_gets_in_anywhere_but_where_nobody_is_asked(app: APIFlask, nobody: Visitor) -> None:
    for route, needs in listed(app).items():
        if needs == NOBODY_IS_ASKED:
            continue
        reply = knock(nobody, route)
        expected = 401 if route.rule.startswith(API) else 303
        assert (reply.status_code, is_refused(reply)) == (expected, True), f"{route}: {reply.status_code}"


def test_where_nobody_is_asked_nobody_is_turned_away(app: APIFlask, nobody: Visitor) -> None:
    nobody.form_token = form_token_of(nobody.get("/sign-in"))
    for route, needs in listed(app).items():
        if needs == NOBODY_IS_ASKED and not route.rule.startswith("/webhooks/"):
            reply = knock(nobody, route)
            assert not is_refused(reply), f"{route}: {reply.status_code}"
            assert reply.status_code < 500 or route.rule == "/readyz", route


def test_a_token_without_the_scope_is_refused_even_for_an_admin(app: APIFlask, with_token: SignIn) -> None:
    half = sorted(Permission)[::2]
    for scopes in (half, sorted(set(Permission) - set(half))):
        program = with_token(Role.ADMIN, scopes)
        for route, needs in listed(app).items():
            if route.rule.startswith(API) and needs not in {NOBODY_IS_ASKED, ANYBODY_SIGNED_IN}:
                assert is_refused(knock(program, route)) == (needs not in scopes), f"{route} with {scopes}"


# Two twins: sales and support. Everything that can belong to an org unit belongs to support; whoever has every role in
# sales asks for it.


@pytest.fixture
def belonging(app: APIFlask, site_database: Database, clock: SettableClock) -> Belonging:
    """Give the twins, with one thing of each kind in support."""
    return Belonging.build(site_database, now=clock())


@pytest.fixture
def twin(belonging: Belonging, signed_in: SignIn) -> Visitor:
    """Give an admin of sales."""
    return signed_in(Role.ADMIN, belonging.sales)


def routes_about_one_thing(app: APIFlask) -> Iterator[tuple[Route, tuple[str, ...]]]:
    for route, needs in listed(app).items():
        names = tuple(name for name in re.findall(r"<(?:\w+:)?(\w+)>", route.rule) if name not in WORDS)
        if names and needs != NOBODY_IS_ASKED:
            yield route, names


def test_every_route_about_one_thing_knows_how_to_make_one(app: APIFlask) -> None:
    lacking = {
        (route.rule, name)
        for route, names in routes_about_one_thing(app)
        for name in names
        if maker_of(route.rule, name) is None
    }
    assert not lacking, f"add to tests/security/belongings.py: {sorted(lacking)}"
    rules = {route.rule for route, _ in routes_about_one_thing(app)}
    names = {name for _, them in routes_about_one_thing(app) for name in them}
    assert {key for key in MAKERS if key not in names and not any(rule.startswith(key) for rule in rules)} == set()


def test_what_belongs_to_a_twin_is_as_if_it_were_not_there(
    app: APIFlask, belonging: Belonging, twin: Visitor, signed_in: SignIn
) -> None:
    everywhere = signed_in(Role.ADMIN)
    for route, names in routes_about_one_thing(app):
        ids = {name: belonging.id_of(route.rule, name) for name in names}
        reply = knock(twin, route, ids)
        assert reply.status_code == 404, f"admin of sales at {route}: {reply.status_code} {reply.text[:300]}"
        if route.method == "GET":
            seen = knock(everywhere, route, ids)
            assert seen.status_code == 200, f"admin of all at {route}: {seen.status_code} {seen.text[:300]}"


def test_no_list_or_page_tells_of_what_belongs_to_a_twin(
    app: APIFlask, belonging: Belonging, twin: Visitor, signed_in: SignIn
) -> None:
    told_everywhere = ""
    everywhere = signed_in(Role.ADMIN)
    for route, needs in listed(app).items():
        if route.method != "GET" or "<" in route.rule or needs == NOBODY_IS_ASKED:
            continue
        text = knock(twin, route).text
        told = [secret for secret in belonging.secrets() if secret in text]
        assert not told, f"{route} tells an admin of sales of {told}"
        told_everywhere += knock(everywhere, route).text
    lists = {secret for secret in belonging.secrets() if secret in told_everywhere}
    assert lists, "the check sees nothing: no list shows anything even to the admin of all"
