"""F2: whoever has numbers and no connector pushes them; what cannot be used comes back with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.audit.models import AuditEntry
from hub.connections.models import Connection, Managed
from hub.core.access import Permission, Role
from hub.core.area import Area
from hub.core.database import Database
from hub.core.ids import new_public_id
from hub.metrics import AREA as METRICS
from hub.metrics.models import Observation, Series
from hub.people import AREA as PEOPLE
from tests.factories import Cast, SettableClock, build_cast
from tests.visitors import SignIn, Visitor

PUSH = "/api/v1/observations:batch"
WEEKLY = {"org_unit": "sales", "cadence": "weekly", "unit": "deals", "latency": "3d"}


@pytest.fixture
def areas() -> Sequence[Area]:
    """These areas are enough."""
    return (PEOPLE, METRICS)


@pytest.fixture
def cast(site_database: Database, clock: SettableClock) -> Cast:
    """The usual cast."""
    with site_database.write() as session:
        return build_cast(session, now=clock())


@pytest.fixture
def owner(signed_in: SignIn, cast: Cast) -> Visitor:
    """Somebody who may write the metrics of sales only."""
    return signed_in(Role.OWNER, cast.org_units["sales"])


def said(series: str, start: str, value: float | None = 1.0, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    return {"series": series, "period_start": start, "value": value, **more}


def push(visitor: Visitor, *items: dict[str, Any], **more: object) -> Any:  # noqa: ANN401  # JSON
    answer = visitor.call("POST", PUSH, json={"observations": list(items), **more})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_pushed_values_are_in_the_ledger_once(site_database: Database, cast: Cast, owner: Visitor) -> None:
    items = [said("win-rate", "2026-01-05", 0.4), said("win-rate", "2026-01-12", 0.5, note="by hand")]
    assert push(owner, *items) == {"created": 2, "unchanged": 0, "refused": []}
    assert push(owner, *items) == {"created": 0, "unchanged": 2, "refused": []}
    with site_database.read() as session:
        rows = session.scalars(select(Observation).where(Observation.series_id == cast.series["win-rate"])).all()
        pushes = session.scalar(select(func.count()).where(AuditEntry.action == "observations.pushed"))
    assert [(row.value, row.note) for row in rows] == [(0.4, None), (0.5, "by hand")]
    assert pushes == 1


@pytest.mark.parametrize(
    ("item", "field", "reason"),
    [
        (said("no-such", "2026-01-05"), "series", "no series 'no-such'"),
        (said("backlog", "2026-01-05"), "series", "may not write"),
        (said("win-rate", "last week"), "period_start", "last week"),
        (said("win-rate", "2026-01-05", period_end="2025-12-01"), "period_end", "ends before it begins"),
    ],
)
def test_what_cannot_be_used_comes_back_and_the_rest_is_kept(
    owner: Visitor, item: dict[str, Any], field: str, reason: str
) -> None:
    told = push(owner, said("win-rate", "2026-01-12"), item)
    (refused,) = told["refused"]
    assert told["created"] == 1
    assert (refused["index"], refused["field"]) == (1, field)
    assert reason in refused["reason"]
    assert refused["remedy"]


def test_nobody_says_when_a_correction_was_known(site_database: Database, owner: Visitor, clock: SettableClock) -> None:
    push(owner, said("win-rate", "2026-01-05", 0.4))
    clock.advance(minutes=5)
    push(owner, said("win-rate", "2026-01-05", 0.9))
    with site_database.read() as session:
        newest = session.scalars(select(Observation).order_by(Observation.id.desc())).first()
    assert newest is not None
    assert (newest.value, newest.recorded_at, newest.recorded_imputed) == (0.9, clock.now, False)
    claimed = {"observations": [said("win-rate", "2026-01-05", 1.0, recorded_at="2026-01-06")]}
    assert owner.call("POST", PUSH, json=claimed).status_code == 422


def test_new_series_are_made_where_the_push_says_what_they_are(site_database: Database, owner: Visitor) -> None:
    told = push(owner, said("deals", "2026-01-05"), said("no key", "2026-01-05"), define=WEEKLY)
    assert told["created"] == 1
    assert [one["index"] for one in told["refused"]] == [1]
    with site_database.read() as session:
        series = session.scalars(select(Series).where(Series.key == "deals")).one()
        assert (series.cadence, series.latency) == ("weekly", "3d")


def test_a_key_that_is_taken_elsewhere_is_not_made_again(owner: Visitor) -> None:
    (refused,) = push(owner, said("backlog", "2026-01-05"), define=WEEKLY)["refused"]
    assert "taken" in refused["reason"]


def test_new_series_belong_to_an_org_unit_that_one_may_write_to(owner: Visitor, cast: Cast) -> None:
    other = {"observations": [said("deals", "2026-01-05")], "define": {**WEEKLY, "org_unit": "support"}}
    assert owner.call("POST", PUSH, json=other).status_code == 404
    unknown = {"observations": [said("deals", "2026-01-05")], "define": {**WEEKLY, "org_unit": "moon"}}
    assert owner.call("POST", PUSH, json=unknown).status_code == 404
    nonsense = {"observations": [said("deals", "2026-01-05")], "define": {**WEEKLY, "cadence": "sometimes"}}
    assert owner.call("POST", PUSH, json=nonsense).status_code == 422


def test_a_series_that_a_connection_feeds_takes_no_pushes(
    site_database: Database, cast: Cast, owner: Visitor, clock: SettableClock
) -> None:
    with site_database.write() as session:
        connection = Connection(
            public_id=new_public_id("con"),
            key="numbers",
            kind="spreadsheet",
            title="Numbers",
            managed=Managed.FORM,
            org_unit_id=cast.org_units["sales"],
            created_at=clock(),
        )
        session.add(connection)
        session.flush()
        session.get_one(Series, cast.series["win-rate"]).connection_id = connection.id
    (refused,) = push(owner, said("win-rate", "2026-01-05"))["refused"]
    assert "fed by a connection" in refused["reason"]


@pytest.mark.parametrize("body", [{"observations": []}, {"observations": [{"series": "win-rate"}]}, {}])
def test_a_request_that_is_none_changes_nothing(owner: Visitor, body: object) -> None:
    assert owner.call("POST", PUSH, json=body).status_code == 422


def test_who_may_only_look_may_not_push(signed_in: SignIn, cast: Cast) -> None:
    answer = signed_in(Role.VIEWER).call("POST", PUSH, json={"observations": [said("win-rate", "2026-01-05")]})
    assert answer.status_code == 403
    assert Permission.METRICS_WRITE in answer.text
