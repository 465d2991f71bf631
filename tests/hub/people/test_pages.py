"""The pages of people: what somebody sees, what a form does, and what it says when it cannot."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from hub.core.access import Role
from hub.people.models import Grant, OrgUnit, Person
from hub.people.service import first_run_notice, give_role
from tests.factories import build_cast
from tests.visitors import SignIn, Visitor, form_token_of

if TYPE_CHECKING:
    from apiflask import APIFlask

    from hub.core.database import Database
    from tests.factories import Cast, SettableClock

PASSWORD = "four plain quiet words"


@pytest.fixture
def team(site_database: Database, clock: SettableClock) -> Cast:
    """Write the cast into the app's database."""
    with site_database.write() as session:
        return build_cast(session, now=clock())


def address_of(database: Database, key: str) -> str:
    with database.read() as session:
        return f"/people/{session.scalars(select(Person.public_id).where(Person.key == key)).one()}"


def test_the_first_person_sets_up_signs_out_and_in_again(
    app: APIFlask, nobody: Visitor, site_database: Database, clock: SettableClock
) -> None:
    assert "Nobody can sign in yet" in nobody.get("/sign-in").text
    with site_database.write() as session:
        notice = first_run_notice(session, address="http://localhost", now=clock()) or ""
    page = nobody.get("/setup?" + notice.partition("?")[2].partition(" ")[0])
    token = re.search(r'name="token" type="text"\s+value="([^"]+)"', page.text)
    assert token is not None
    nobody.form_token = form_token_of(page)
    mine = {"organisation": "Acme", "name": "Ada", "email": "ada@acme.example", "time_zone": "Europe/Berlin"}
    weak = nobody.send("/setup", token=token[1], password="short", **mine)
    assert weak.status_code == 422
    assert "12 to 256 characters" in weak.text
    done = nobody.send("/setup", token=token[1], password=PASSWORD, **mine)
    assert (done.status_code, done.headers["Location"]) == (303, "/")
    overview = nobody.get("/")
    assert overview.status_code == 200
    nobody.form_token = form_token_of(overview)
    assert nobody.send("/sign-out").headers["Location"] == "/sign-in"
    assert nobody.get("/").headers["Location"] == "/sign-in"
    nobody.form_token = form_token_of(nobody.get("/sign-in"))
    entered = nobody.send("/sign-in", email="ADA@acme.example ", password=PASSWORD, next="/profile")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/profile")
    assert nobody.get("/setup").status_code == 404
    assert nobody.get("/sign-in?next=/people").headers["Location"] == "/people"


def test_an_invited_person_chooses_a_password(
    app: APIFlask, team: Cast, site_database: Database, signed_in: SignIn, nobody: Visitor
) -> None:
    shown = signed_in(Role.ADMIN).send(f"{address_of(site_database, 'bo')}/invite")
    assert shown.status_code == 201
    address = re.search(r"/join\?token=[\w-]+", html.unescape(shown.text))
    assert address is not None
    page = nobody.get(address[0])
    assert "bo@acme.example" in page.text
    nobody.form_token = form_token_of(page)
    token = address[0].partition("=")[2]
    assert "easily guessed" in nobody.send("/join", token=token, password="bo@acme.example!!").text
    assert nobody.send("/join", token=token, password=PASSWORD).headers["Location"] == "/"
    assert nobody.get("/profile").status_code == 200
    assert nobody.get(address[0]).status_code == 404


def test_a_profile_changes_name_zone_and_password(signed_in: SignIn) -> None:
    me = signed_in(Role.VIEWER)
    assert me.send("/profile", name="Ada", time_zone="Atlantis/Capital").status_code == 422
    saved = me.send("/profile", name="Ada <b>", time_zone="Asia/Tokyo")
    assert saved.headers["Location"] == "/profile?done=saved"
    page = me.get("/profile?done=saved")
    assert 'data-zone="Asia/Tokyo"' in page.text
    assert "Ada &lt;b&gt;" in page.text
    wrong = me.send("/profile/password", current="not mine at all", password=PASSWORD)
    assert (wrong.status_code, "not your present password" in wrong.text) == (422, True)


def test_a_token_is_made_on_the_profile_and_revoked(signed_in: SignIn, app: APIFlask) -> None:
    me = signed_in(Role.VIEWER)
    assert me.send("/profile/tokens", label="sync", days="90").status_code == 422
    refused = me.send("/profile/tokens", label="sync", days="90", scopes=["metrics.read", "people.manage"])
    assert (refused.status_code, "people.manage" in refused.text) == (422, True)
    made = me.send("/profile/tokens", label="sync", days="90", scopes=["metrics.read"])
    secret = re.search(r"plb_[\w-]{43}", made.text)
    assert secret is not None
    program = Visitor(app.test_client(), bearer=secret[0])
    assert program.get("/api/v1/me").status_code == 200
    revoke = re.search(r"/profile/tokens/tok_\w+/revoke", made.text)
    assert revoke is not None
    assert me.send(revoke[0]).status_code == 303
    assert program.get("/api/v1/me").status_code == 401


def test_a_person_is_added_changed_given_a_role_and_leaves(
    team: Cast, site_database: Database, signed_in: SignIn
) -> None:
    admin = signed_in(Role.ADMIN)
    assert "Fill this in." in admin.send("/people", key="eve").text
    taken = admin.send("/people", key="ada", name="Another")
    assert (taken.status_code, "Another person has this key" in taken.text) == (422, True)
    made = admin.send("/people", key="eve", name="Eve", email="eve@acme.example")
    address = made.headers["Location"].partition("?")[0]
    assert made.status_code == 303
    assert "No roles" in admin.get(address).text
    assert "31 days" in admin.send(f"{address}/roles", role="auditor").text
    assert admin.send(f"{address}/roles", role="auditor", until="2026-03-10").status_code == 303
    page = admin.get(address)
    assert "11 Mar 2026" in page.text  # the role ends when its last day is over
    end = re.search(rf"{address}/roles/gra_\w+/end", page.text)
    assert end is not None
    assert admin.send(end[0]).status_code == 303
    assert admin.send(address, key="eve", name="Eve E.", email="eve@acme.example").status_code == 303
    assert admin.send(f"{address}/leave").status_code == 303
    assert "left" in admin.get(address).text
    with site_database.read() as session:
        assert session.scalars(select(Person.active).where(Person.key == "eve")).one() is False
        assert session.scalars(select(Grant.ended_at).where(Grant.role == Role.AUDITOR)).one() is not None


def test_the_list_of_people_searches_and_says_when_nobody_is_found(team: Cast, signed_in: SignIn) -> None:
    reader = signed_in(Role.EXECUTIVE)
    assert "Ada" in reader.get("/people?search=ad").text
    assert "Add a person" not in reader.get("/people").text
    assert "Nobody is called that" in reader.get("/people?search=zzz").text
    rows = reader.get("/people?search=ad", HX_Request="true").text
    assert "Ada" in rows
    assert "<html" not in rows


def test_somebody_of_a_part_meets_only_that_part(team: Cast, site_database: Database, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN, team.org_units["sales"])
    assert admin.get(address_of(site_database, "ada")).status_code == 200
    for verb in ("", "/roles", "/invite", "/disable", "/enable", "/leave"):
        assert admin.send(f"{address_of(site_database, 'cy')}{verb}", role="viewer").status_code == 404
    assert admin.send("/people", key="eve", name="Eve").status_code == 403
    assert admin.send(f"{address_of(site_database, 'ada')}/roles", role="viewer").status_code == 403


def test_org_units_are_shown_as_a_tree_and_changed(team: Cast, site_database: Database, signed_in: SignIn) -> None:
    admin = signed_in(Role.ADMIN)
    with site_database.read() as session:
        ids = dict(session.execute(select(OrgUnit.key, OrgUnit.public_id)).all())
    assert admin.send("/org-units", key="emea", name="EMEA", parent=ids["sales"]).status_code == 303
    tree = admin.get("/org-units").text
    assert tree.index("Acme") < tree.index("Sales") < tree.index("EMEA") < tree.index("Support")
    moved = admin.send(f"/org-units/{ids['acme']}", key="acme", name="Acme", parent=ids["sales"])
    assert (moved.status_code, "part of itself" in moved.text) == (422, True)
    taken = admin.send(f"/org-units/{ids['sales']}", key="acme", name="Sales", parent=ids["acme"])
    assert (taken.status_code, "taken by another" in taken.text) == (422, True)
    of_sales = signed_in(Role.ADMIN, team.org_units["sales"])
    page = of_sales.get(f"/org-units/{ids['sales']}")
    assert ids["acme"] in page.text
    kept = of_sales.send(f"/org-units/{ids['sales']}", key="sales", name="Sales & Co", parent=ids["acme"])
    assert kept.status_code == 303
    assert of_sales.send(f"/org-units/{ids['sales']}", key="sales", name="Free").status_code == 403
    assert signed_in(Role.EXECUTIVE).get("/org-units").status_code == 200


def test_an_empty_organisation_says_what_comes_next(signed_in: SignIn, site_database: Database) -> None:
    assert "No org units" in signed_in(Role.ADMIN).get("/org-units").text


def test_a_person_s_page_shows_the_roles_that_the_reader_may_see(
    team: Cast, site_database: Database, signed_in: SignIn, clock: SettableClock
) -> None:
    with site_database.write() as session:
        ada = session.get_one(Person, team.persons["ada"])
        for role, where in ((Role.STEWARD, team.org_units["sales"]), (Role.EXECUTIVE, team.org_units["support"])):
            give_role(session, person=ada, role=role, org_unit_id=where, by="system:tests", now=clock())
    address = address_of(site_database, "ada")
    held = re.compile(r"<td>(steward|executive)</td>")
    assert held.findall(signed_in(Role.EXECUTIVE, team.org_units["sales"]).get(address).text) == ["steward"]
    assert sorted(held.findall(signed_in(Role.ADMIN).get(address).text)) == ["executive", "steward"]


def test_who_was_stopped_from_signing_in_is_let_in_again(
    team: Cast, site_database: Database, signed_in: SignIn
) -> None:
    admin, other = signed_in(Role.ADMIN), signed_in(Role.VIEWER)
    address = f"/people/{other.person.public_id}"
    assert admin.send(f"{address}/disable").status_code == 303
    stopped = admin.get(address).text
    assert ("cannot sign in" in stopped, f"{address}/enable" in stopped) == (True, True)
    assert f"{address}/invite" not in stopped
    assert admin.send(f"{address}/enable").status_code == 303
    assert f"{address}/invite" in admin.get(address).text
