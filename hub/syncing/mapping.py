"""What a mapping says: which records are observations, of which series, in which columns."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.sdk.protocol import Stream
from hub.core.errors import InvalidInputError
from hub.metrics.models import Direction, Kind

Role = Literal[
    "metric",
    "period_start",
    "period_end",
    "value",
    "numerator",
    "denominator",
    "recorded_at",
    "reported_by",
    "note",
    "org_unit",
    "segment",
]
NEEDED: tuple[Role, ...] = ("metric", "period_start", "value")
PERSON_COLUMNS = frozenset({"actor", "reported_by", "set_by", "assignee"})
"""Columns that the people's data mode applies to; roles that work is routed by are not among them."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Traits(_Part):
    """What is said of a metric and its series when it is first met; later it is changed in the dictionary."""

    name: str | None = Field(default=None, max_length=200)
    unit: str = Field(default="", max_length=40)
    kind: Kind = Kind.MEASURE
    direction: Direction = Direction.NONE
    self_reported: bool = False
    definition: str = ""
    cadence: str | None = Field(default=None, description="None = read off the first periods")
    latency: str = Field(default="", description="freshness promise, such as 3d or 2bd")


class LongLayout(_Part):
    """One record is one observation."""

    layout: Literal["long"] = "long"
    columns: dict[Role, str] = Field(
        default_factory=dict, description="role -> column, if named otherwise; a.b = b inside a"
    )
    metric: str | None = Field(default=None, description="the metric of all rows, where no column names one")
    traits: Traits = Traits()
    metrics: dict[str, Traits] = Field(default_factory=dict, description="metric as the rows name it -> its traits")

    def column(self, role: Role) -> str:
        """Name the column that has a role."""
        return self.columns.get(role, role)

    def read(self, data: Dict[str, Any], role: Role) -> Any:  # noqa: ANN401  # a cell
        """Give what a record says in a role; None where it says nothing."""
        if role == "metric" and self.metric is not None:
            return self.metric
        cell: Any = data
        for name in self.column(role).split("."):
            cell = cell.get(name) if isinstance(cell, dict) else None
        return cell

    def traits_of(self, metric: str) -> Traits:
        """Give what is said of a metric."""
        return self.metrics.get(metric, self.traits)


class Mapping(_Part):
    """What becomes of a connection's records."""

    streams: dict[str, LongLayout] = Field(default_factory=dict)

    def layout_of(self, stream: Stream) -> LongLayout | None:
        """Give the layout of a stream; one that is not mapped is read as observations if its columns say so."""
        if stream.name in self.streams:
            return self.streams[stream.name]
        columns: Any = stream.json_schema.get("properties", {})
        return LongLayout() if all(name in columns for name in NEEDED) else None

    def person_columns(self, stream: str) -> frozenset[str]:
        """Name the columns of a stream that hold people."""
        layout = self.streams.get(stream)
        return PERSON_COLUMNS | (
            {layout.columns["reported_by"]} if layout and "reported_by" in layout.columns else set()
        )


def read_mapping(body: Dict[str, Any]) -> Mapping:
    """Check a mapping; an error names the entry."""
    try:
        return Mapping.model_validate(body)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        raise InvalidInputError(f"mapping.{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
