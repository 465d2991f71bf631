"""The cast: one small organisation that every test knows, and the clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TODAY = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
"""A Tuesday morning: where every test's clock starts."""


@dataclass
class SettableClock:
    """A clock that stands still until a test moves it."""

    now: datetime = TODAY

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def set(self, now: datetime) -> None:
        """Jump to an instant."""
        self.now = now

    def advance(self, **span: float) -> datetime:
        """Move on by a span given as for timedelta (`days=1`), and tell the new time."""
        self.now += timedelta(**span)
        return self.now


@dataclass(frozen=True)
class Cast:
    """Ids of the one organisation, by key: a company with two units, four persons, three metrics of one series each."""

    org_units: dict[str, int] = field(default_factory=dict)
    """acme, and under it sales and support."""
    persons: dict[str, int] = field(default_factory=dict)
    """ada and bo work in sales, cy in support, dee leads acme."""
    calendars: dict[str, int] = field(default_factory=dict)
    """default (UTC) and berlin."""
    metrics: dict[str, int] = field(default_factory=dict)
    """win-rate (sales, a ratio, up), calls (sales, a count, up), backlog (support, a count, down)."""
    series: dict[str, int] = field(default_factory=dict)
    """win-rate weekly with a promise of 3d, calls daily, backlog monthly in Berlin with a promise of 5d."""


def build_cast(session: Session, *, now: datetime) -> Cast:
    """Write the cast into an empty database."""
    cast = Cast()
    _add_people(session, cast)
    _add_metrics(session, cast, now)
    return cast


def _add_people(session: Session, cast: Cast) -> None:
    from hub.core.ids import new_public_id
    from hub.people.models import OrgUnit, Person

    for key, parent in (("acme", None), ("sales", "acme"), ("support", "acme")):
        unit = OrgUnit(
            public_id=new_public_id("org"),
            key=key,
            name=key.title(),
            parent_id=cast.org_units[parent] if parent else None,
            function=key if parent else None,
        )
        session.add(unit)
        session.flush()
        cast.org_units[key] = unit.id
    for key, org_unit in (("ada", "sales"), ("bo", "sales"), ("cy", "support"), ("dee", "acme")):
        person = Person(
            public_id=new_public_id("per"),
            key=key,
            name=key.title(),
            email=f"{key}@acme.example",
            org_unit_id=cast.org_units[org_unit],
            active=True,
        )
        session.add(person)
        session.flush()
        cast.persons[key] = person.id


def _add_metrics(session: Session, cast: Cast, now: datetime) -> None:
    from hub.metrics.models import Direction, Kind
    from hub.metrics.service import (
        CalendarDraft,
        MetricDraft,
        SeriesDraft,
        define_calendar,
        define_metric,
        define_series,
    )

    by = "system:tests"
    for key, zone in (("default", "UTC"), ("berlin", "Europe/Berlin")):
        cast.calendars[key] = define_calendar(session, CalendarDraft(key=key, zone=zone), by=by, now=now).id
    for key, org_unit, kind, direction, cadence, calendar, latency in (
        ("win-rate", "sales", Kind.RATIO, Direction.UP, "weekly", "default", "3d"),
        ("calls", "sales", Kind.COUNT, Direction.UP, "daily", "default", ""),
        ("backlog", "support", Kind.COUNT, Direction.DOWN, "monthly", "berlin", "5d"),
    ):
        home = cast.org_units[org_unit]
        metric = MetricDraft(
            key=key,
            name=key.replace("-", " ").capitalize(),
            org_unit_id=home,
            kind=kind,
            direction=direction,
            wording=f"What {org_unit} means by {key}.",
        )
        cast.metrics[key] = define_metric(session, metric, by=by, now=now).id
        series = SeriesDraft(
            key=key,
            metric_id=cast.metrics[key],
            org_unit_id=home,
            cadence=cadence,
            calendar_id=cast.calendars[calendar],
            latency=latency,
        )
        cast.series[key] = define_series(session, series, by=by, now=now).id
