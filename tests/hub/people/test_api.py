"""The API of people: one org unit, person, role or token at a time, seen and changed only where one may (R22)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.core.access import Permission, Role
from tests.factories import build_cast
from tests.visitors import SignIn, Visitor

if TYPE_CHECKING:
    from hub.core.database import Database
    from tests.factories import Cast, SettableClock


@pytest.fixture
def team(site_database: Database, clock: SettableClock) -> Cast:
    """Write the cast into the app's database."""
    with site_database.write() as session:
        return build_cast(session, now=clock())


@pytest.fixture
def admin(team: Cast, signed_in: SignIn) -> Visitor:
    """Give an admin of the whole organisation."""
    return signed_in(Role.ADMIN)


@pytest.fixture
def admin_of_sales(team: Cast, signed_in: SignIn) -> Visitor:
    """Give an admin of one part."""
    return signed_in(Role.ADMIN, team.org_units["sales"])


def items(visitor: Visitor, path: str) -> list[dict[str, Any]]:
    reply = visitor.get(path)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json["items"] if reply.json else []
    return found


def id_of(visitor: Visitor, path: str, key: str) -> str:
    return next(str(item["id"]) for item in items(visitor, path) if item.get("key") == key)


def test_who_am_i(signed_in: SignIn) -> None:
    viewer = signed_in(Role.VIEWER)
    told = viewer.get("/api/v1/me").json
    assert told is not None
    assert told["id"] == viewer.person.public_id
    assert told["roles"] == ["viewer"]
    assert "metrics.read" in told["permissions"]
    assert "people.manage" not in told["permissions"]


def test_an_org_unit_is_made_read_and_changed(admin: Visitor) -> None:
    made = admin.call(
        "POST",
        "/api/v1/org-units",
        {"key": "emea", "name": "EMEA", "parent": id_of(admin, "/api/v1/org-units", "sales")},
    )
    assert made.status_code == 201
    address = made.headers["Location"]
    read = admin.get(address)
    assert read.json == made.json
    changed = admin.call("PATCH", address, {"name": "Europe", "function": "sales"}, If_Match=read.headers["ETag"])
    assert changed.status_code == 200
    assert changed.json == {**(made.json or {}), "name": "Europe", "function": "sales"}
    assert changed.headers["ETag"] != read.headers["ETag"]


def test_an_update_says_which_state_it_changes(admin: Visitor) -> None:
    address = f"/api/v1/org-units/{id_of(admin, '/api/v1/org-units', 'sales')}"
    assert admin.call("PATCH", address, {"name": "x"}).status_code == 428
    first = admin.get(address).headers["ETag"]
    assert admin.call("PATCH", address, {"name": "One"}, If_Match=first).status_code == 200
    late = admin.call("PATCH", address, {"name": "Two"}, If_Match=first)
    assert (late.status_code, (late.json or {})["type"]) == (412, "/errors/precondition-failed")
    assert (admin.get(address).json or {})["name"] == "One"


def test_an_unchanged_thing_is_not_sent_again(admin: Visitor) -> None:
    address = f"/api/v1/org-units/{id_of(admin, '/api/v1/org-units', 'sales')}"
    again = admin.get(address, If_None_Match=admin.get(address).headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")


def test_somebody_of_a_part_sees_and_changes_that_part_only(
    team: Cast, admin: Visitor, admin_of_sales: Visitor
) -> None:
    assert {item["key"] for item in items(admin_of_sales, "/api/v1/org-units")} == {"sales"}
    assert {item["key"] for item in items(admin_of_sales, "/api/v1/persons")} == {"ada", "bo"}
    for kind, key in (("org-units", "support"), ("persons", "cy")):
        address = f"/api/v1/{kind}/{id_of(admin, f'/api/v1/{kind}', key)}"
        tag = admin.get(address).headers["ETag"]
        assert admin_of_sales.get(address).status_code == 404
        assert admin_of_sales.call("PATCH", address, {"name": "Mine"}, If_Match=tag).status_code == 404


def test_a_part_s_admin_adds_only_below_and_moves_nothing_out(
    team: Cast, admin: Visitor, admin_of_sales: Visitor
) -> None:
    sales, acme = (id_of(admin, "/api/v1/org-units", key) for key in ("sales", "acme"))
    add = {"key": "emea", "name": "EMEA"}
    assert admin_of_sales.call("POST", "/api/v1/org-units", add).status_code == 403
    assert admin_of_sales.call("POST", "/api/v1/org-units", {**add, "parent": acme}).status_code == 404
    assert admin_of_sales.call("POST", "/api/v1/org-units", {**add, "parent": sales}).status_code == 201
    address = f"/api/v1/org-units/{sales}"
    tag = admin_of_sales.get(address).headers["ETag"]
    assert admin_of_sales.call("PATCH", address, {"parent": None}, If_Match=tag).status_code == 403
    ada = f"/api/v1/persons/{id_of(admin, '/api/v1/persons', 'ada')}"
    tag = admin_of_sales.get(ada).headers["ETag"]
    assert admin_of_sales.call("PATCH", ada, {"org_unit": None}, If_Match=tag).status_code == 403


def test_a_person_is_made_changed_and_leaves(admin: Visitor) -> None:
    made = admin.call("POST", "/api/v1/persons", {"key": "eve", "name": "Eve", "email": "Eve@acme.example"})
    assert made.status_code == 201
    assert (made.json or {})["email"] == "eve@acme.example"
    left = admin.call("PATCH", made.headers["Location"], {"active": False}, If_Match=made.headers["ETag"])
    assert (left.json or {})["active"] is False
    assert "eve" not in {item["key"] for item in items(admin, "/api/v1/persons?active=true")}
    again = admin.call("POST", "/api/v1/persons", {"key": "eve", "name": "Eve"})
    assert (again.status_code, (again.json or {})["field"]) == (409, "key")


@pytest.mark.parametrize(
    "body",
    [
        {"key": "eve"},
        {"key": "eve", "name": ""},
        {"key": "e v e", "name": "Eve"},
        {"key": "eve", "name": "Eve", "email": "nobody"},
        {"key": "eve", "name": "Eve", "time_zone": "../../etc/passwd"},
        {"key": "eve", "name": "Eve", "active": True},
        {"key": "eve", "name": "Eve", "id": "per_1"},
        [],
        "eve",
        None,
    ],
)
def test_a_body_that_cannot_be_used_is_refused_by_field(admin: Visitor, body: object) -> None:
    reply = admin.call("POST", "/api/v1/persons", body)
    assert reply.status_code in {400, 422}
    assert reply.content_type == "application/problem+json"


@pytest.mark.parametrize("field", ["key", "name", "active"])
def test_a_change_may_leave_a_field_out_but_not_empty_it(admin: Visitor, field: str) -> None:
    address = f"/api/v1/persons/{id_of(admin, '/api/v1/persons', 'ada')}"
    reply = admin.call("PATCH", address, {field: None}, If_Match=admin.get(address).headers["ETag"])
    assert reply.status_code == 422


def test_a_role_is_given_listed_and_taken_back(admin: Visitor) -> None:
    ada = id_of(admin, "/api/v1/persons", "ada")
    sales = id_of(admin, "/api/v1/org-units", "sales")
    made = admin.call("POST", "/api/v1/grants", {"person": ada, "role": "owner", "org_unit": sales})
    assert made.status_code == 201, made.text
    assert [item["role"] for item in items(admin, f"/api/v1/grants?person={ada}")] == ["owner"]
    assert admin.call("DELETE", made.headers["Location"]).status_code == 204
    assert items(admin, f"/api/v1/grants?person={ada}")[0]["ended_at"] is not None
    assert admin.call("DELETE", made.headers["Location"]).status_code == 409


def test_a_token_cannot_give_its_person_more(team: Cast, with_token: SignIn) -> None:
    program = with_token(Role.ADMIN, [Permission.PEOPLE_MANAGE, Permission.PEOPLE_READ])
    reply = program.call("POST", "/api/v1/grants", {"person": program.person.public_id, "role": "admin"})
    assert reply.status_code == 403


def test_a_token_is_shown_once_and_lists_without_itself(admin: Visitor, clock: SettableClock) -> None:
    wanted = {"name": "sync", "scopes": ["metrics.read"], "expires_at": (clock() + timedelta(days=9)).isoformat()}
    made = admin.call("POST", "/api/v1/tokens", wanted)
    assert made.status_code == 201, made.text
    secret = (made.json or {})["token"]
    assert secret.startswith("plb_")
    assert secret not in admin.get("/api/v1/tokens").text
    assert admin.call("DELETE", f"/api/v1/tokens/{(made.json or {})['id']}").status_code == 204


def test_the_reply_that_is_kept_for_repeats_holds_no_token(
    admin: Visitor, clock: SettableClock, site_database: Database
) -> None:
    wanted = {"name": "sync", "scopes": ["metrics.read"], "expires_at": (clock() + timedelta(days=9)).isoformat()}
    first, second = (admin.call("POST", "/api/v1/tokens", wanted, Idempotency_Key="once") for _ in range(2))
    assert (second.status_code, second.headers["Idempotency-Replayed"]) == (201, "true")
    assert second.json == {**(first.json or {}), "token": None}
    secret = (first.json or {})["token"]
    stored = (site_database.url.database or "").encode()
    with open(stored, "rb") as file:  # noqa: PTH123  # bytes of a path
        assert secret.encode() not in file.read()


def test_lists_come_in_pages(admin: Visitor) -> None:
    seen: list[str] = []
    address = "/api/v1/persons?limit=2"
    while address:
        reply = admin.get(address).json or {}
        seen += [item["id"] for item in reply["items"]]
        address = f"/api/v1/persons?limit=2&cursor={reply['next_cursor']}" if reply["next_cursor"] else ""
    assert len(seen) == len(set(seen)) == 5
    assert admin.get("/api/v1/persons?limit=201").status_code == 422
    assert admin.get("/api/v1/persons?cursor=mine").status_code == 422
    assert admin.get("/api/v1/persons?surprise=1").status_code == 422


def test_a_search_takes_its_text_literally(admin: Visitor) -> None:
    assert {item["key"] for item in items(admin, "/api/v1/persons?search=D")} >= {"ada", "dee"}
    assert items(admin, "/api/v1/persons?search=%25") == []
