"""The tree of org units, up and down, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.core.errors import ConflictError, InvalidInputError, NotFoundError
from hub.people.models import OrgUnit
from hub.people.service import (
    add_org_unit,
    change_org_unit,
    closest,
    find_org_unit,
    function_of,
    lines_of,
    parts_of,
    top_org_unit,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from hub.core.database import Database
    from tests.factories import Cast

BY = "system:tests"


@pytest.fixture
def tree(database: Database, cast: Cast) -> dict[str, int]:
    """Give acme > sales > emea > dach, and acme > support; support has no function of its own."""
    with database.write() as session:
        emea = add_org_unit(session, key="emea", name="EMEA", parent_id=cast.org_units["sales"], by=BY)
        dach = add_org_unit(session, key="dach", name="DACH", parent_id=emea.id, by=BY)
        session.get_one(OrgUnit, cast.org_units["support"]).function = None
        return {**cast.org_units, "emea": emea.id, "dach": dach.id}


def test_a_part_is_everything_below(database: Database, tree: dict[str, int]) -> None:
    with database.read() as session:
        parts = parts_of(session, [tree["acme"], tree["emea"], tree["support"]])
    assert parts == {
        tree["acme"]: frozenset(tree.values()),
        tree["emea"]: {tree["emea"], tree["dach"]},
        tree["support"]: {tree["support"]},
    }


def test_the_line_goes_up_to_the_top_nearest_first(database: Database, tree: dict[str, int]) -> None:
    with database.read() as session:
        assert lines_of(session, [tree["dach"]]) == {
            tree["dach"]: [tree["dach"], tree["emea"], tree["sales"], tree["acme"]]
        }
        assert closest(session, tree["dach"], [tree["acme"], tree["sales"]]) == tree["sales"]
        assert closest(session, tree["dach"], [tree["dach"]]) == tree["dach"]
        assert closest(session, tree["support"], [tree["sales"]]) is None


def test_a_function_counts_for_what_is_below_and_names_none(database: Database, tree: dict[str, int]) -> None:
    with database.read() as session:
        assert function_of(session, tree["dach"]) == "sales"
        assert function_of(session, tree["support"]) is None


def test_an_org_unit_is_found_by_key_and_by_public_id(database: Database, tree: dict[str, int]) -> None:
    with database.read() as session:
        by_key = find_org_unit(session, "dach")
        assert find_org_unit(session, by_key.public_id) is by_key
        assert top_org_unit(session).key == "acme"
        with pytest.raises(NotFoundError, match="'nowhere'"):
            find_org_unit(session, "nowhere")


def test_an_org_unit_cannot_move_below_itself(database: Database, tree: dict[str, int]) -> None:
    with database.write() as session:
        emea = session.get_one(OrgUnit, tree["emea"])
        for below in ("emea", "dach"):
            with pytest.raises(InvalidInputError, match="part of itself"):
                change_org_unit(session, emea, {"parent_id": tree[below]}, by=BY)
        change_org_unit(session, emea, {"parent_id": tree["support"]}, by=BY)
        assert parts_of(session, [tree["support"]])[tree["support"]] == {tree["support"], tree["emea"], tree["dach"]}


def test_a_key_belongs_to_one_org_unit(database: Database, tree: dict[str, int]) -> None:
    with database.write() as session:
        with pytest.raises(ConflictError, match="taken"):
            add_org_unit(session, key="emea", name="Another", by=BY)
        with pytest.raises(ConflictError, match="taken"):
            change_org_unit(session, session.get_one(OrgUnit, tree["dach"]), {"key": "emea"}, by=BY)


def plant(session: Session, parents: list[int | None]) -> list[OrgUnit]:
    units: list[OrgUnit] = []
    for number, parent in enumerate(parents):
        above = units[parent % number].id if parent is not None and number else None
        units.append(OrgUnit(public_id=f"org_{number}", key=f"k{number}", name="x", parent_id=above))
        session.add(units[-1])
        session.flush()
    return units


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.none() | st.integers(0, 20), min_size=1, max_size=12))
def test_up_and_down_agree_on_every_tree(sqlite_database: Database, parents: list[int | None]) -> None:
    with sqlite_database.write() as session:
        units = [unit.id for unit in plant(session, parents)]
        parts, lines = parts_of(session, units), lines_of(session, units)
        session.rollback()
    assert all((low in parts[high]) == (high in lines[low]) for low in units for high in units)
