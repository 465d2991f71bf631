"""The ledger: what is measured, what it means, what was seen and wanted, and since when each of it was known."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.access import Owned
from hub.core.database import Base, Id, PublicId, Ref
from hub.core.inventory import Inventory

KEPT = "as long as the metric: past periods are compared with"


class Kind(StrEnum):
    """What sort of number a metric is: it decides which chances and aggregations apply."""

    COUNT = "count"
    RATIO = "ratio"
    MEASURE = "measure"
    SCORE = "score"


class Direction(StrEnum):
    """Which way is good."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


class Indicator(StrEnum):
    """Whether a metric moves before the result or tells the result."""

    LEADING = "leading"
    LAGGING = "lagging"


class Status(StrEnum):
    """Whether a metric or a series is in use. Retired ones keep their past and expect no reports."""

    ACTIVE = "active"
    RETIRED = "retired"


class Calendar(Base):
    """Where and on which days a series lives: periods and business days are computed in its zone."""

    __tablename__ = "calendar"
    __inventory__ = Inventory(
        purpose="Zones, working days and holidays in which periods are computed.",
        retention="until nothing uses it",
        seen_by="metrics.read",
        plain=("key", "name", "zone", "working_days", "country", "subdivision", "days_off"),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    zone: Mapped[str] = mapped_column(String(60))
    working_days: Mapped[list[Any]]
    """Numbers of the days people work on, Monday = 0."""
    country: Mapped[str] = mapped_column(String(2), default="")
    """ISO 3166 code whose public holidays are days off; empty = none."""
    subdivision: Mapped[str] = mapped_column(String(10), default="")
    days_off: Mapped[list[Any]]
    """Further days off, ISO dates."""
    week_start: Mapped[int] = mapped_column(default=0)
    year_start: Mapped[int] = mapped_column(default=1)


class Metric(Base, Owned):
    """A dictionary entry: one name for one quantity. What it means in words is in its definitions."""

    __tablename__ = "metric"
    __inventory__ = Inventory(
        purpose="What is measured.", retention=KEPT, seen_by="metrics.read", plain=("key", "name", "unit", "cutoffs")
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    unit: Mapped[str] = mapped_column(String(40), default="")
    """Unit of measurement."""
    kind: Mapped[Kind] = mapped_column(String(10))
    direction: Mapped[Direction] = mapped_column(String(10))
    indicator: Mapped[Indicator | None] = mapped_column(String(10))
    cutoffs: Mapped[list[Any]]
    """Values at which something depends: pass mark, SLA, bonus."""
    self_reported: Mapped[bool] = mapped_column(default=False)
    incentive: Mapped[bool] = mapped_column(default=False)
    """Pay or a bonus depends on it."""
    status: Mapped[Status] = mapped_column(String(10), default=Status.ACTIVE)
    created_at: Mapped[datetime]


class Definition(Base):
    """What a metric meant from `starts_at` on, as known since `recorded_at`; a new wording is a new row."""

    __tablename__ = "definition"
    __inventory__ = Inventory(
        purpose="What a metric meant, and when that was said.",
        retention=KEPT,
        seen_by="metrics.read",
        plain=("wording", "formula"),
        personal={
            "set_by": "who answers for the wording, as the people's data mode left the name",
            "reason": "why it changed, in words which may name people",
        },
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    metric_id: Mapped[int] = mapped_column(Ref, ForeignKey("metric.id"))
    version: Mapped[int]
    wording: Mapped[str] = mapped_column(Text)
    formula: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    set_by: Mapped[str | None] = mapped_column(String(80))
    """Pseudonym or name of whoever set it, as the people's data mode was when it came in."""
    starts_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_imputed: Mapped[bool] = mapped_column(default=False)
    ingested_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("metric_id", "version"),)


class Series(Base, Owned):
    """Metric x org unit [x segment]: what observations, targets, owner, steward and freshness hang on."""

    __tablename__ = "series"
    __inventory__ = Inventory(
        purpose="Where and how often a metric is measured.",
        retention=KEPT,
        seen_by="metrics.read",
        plain=("key", "segment", "cadence", "latency", "validation_policy", "function", "peers"),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    key: Mapped[str] = mapped_column(String(120), unique=True)
    metric_id: Mapped[int] = mapped_column(Ref, ForeignKey("metric.id"))
    segment: Mapped[str] = mapped_column(String(120), default="")
    cadence: Mapped[str] = mapped_column(String(20))
    """hourly to yearly, irregular, or an ISO 8601 duration such as PT5M."""
    calendar_id: Mapped[int] = mapped_column(Ref, ForeignKey("calendar.id"))
    latency: Mapped[str] = mapped_column(String(20), default="")
    """Freshness promise: how long after a period's end its value is there, such as 3d or 2bd."""
    since: Mapped[datetime | None]
    """When measuring began or should have begun."""
    validation_policy: Mapped[dict[str, Any]]
    function: Mapped[str] = mapped_column(String(40), default="")
    guardrail_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("series.id"))
    """The series that must not suffer while this one improves."""
    system_of_record_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("series.id"))
    """The series that holds the same quantity from a system."""
    peers: Mapped[str] = mapped_column(String(80), default="")
    connection_id: Mapped[int | None] = mapped_column(Ref, ForeignKey("connection.id"))
    """The connection that feeds it; none where people report by hand."""
    status: Mapped[Status] = mapped_column(String(10), default=Status.ACTIVE)
    created_at: Mapped[datetime]
    first_ingested_at: Mapped[datetime | None]
    """When the ledger first heard of it: what ended before that may have its recorded_at imputed."""

    __table_args__ = (
        UniqueConstraint("metric_id", "org_unit_id", "segment"),
        Index("ix_series_connection_id", "connection_id"),
    )


class Observation(Base):
    """One version of what was seen in one period. Never updated; no value = the value was withdrawn."""

    __tablename__ = "observation"
    __inventory__ = Inventory(
        purpose="What was seen, in every version that was ever known.",
        retention=KEPT,
        seen_by="metrics.read",
        plain=("source",),
        personal={
            "reported_by": "whom to ask about a value, as the people's data mode left the name; never counted",
            "note": "words of whoever reported the value, which may name people",
        },
    )

    id: Mapped[Id]
    series_id: Mapped[int] = mapped_column(Ref, ForeignKey("series.id"))
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    value: Mapped[float | None] = mapped_column(Float(53))
    numerator: Mapped[float | None] = mapped_column(Float(53))
    denominator: Mapped[float | None] = mapped_column(Float(53))
    recorded_at: Mapped[datetime]
    recorded_imputed: Mapped[bool] = mapped_column(default=False)
    ingested_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    """When it left quarantine; it counts as recorded from then on."""
    reported_by: Mapped[str | None] = mapped_column(String(80))
    source: Mapped[str | None] = mapped_column(String(200))
    """Public id of the record it was read from, or where people gave it."""
    note: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_observation_version", "series_id", "period_start", "recorded_at"),)


class Target(Base):
    """One version of what was wanted of one period; a revision is a new row with its reason."""

    __tablename__ = "target"
    __inventory__ = Inventory(
        purpose="What was wanted, in every version that was ever known.",
        retention=KEPT,
        seen_by="metrics.read",
        personal={
            "set_by": "who answers for the target, as the people's data mode left the name",
            "reason": "why a target was revised, in words which may name people",
        },
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    series_id: Mapped[int] = mapped_column(Ref, ForeignKey("series.id"))
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    target: Mapped[float | None] = mapped_column(Float(53))
    threshold: Mapped[float | None] = mapped_column(Float(53))
    stretch: Mapped[float | None] = mapped_column(Float(53))
    set_by: Mapped[str | None] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    recorded_imputed: Mapped[bool] = mapped_column(default=False)
    ingested_at: Mapped[datetime]

    __table_args__ = (Index("ix_target_version", "series_id", "period_start", "recorded_at"),)


class SeriesColumn(Base):
    """All versions of one stretch of a series as contiguous columns: derived, rebuildable at will, never the truth.

    Each column holds `rows` little-endian numbers, sorted by period and recorded_at: instants as int64 microseconds,
    values as float64 (NaN = unknown), flags as bytes; an empty one says *all unknown*. Daily and slower series fit into
    one stretch; of a fast one an append rewrites only the last.
    """

    __tablename__ = "series_column"
    __inventory__ = Inventory(
        purpose="The observations again, as columns that rules read quickly.",
        retention="as the observations it is derived from",
        seen_by="nobody: only rules read it",
        plain=("starts", "ends", "recorded", "imputed", "values", "numerators", "denominators"),
        personal={"texts": "reported_by and note of the observations"},
    )

    series_id: Mapped[int] = mapped_column(Ref, ForeignKey("series.id"), primary_key=True)
    stretch: Mapped[int] = mapped_column(Ref, primary_key=True)
    rows: Mapped[int]
    starts: Mapped[bytes]
    ends: Mapped[bytes]
    recorded: Mapped[bytes]
    imputed: Mapped[bytes]
    values: Mapped[bytes]
    numerators: Mapped[bytes]
    denominators: Mapped[bytes]
    texts: Mapped[bytes]
    """JSON of the columns reported_by, source and note, each as its distinct words and one index a row."""
