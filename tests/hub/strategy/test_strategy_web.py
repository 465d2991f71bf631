"""Objectives on pages and in the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.test import TestResponse

from hub.core.access import Role
from hub.core.area import Area
from hub.core.database import Database
from hub.metrics import AREA as METRICS
from hub.metrics.service import ObservationDraft, record_observations
from hub.ownership import AREA as OWNERSHIP
from hub.people import AREA as PEOPLE
from hub.strategy import AREA as STRATEGY
from hub.strategy.service import (
    CycleDraft,
    KeyResultDraft,
    ObjectiveDraft,
    define_cycle,
    define_key_result,
    define_objective,
)
from tests.factories import Cast, SettableClock, build_cast
from tests.visitors import SignIn

JANUARY, APRIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
BY = "system:tests"


@pytest.fixture
def areas() -> Sequence[Area]:
    """These areas are enough: a page of metrics shows panels of ownership."""
    return (PEOPLE, METRICS, OWNERSHIP, STRATEGY)


@pytest.fixture
def cast(site_database: Database, clock: SettableClock) -> Cast:
    """The cast with an objective of acme, one of sales under it, and a key result half way."""
    with site_database.write() as session:
        made = build_cast(session, now=clock())
        cycle = define_cycle(session, CycleDraft(key="q1", starts_at=JANUARY, ends_at=APRIL), by=BY, now=clock()).id
        top = ObjectiveDraft(key="grow", name="Grow", org_unit_id=made.org_units["acme"], cycle_id=cycle)
        above = define_objective(session, top, by=BY, now=clock())
        part = ObjectiveDraft(
            key="win", name="Win more", org_unit_id=made.org_units["sales"], parent_id=above.id, cycle_id=cycle
        )
        below = define_objective(session, part, by=BY, now=clock())
        result = KeyResultDraft(
            key="kr-1",
            name="Win rate to 60",
            objective_id=below.id,
            series_id=made.series["win-rate"],
            cycle_id=cycle,
            baseline=40,
            target=60,
        )
        define_key_result(session, result, by=BY, now=clock())
        seen = ObservationDraft(made.series["win-rate"], datetime(2026, 1, 5, tzinfo=UTC), 50)
        record_observations(session, [seen], now=clock())
    return made


def read(answer: TestResponse) -> Any:  # noqa: ANN401  # JSON
    assert answer.status_code == 200, answer.text
    return answer.json


def test_the_tree_shows_how_far_along_things_are(cast: Cast, signed_in: SignIn) -> None:
    page = signed_in(Role.VIEWER).get("/objectives").text
    assert page.index("Grow") < page.index("Win more") < page.index("Win rate to 60")
    assert "<td>50%</td>" in page


def test_who_may_not_see_the_parent_sees_the_part_at_the_top(cast: Cast, signed_in: SignIn) -> None:
    seller = signed_in(Role.VIEWER, cast.org_units["sales"])
    page = seller.get("/objectives").text
    assert "Grow" not in page
    assert "Win more" in page
    assert [one["parent_id"] for one in read(seller.get("/api/v1/objectives"))["items"]] == [None]


def test_without_objectives_the_page_says_how_they_come(site_database: Database, signed_in: SignIn) -> None:
    assert "No objectives yet" in signed_in(Role.VIEWER).get("/objectives").text


def test_the_api_gives_objectives_and_their_key_results(cast: Cast, signed_in: SignIn) -> None:
    viewer = signed_in(Role.VIEWER)
    grow, win = read(viewer.get("/api/v1/objectives"))["items"]
    assert (win["parent_id"], win["cycle"]) == (grow["id"], "q1")
    assert read(viewer.get(f"/api/v1/objectives/{win['id']}")) == win
    results = read(viewer.get(f"/api/v1/objectives/{win['id']}/key-results"))["items"]
    assert [(one["baseline"], one["target"]) for one in results] == [(40, 60)]
