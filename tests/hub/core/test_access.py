"""Who may see and do what, where (R22, R23)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.core.access import (
    PERMISSIONS,
    Granted,
    Permission,
    Principal,
    Role,
    find_visible,
    require,
    require_within,
    visible,
)
from hub.core.errors import ForbiddenError, NotFoundError
from hub.people.models import OrgUnit, Person
from hub.people.service import share

if TYPE_CHECKING:
    from hub.core.database import Database
    from tests.factories import Cast, SettableClock


def somebody(*grants: Granted, **more: object) -> Principal:
    return replace(Principal(person_id=1, public_id="per_1", name="Ada", grants=grants), **more)  # type: ignore[arg-type]  # the fields of Principal


def test_every_role_has_an_entry_and_only_known_permissions() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert PERMISSIONS[Role.ADMIN] == frozenset(Permission)


def test_an_auditor_reads_everything_and_changes_nothing() -> None:
    assert PERMISSIONS[Role.AUDITOR] == {permission for permission in Permission if permission.only_reads}


def test_nobody_but_the_admin_manages_people_connections_or_work() -> None:
    managing = {permission for permission in Permission if permission.endswith(".manage")}
    assert {role for role in Role if PERMISSIONS[role] & managing} == {Role.ADMIN}


def test_a_role_counts_only_in_its_org_units() -> None:
    owner = somebody(Granted(Role.OWNER, frozenset({2, 3})))
    require(owner, Permission.METRICS_WRITE)
    require(owner, Permission.METRICS_WRITE, 3)
    with pytest.raises(ForbiddenError, match=r"metrics\.write in this org unit"):
        require(owner, Permission.METRICS_WRITE, 4)
    with pytest.raises(ForbiddenError, match="the whole organisation"):
        require_within(owner, Permission.METRICS_WRITE, None)


def test_a_token_allows_no_more_than_its_scopes_and_no_more_than_its_person() -> None:
    viewer = somebody(Granted(Role.VIEWER), scopes=frozenset({Permission.METRICS_READ, Permission.PEOPLE_MANAGE}))
    assert viewer.permissions == {Permission.METRICS_READ}


def test_the_audit_trail_names_the_token_beside_the_person() -> None:
    assert somebody().audit_name == "per_1"
    assert somebody(token_id="tok_1").audit_name == "per_1/tok_1"


def seen(database: Database, principal: Principal, permission: Permission | None = None) -> set[str]:
    with database.read() as session:
        statement = visible(select(Person), principal, Person, permission)
        return {person.key for person in session.scalars(statement)}


def test_a_list_holds_what_belongs_to_granted_org_units(database: Database, cast: Cast) -> None:
    in_sales = somebody(Granted(Role.VIEWER, frozenset({cast.org_units["sales"]})))
    assert seen(database, in_sales) == {"ada", "bo"}
    assert seen(database, somebody(Granted(Role.VIEWER))) == {"ada", "bo", "cy", "dee"}
    assert seen(database, somebody()) == set()


def test_a_list_counts_only_grants_that_carry_the_permission_asked_for(database: Database, cast: Cast) -> None:
    units = cast.org_units
    mixed = somebody(
        Granted(Role.VIEWER, frozenset({units["sales"]})), Granted(Role.ADMIN, frozenset({units["support"]}))
    )
    assert seen(database, mixed) == {"ada", "bo", "cy"}
    assert seen(database, mixed, Permission.CONNECTIONS_READ) == {"cy"}
    assert seen(database, replace(mixed, purpose=Permission.CONNECTIONS_READ)) == {"cy"}


def test_a_share_is_seen_above_and_below_the_org_unit_it_names_and_changes_nothing(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    units = cast.org_units
    with database.write() as session:
        dee = session.get_one(Person, cast.persons["dee"])
        thing = ("person", dee.id, dee.public_id)
        share(session, thing, session.get_one(OrgUnit, units["sales"]), by="system:tests", now=clock())
        team = OrgUnit(public_id="org_team", key="team", name="Team", parent_id=units["sales"])
        session.add(team)
        session.flush()
        below = Granted(Role.OWNER, frozenset({team.id}), frozenset({units["sales"], units["acme"]}))
    assert seen(database, somebody(below), Permission.PEOPLE_READ) == {"dee"}
    assert seen(database, somebody(Granted(Role.VIEWER, frozenset({units["support"]})))) == {"cy"}
    admin = somebody(Granted(Role.ADMIN, frozenset({units["sales"]})))
    assert seen(database, admin, Permission.PEOPLE_READ) == {"ada", "bo", "dee"}
    assert seen(database, admin, Permission.PEOPLE_MANAGE) == {"ada", "bo"}


def test_what_may_not_be_seen_is_as_if_it_were_not_there(database: Database, cast: Cast) -> None:
    in_sales = somebody(Granted(Role.VIEWER, frozenset({cast.org_units["sales"]})))
    with database.read() as session:
        cy = session.get_one(Person, cast.persons["cy"])
        ada = session.get_one(Person, cast.persons["ada"])
        assert find_visible(session, in_sales, Person, ada.public_id) is ada
        with pytest.raises(NotFoundError):
            find_visible(session, in_sales, Person, cy.public_id)
        with pytest.raises(NotFoundError):
            find_visible(session, in_sales, Person, "per_nobody")


_grants = st.lists(
    st.builds(
        Granted,
        role=st.sampled_from(Role),
        within=st.none() | st.frozensets(st.integers(1, 5), min_size=1),
    )
)


@given(_grants, st.sampled_from(Permission), st.integers(1, 5))
def test_asking_for_one_org_unit_agrees_with_the_grants_one_by_one(
    grants: list[Granted], permission: Permission, unit: int
) -> None:
    principal = somebody(*grants)
    one_by_one = any(
        permission in PERMISSIONS[one.role] and (one.within is None or unit in one.within) for one in grants
    )
    assert principal.may_in(permission, unit) == one_by_one
    assert principal.may(permission) == any(permission in PERMISSIONS[one.role] for one in grants)
