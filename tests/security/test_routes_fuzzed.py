"""The API keeps to its own description, whatever it is sent (R24)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import (
    CHECKS,
    ignored_auth,
    positive_data_acceptance,
)
from schemathesis.core.result import Ok

from hub.core.access import Permission, Role
from tests.security.belongings import Belonging

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apiflask import APIFlask

    from hub.core.area import Area
    from hub.core.database import Database
    from tests.factories import SettableClock
    from tests.visitors import SignIn, Visitor

QUICK = settings(
    max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
NOT_MEANT = [
    positive_data_acceptance,  # a well-formed id of nothing is refused, and so it should be
    ignored_auth,  # tests/security/test_routes.py does this for every route and every role
]


@pytest.fixture
def areas() -> Sequence[Area]:
    """Give all areas."""
    from hub.areas import AREAS

    return AREAS


@pytest.fixture
def program(app: APIFlask, with_token: SignIn, site_database: Database, clock: SettableClock) -> Visitor:
    """Give a program that may do everything, in a deployment with something in it."""
    app.extensions["plumbline"].limiter._per_window = 10**9
    Belonging.build(site_database, now=clock())
    return with_token(Role.ADMIN, list(Permission))


def send_anything(app: APIFlask, program: Visitor, how_much: settings) -> int:
    """Send every operation what its description allows and what it does not; give how many operations there are."""
    description = schemathesis.openapi.from_wsgi("/openapi.json", app)
    operations = [found.ok() for found in description.get_all_operations() if isinstance(found, Ok)]
    for operation in operations:
        for mode in schemathesis.GenerationMode:

            @how_much
            @given(operation.as_strategy(generation_mode=mode))
            def send(case: Any) -> None:  # noqa: ANN401  # a request of schemathesis
                case.call_and_validate(headers=program.headers, excluded_checks=NOT_MEANT)

            send()
    return len(operations)


def test_every_operation_keeps_to_the_description(app: APIFlask, program: Visitor) -> None:
    assert send_anything(app, program, QUICK) > 20


@pytest.mark.full
def test_every_operation_keeps_to_the_description_for_long(app: APIFlask, program: Visitor) -> None:
    assert send_anything(app, program, LONG) > 20


def test_the_checks_that_are_left_out_exist() -> None:
    assert {check.__name__ for check in NOT_MEANT} <= set(CHECKS.get_all_names())
