"""Pages of metrics: the list, and one metric with what was seen, what was wanted, and since when it was known.

They live under /metric, because /metrics is where monitoring reads the figures of the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from flask import Blueprint, render_template, request
from sqlalchemy import select

from hub.core.access import Permission, find_visible, visible
from hub.core.errors import InvalidInputError
from hub.core.paging import PageQuery, read_page
from hub.metrics.calendars import period_name
from hub.metrics.latest import latest_of
from hub.metrics.models import Calendar, Metric, Observation, Series
from hub.metrics.service import definitions_as_of, observations_as_of, targets_as_of, versions_of
from hub.people.models import OrgUnit
from hub.web.charts import Line, LineChart
from hub.web.formats import zone as reader_zone
from hub.web.panels import panels_at
from hub.web.requests import principal, requires, session, state

pages = Blueprint("metrics", __name__, template_folder="templates")
Named = TypeVar("Named", Metric, OrgUnit)
MOST_VERSIONS = 200
"""Rows of the table of versions; the API has them all."""


@dataclass(frozen=True)
class SeriesView:
    """One series on the page of its metric."""

    series: Series
    org_unit: str
    chart: LineChart | None
    versions: list[tuple[date | datetime, Observation]]
    """What people call the period, and one version of what was seen in it."""
    further: int
    """Versions that the table leaves out."""


@pages.get("/metric")
@requires(Permission.METRICS_READ)
def index() -> str:
    """List the series that one may see, each with its last value."""
    query = PageQuery(cursor=request.args.get("cursor"))
    page = read_page(session(), visible(select(Series), principal(), Series), by=(Series.id,), query=query)
    metrics = _by_id(Metric, {series.metric_id for series in page.items})
    units = _by_id(OrgUnit, {series.org_unit_id for series in page.items})
    zones = {calendar.id: calendar.zone for calendar in session().scalars(select(Calendar))}
    last = latest_of(session(), [series.id for series in page.items], known_on=state().clock())
    periods = {
        series.id: period_name(zones[series.calendar_id], series.cadence, last[series.id].period_start)
        for series in page.items
        if series.id in last
    }
    return render_template("metrics/index.html", page=page, metrics=metrics, units=units, last=last, periods=periods)


@pages.get("/metric/<public_id>")
@requires(Permission.METRICS_READ)
def metric(public_id: str) -> str:
    """Show one metric: its meaning, and each of its series as it was known on a day."""
    found = find_visible(session(), principal(), Metric, public_id)
    day, known_on = _read_day(request.args.get("known_on"))
    mine = select(Series).where(Series.metric_id == found.id).order_by(Series.id)
    series = session().scalars(visible(mine, principal(), Series)).all()
    units = _by_id(OrgUnit, {one.org_unit_id for one in series})
    return render_template(
        "metrics/metric.html",
        metric=found,
        day=day,
        definitions=definitions_as_of(session(), found.id, known_on),
        views=[_view(found, one, units[one.org_unit_id].name, known_on) for one in series],
        panels=panels_at("metrics.metric", found, series),
    )


def _view(metric: Metric, series: Series, org_unit: str, known_on: datetime | None) -> SeriesView:
    versions = list(versions_of(session(), series.id, known_on))[::-1]
    zone = session().get_one(Calendar, series.calendar_id).zone
    return SeriesView(
        series=series,
        org_unit=org_unit,
        chart=_chart(metric, series, org_unit, known_on),
        versions=[(period_name(zone, series.cadence, row.period_start), row) for row in versions[:MOST_VERSIONS]],
        further=max(len(versions) - MOST_VERSIONS, 0),
    )


def _chart(metric: Metric, series: Series, org_unit: str, known_on: datetime | None) -> LineChart | None:
    seen = {row.period_start: row.value for row in observations_as_of(session(), series.id, known_on)}
    wanted = {row.period_start: row.target for row in targets_as_of(session(), series.id, known_on)}
    times = sorted(seen.keys() | wanted.keys())
    if not times:
        return None
    lines = [Line("Actual", [seen.get(at) for at in times])]
    if wanted:
        lines.append(Line("Target", [wanted.get(at) for at in times], role="target"))
    return LineChart(title=f"{metric.name}, {org_unit}", unit=metric.unit, times=times, lines=lines)


def _read_day(text: str | None) -> tuple[date | None, datetime | None]:
    """Read the day of the question *as we knew it on*: what was known by its end, in the reader's zone."""
    if not text:
        return None, None
    try:
        day = date.fromisoformat(text)
        following = day + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError("known_on: write the day as 2026-03-31") from error
    return day, datetime.combine(following, time.min, tzinfo=reader_zone()) - timedelta(microseconds=1)


def _by_id(model: type[Named], ids: set[int]) -> dict[int, Named]:
    return {row.id: row for row in session().scalars(select(model).where(model.id.in_(ids)))}
