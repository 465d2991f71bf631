"""Metrics, series, observations and targets for programs; all of it as it was known on any day."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, TypeVar

from apiflask import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy import or_, select

from hub.core.access import Permission, find_visible, visible
from hub.core.errors import NotFoundError
from hub.core.paging import PageQuery, read_page
from hub.metrics.models import Definition, Direction, Indicator, Kind, Metric, Observation, Series, Status, Target
from hub.metrics.service import Founding, Pushed, definitions_as_of, newest_versions, push_observations
from hub.people.models import OrgUnit
from hub.web.inputs import Input, Instant, Line, Number, Reference
from hub.web.requests import principal, requires, session, state

api = APIBlueprint("metrics_api", __name__, tag="Metrics")
Row = TypeVar("Row", Observation, Target)
MOST_PUSHED = 10_000
"""Observations in one request: some seconds of one transaction."""


class KnownQuery(Input):
    """As of when."""

    known_on: Instant | None = Field(default=None, description="As it was known at this instant; left out: now.")


class KnownPageQuery(PageQuery):
    """A page, as of when."""

    known_on: Instant | None = Field(default=None, description="As it was known at this instant; left out: now.")


class SeriesQuery(PageQuery):
    """Which series to list."""

    metric: Reference | None = Field(default=None, description="Only series of the metric with this id.")


class DefinitionOut(BaseModel):
    """What a metric meant from an instant on."""

    version: int
    wording: str
    formula: str
    reason: str
    starts_at: datetime
    recorded_at: datetime


class MetricOut(BaseModel):
    """A metric."""

    id: str
    key: str
    name: str
    unit: str = Field(description="Unit of measurement.")
    kind: Kind
    direction: Direction = Field(description="Which way is good.")
    indicator: Indicator | None
    cutoffs: list[float] = Field(description="Values at which something depends.")
    self_reported: bool
    incentive: bool
    status: Status


class MetricDetails(MetricOut):
    """A metric with what it means."""

    definitions: list[DefinitionOut] = Field(description="Newest first.")


class MetricPage(BaseModel):
    """One page of metrics."""

    items: list[MetricOut]
    next_cursor: str | None


class SeriesOut(BaseModel):
    """A series."""

    id: str
    key: str
    metric_id: str
    segment: str
    cadence: str
    latency: str = Field(description="How long after a period's end its value is promised, such as 3d or 2bd.")
    function: str
    status: Status


class SeriesPage(BaseModel):
    """One page of series."""

    items: list[SeriesOut]
    next_cursor: str | None


class ObservationOut(BaseModel):
    """What was seen in one period, by the newest version that was known then. No value = it was withdrawn."""

    period_start: datetime
    period_end: datetime = Field(description="The first instant after the period.")
    value: float | None
    numerator: float | None
    denominator: float | None
    recorded_at: datetime = Field(description="When it could be known.")
    recorded_imputed: bool = Field(description="recorded_at is only period end plus promise.")
    ingested_at: datetime = Field(description="When it came in here.")
    reported_by: str | None
    source: str | None
    note: str | None


class ObservationPage(BaseModel):
    """One page of observations, oldest period first."""

    items: list[ObservationOut]
    next_cursor: str | None


class TargetOut(BaseModel):
    """What was wanted of one period, by the newest version that was known then."""

    period_start: datetime
    period_end: datetime
    target: float | None
    threshold: float | None
    stretch: float | None
    recorded_at: datetime
    recorded_imputed: bool
    set_by: str | None
    reason: str | None


class TargetPage(BaseModel):
    """One page of targets, oldest period first."""

    items: list[TargetOut]
    next_cursor: str | None


class FoundingIn(Input):
    """What to make of series that are not there yet; each becomes a metric of the same key."""

    org_unit: Reference = Field(description="Id or key of the org unit that owns them.")
    cadence: Line = Field(description="hourly to yearly, irregular, or an ISO 8601 duration such as PT5M.")
    unit: str = Field(default="", max_length=40, description="Unit of measurement.")
    latency: str = Field(default="", max_length=20, description="How long after a period's end a value is promised.")


class PushedIn(Input):
    """What was seen in one period. Dates and instants are read in the calendar of the series.

    It counts as known from now on: whoever is measured must not be able to say that it was known before.
    """

    series: Annotated[str, Field(min_length=1, max_length=120)] = Field(description="Id or key.")
    period_start: Line
    period_end: Line | None = Field(default=None, description="A date is its last day; not needed with a cadence.")
    value: Number | None = Field(description="null: the value is withdrawn.")
    numerator: Number | None = None
    denominator: Number | None = None
    note: Annotated[str, Field(max_length=2000)] | None = None


class PushIn(Input):
    """Observations, at most 10,000 at once."""

    observations: list[PushedIn] = Field(min_length=1, max_length=MOST_PUSHED)
    define: FoundingIn | None = Field(default=None, description="Left out: every series must be there already.")


class RefusalOut(BaseModel):
    """An observation that was not recorded."""

    index: int = Field(description="Its place in the request, from 0.")
    field: str
    reason: str
    remedy: str


class PushOut(BaseModel):
    """What became of a push. Pushing the same again adds nothing."""

    created: int
    unchanged: int
    refused: list[RefusalOut]


@api.get("/metrics")
@requires(Permission.METRICS_READ)
@api.input(PageQuery, location="query")
@api.output(MetricPage)
def list_metrics(query_data: PageQuery) -> MetricPage:
    """List the metrics that you may see."""
    page = read_page(session(), visible(select(Metric), principal(), Metric), by=(Metric.id,), query=query_data)
    return MetricPage(items=[MetricOut(**_shown(metric)) for metric in page.items], next_cursor=page.next_cursor)


@api.get("/metrics/<metric_id>")
@requires(Permission.METRICS_READ)
@api.input(KnownQuery, location="query")
@api.output(MetricDetails)
def get_metric(metric_id: str, query_data: KnownQuery) -> MetricDetails:
    """Give one metric with its definitions."""
    metric = find_visible(session(), principal(), Metric, metric_id)
    definitions = definitions_as_of(session(), metric.id, query_data.known_on)
    return MetricDetails(**_shown(metric), definitions=[_definition(one) for one in definitions])


@api.get("/series")
@requires(Permission.METRICS_READ)
@api.input(SeriesQuery, location="query")
@api.output(SeriesPage)
def list_series(query_data: SeriesQuery) -> SeriesPage:
    """List the series that you may see."""
    statement = visible(select(Series), principal(), Series)
    if query_data.metric is not None:
        metric = find_visible(session(), principal(), Metric, query_data.metric)
        statement = statement.where(Series.metric_id == metric.id)
    page = read_page(session(), statement, by=(Series.id,), query=query_data)
    metrics = {metric.id: metric.public_id for metric in _metrics_of(page.items)}
    items = [_series(one, metrics[one.metric_id]) for one in page.items]
    return SeriesPage(items=items, next_cursor=page.next_cursor)


@api.get("/series/<series_id>")
@requires(Permission.METRICS_READ)
@api.output(SeriesOut)
def get_series(series_id: str) -> SeriesOut:
    """Give one series."""
    series = find_visible(session(), principal(), Series, series_id)
    return _series(series, session().get_one(Metric, series.metric_id).public_id)


@api.get("/series/<series_id>/observations")
@requires(Permission.METRICS_READ)
@api.input(KnownPageQuery, location="query")
@api.output(ObservationPage)
def list_observations(series_id: str, query_data: KnownPageQuery) -> ObservationPage:
    """List what was seen, one row a period, as it was known at an instant."""
    rows, cursor = _read_versions(Observation, series_id, query_data)
    shown = [ObservationOut.model_validate(row, from_attributes=True) for row in rows]
    return ObservationPage(items=shown, next_cursor=cursor)


@api.post("/observations:batch")
@requires(Permission.METRICS_WRITE)
@api.input(PushIn)
@api.output(PushOut)
def push(json_data: PushIn) -> PushOut:
    """Record observations; what cannot be used is given back with the reason, the rest is kept."""
    founding = None
    if json_data.define is not None:
        said = json_data.define.model_dump(exclude={"org_unit"})
        founding = Founding(org_unit_id=_unit_id(json_data.define.org_unit), **said)
    items = [Pushed(**one.model_dump()) for one in json_data.observations]
    taken = push_observations(session(), items, founding=founding, principal=principal(), now=state().clock())
    return PushOut(
        created=taken.recorded.created,
        unchanged=taken.recorded.unchanged,
        refused=[RefusalOut(**asdict(one)) for one in taken.refused],
    )


@api.get("/series/<series_id>/targets")
@requires(Permission.METRICS_READ)
@api.input(KnownPageQuery, location="query")
@api.output(TargetPage)
def list_targets(series_id: str, query_data: KnownPageQuery) -> TargetPage:
    """List what was wanted, one row a period, as it was known at an instant."""
    rows, cursor = _read_versions(Target, series_id, query_data)
    return TargetPage(items=[TargetOut.model_validate(row, from_attributes=True) for row in rows], next_cursor=cursor)


def _unit_id(name: str) -> int:
    """Find an org unit by id or key, where the caller may write metrics."""
    named = select(OrgUnit).where(or_(OrgUnit.public_id == name, OrgUnit.key == name))
    unit = session().scalars(visible(named, principal(), OrgUnit)).one_or_none()
    if unit is None:
        raise NotFoundError(f"There is no org unit {name!r} here in which you may write metrics.")
    return unit.id


def _read_versions(model: type[Row], series_id: str, query: KnownPageQuery) -> tuple[list[Row], str | None]:
    series = find_visible(session(), principal(), Series, series_id)
    newest = newest_versions(model, series.id, query.known_on)
    page = read_page(session(), select(newest), by=(newest.period_start,), query=query)
    return page.items, page.next_cursor


def _metrics_of(series: list[Series]) -> list[Metric]:
    ids = {one.metric_id for one in series}
    return list(session().scalars(select(Metric).where(Metric.id.in_(ids))))


def _shown(metric: Metric) -> dict[str, object]:
    names = MetricOut.model_fields.keys() - {"id"}
    return {"id": metric.public_id} | {name: getattr(metric, name) for name in names}


def _definition(definition: Definition) -> DefinitionOut:
    return DefinitionOut.model_validate(definition, from_attributes=True)


def _series(series: Series, metric_id: str) -> SeriesOut:
    names = SeriesOut.model_fields.keys() - {"id", "metric_id"}
    said = {name: getattr(series, name) for name in names}
    return SeriesOut(id=series.public_id, metric_id=metric_id, **said)
