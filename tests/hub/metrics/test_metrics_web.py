"""Metrics on pages and in the API: what one may see, as it was known on any day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from hub.core.access import Permission, Role
from hub.core.area import Area
from hub.core.database import Database
from hub.metrics import AREA as METRICS
from hub.metrics.models import Metric, Series
from hub.metrics.service import (
    MetricDraft,
    ObservationDraft,
    TargetDraft,
    define_metric,
    record_observations,
    record_targets,
)
from hub.ownership import AREA as OWNERSHIP
from hub.ownership.models import Duty, SubjectKind
from hub.ownership.service import assign
from hub.people import AREA as PEOPLE
from hub.strategy import AREA as STRATEGY
from tests.factories import Cast, SettableClock, build_cast
from tests.visitors import SignIn, Visitor

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def areas() -> Sequence[Area]:
    """These areas are enough: a page of metrics shows panels of ownership."""
    return (PEOPLE, METRICS, OWNERSHIP, STRATEGY)


@pytest.fixture
def cast(site_database: Database, clock: SettableClock) -> Cast:
    """The cast, with three weeks seen, one of them corrected a month later, and a target."""
    with site_database.write() as session:
        made = build_cast(session, now=clock())
        series = made.series["win-rate"]
        told = [
            ObservationDraft(series, MONDAY + number * WEEK, value, recorded_at=MONDAY + (number + 1) * WEEK)
            for number, value in enumerate((0.41, 0.42, 0.43))
        ]
        record_observations(session, told, now=clock())
        late = datetime(2026, 2, 20, tzinfo=UTC)
        record_observations(session, [ObservationDraft(series, MONDAY, 0.99, recorded_at=late)], now=clock())
        record_targets(session, [TargetDraft(series, MONDAY, 0.5)], now=clock())
    return made


@pytest.fixture
def viewer(signed_in: SignIn, cast: Cast) -> Visitor:
    """Somebody who may look at everything."""
    return signed_in(Role.VIEWER)


def ids(site_database: Database, cast: Cast, key: str) -> tuple[str, str]:
    with site_database.read() as session:
        metric = session.get_one(Metric, cast.metrics[key])
        return metric.public_id, session.get_one(Series, cast.series[key]).public_id


def read(answer: TestResponse) -> Any:  # noqa: ANN401  # JSON
    assert answer.status_code == 200, answer.text
    return answer.json


def values(answer: TestResponse) -> list[float | None]:
    return [item["value"] for item in read(answer)["items"]]


def test_the_list_shows_the_last_value_of_each_series(viewer: Visitor) -> None:
    page = viewer.get("/metric").text
    assert "Win rate" in page
    assert "0.43" in page
    assert "nothing seen yet" in page


def test_a_reader_sees_only_what_is_measured_where_they_are_granted(
    site_database: Database, cast: Cast, signed_in: SignIn
) -> None:
    outsider = signed_in(Role.VIEWER, cast.org_units["support"])
    assert "Win rate" not in outsider.get("/metric").text
    metric, series = ids(site_database, cast, "win-rate")
    assert outsider.get(f"/metric/{metric}").status_code == 404
    assert outsider.get(f"/api/v1/metrics/{metric}").status_code == 404
    assert outsider.get(f"/api/v1/series/{series}/observations").status_code == 404
    assert [one["key"] for one in read(outsider.get("/api/v1/metrics"))["items"]] == ["backlog"]


def test_the_page_of_a_metric_shows_every_version(site_database: Database, cast: Cast, viewer: Visitor) -> None:
    page = viewer.get(f"/metric/{ids(site_database, cast, 'win-rate')[0]}").text
    assert "What sales means by win-rate." in page
    for value in ("0.99", "0.41", "0.42", "0.43"):
        assert f"<td>{value}</td>" in page
    assert "data-chart=" in page
    assert "Target" in page


def test_the_page_shows_what_was_known_on_a_day(site_database: Database, cast: Cast, viewer: Visitor) -> None:
    address = f"/metric/{ids(site_database, cast, 'win-rate')[0]}"
    in_january = viewer.get(f"{address}?known_on=2026-01-31").text
    assert "0.99" not in in_january
    assert "<td>0.41</td>" in in_january
    assert "Nothing was known on that day" in viewer.get(f"{address}?known_on=2025-12-31").text


def test_a_day_that_is_none_is_refused_with_the_remedy(site_database: Database, cast: Cast, viewer: Visitor) -> None:
    answer = viewer.get(f"/metric/{ids(site_database, cast, 'win-rate')[0]}?known_on=yesterday")
    assert answer.status_code == 422
    assert "2026-03-31" in answer.text


def test_the_page_says_who_answers(site_database: Database, cast: Cast, viewer: Visitor, clock: SettableClock) -> None:
    metric, series = ids(site_database, cast, "win-rate")
    with site_database.write() as session:
        assign(
            session,
            SubjectKind.SERIES,
            series,
            Duty.OWNER,
            cast.persons["ada"],
            starts_at=MONDAY,
            by="system:tests",
            now=clock(),
        )
    page = viewer.get(f"/metric/{metric}").text
    assert "<td>Ada</td>" in page
    assert "nobody" in page


def test_what_people_wrote_is_shown_and_not_run(
    site_database: Database, cast: Cast, viewer: Visitor, clock: SettableClock
) -> None:
    with site_database.write() as session:
        draft = MetricDraft(key="x", name="<script>alert(1)</script>", org_unit_id=cast.org_units["sales"])
        metric = define_metric(session, draft, by="system:tests", now=clock()).public_id
    page = viewer.get(f"/metric/{metric}").text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page


def test_the_api_answers_as_it_was_known(site_database: Database, cast: Cast, viewer: Visitor) -> None:
    address = f"/api/v1/series/{ids(site_database, cast, 'win-rate')[1]}/observations"
    assert values(viewer.get(address)) == [0.99, 0.42, 0.43]
    assert values(viewer.get(f"{address}?known_on=2026-02-01T00:00:00Z")) == [0.41, 0.42, 0.43]
    assert values(viewer.get(f"{address}?known_on=2026-01-13T00:00:00Z")) == [0.41]


def test_the_api_pages_through_periods(site_database: Database, cast: Cast, viewer: Visitor) -> None:
    address = f"/api/v1/series/{ids(site_database, cast, 'win-rate')[1]}/observations?limit=2"
    first = viewer.get(address)
    assert values(first) == [0.99, 0.42]
    second = viewer.get(f"{address}&cursor={read(first)['next_cursor']}")
    assert values(second) == [0.43]
    assert read(second)["next_cursor"] is None


def test_the_api_gives_targets_and_definitions(site_database: Database, cast: Cast, viewer: Visitor) -> None:
    metric, series = ids(site_database, cast, "win-rate")
    targets = read(viewer.get(f"/api/v1/series/{series}/targets"))["items"]
    assert [(item["target"], item["recorded_imputed"]) for item in targets] == [(0.5, True)]
    details = read(viewer.get(f"/api/v1/metrics/{metric}"))
    assert details["definitions"][0]["wording"] == "What sales means by win-rate."
    assert read(viewer.get(f"/api/v1/metrics/{metric}?known_on=2026-01-01T00:00:00Z"))["definitions"] == []
    listed = read(viewer.get(f"/api/v1/series?metric={metric}"))["items"]
    assert [item["id"] for item in listed] == [series]
    assert read(viewer.get(f"/api/v1/series/{series}")) == listed[0]


def test_a_query_that_is_not_known_is_refused(viewer: Visitor) -> None:
    assert viewer.get("/api/v1/metrics?colour=blue").status_code == 422
    assert viewer.get("/api/v1/series/ser_x/observations?known_on=monday").status_code in (404, 422)


def test_who_may_not_read_metrics_is_refused(signed_in: SignIn, with_token: SignIn, cast: Cast) -> None:
    assert signed_in().get("/metric").status_code == 403
    program = with_token(Role.VIEWER, [Permission.STRATEGY_READ])
    assert program.get("/api/v1/metrics").status_code == 403


def test_a_period_is_called_by_its_day_in_its_own_calendar(
    site_database: Database, cast: Cast, viewer: Visitor, clock: SettableClock
) -> None:
    """A month in Berlin begins the evening before in UTC, where this reader lives; it is still that month."""
    from zoneinfo import ZoneInfo

    with site_database.write() as session:
        january = datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
        record_observations(session, [ObservationDraft(cast.series["backlog"], january, 12)], now=clock())
    page = viewer.get(f"/metric/{ids(site_database, cast, 'backlog')[0]}").text
    assert '<td><time datetime="2026-01-01">1 Jan 2026</time></td>' in page
    assert "1 Jan 2026" in viewer.get("/metric").text
