"""What an admin writes to connect a Jira site."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, JsonValue, SecretStr, field_validator, model_validator

from connectors.jira import jql
from connectors.sdk.protocol import ConnectorConfig

GATEWAY = "https://api.atlassian.com/ex/jira"
"""Where scoped tokens are answered; at the site's own address they get 401 (CLOUD-12617)."""

ProjectKey = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=255)]


class Deployment(StrEnum):
    """Which Jira it is; `auto` asks the site, because an address does not tell."""

    AUTO = "auto"
    CLOUD = "cloud"
    DATA_CENTER = "data_center"


class ApiToken(ConnectorConfig):
    """An API token of an Atlassian account (Cloud)."""

    kind: Literal["api_token"]
    email: str
    token: SecretStr


class PersonalAccessToken(ConnectorConfig):
    """A personal access token (Data Center)."""

    kind: Literal["pat"]
    token: SecretStr


class ScopedToken(ConnectorConfig):
    """An API token with scopes, the only kind that service accounts have (Cloud)."""

    kind: Literal["scoped_token"]
    email: str
    token: SecretStr
    cloud_id: str = Field(pattern=r"^[A-Za-z0-9-]+$", description="shown at https://SITE/_edge/tenant_info")


Auth = Annotated[ApiToken | PersonalAccessToken | ScopedToken, Field(discriminator="kind")]


class Tickets(ConnectorConfig):
    """Where tickets are made."""

    project: ProjectKey
    issue_type: str = Field(default="Task", description="name or id")
    security_level: str | None = Field(
        default=None,
        description="name or id of the level for private tickets; without one, private tickets are refused",
    )


class PlanKind(StrEnum):
    """What an issue stands for in a plan."""

    OBJECTIVE = "objective"
    KEY_RESULT = "key_result"
    INITIATIVE = "initiative"


FieldId = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]


class PlanItem(ConnectorConfig):
    """Which issues are objectives, key results or initiatives, and in which of their fields what stands."""

    kind: PlanKind
    issue_type: str = Field(description="name or id")
    project: ProjectKey | None = Field(default=None, description="None = all that are read")
    label: str | None = Field(default=None, description="only issues with this label")
    parent: FieldId = Field(default="parent", description="field that holds the issue above")
    due: FieldId = "duedate"
    start: FieldId | None = Field(default=None, description="field of the value at the start")
    target: FieldId | None = None
    current: FieldId | None = Field(default=None, description="field of the present value: a check-in by field")
    confidence: FieldId | None = None
    unit: FieldId | None = None

    @property
    def fields(self) -> frozenset[str]:
        """Name the fields that are read."""
        named = (self.parent, self.due, self.start, self.target, self.current, self.confidence, self.unit)
        return frozenset(name for name in named if name is not None)


class MetricKind(StrEnum):
    """What a metric makes of the issues that a query finds."""

    COUNT = "count"
    SUM = "sum"
    RATIO = "ratio"
    THROUGHPUT = "throughput"
    CYCLE_TIME = "cycle_time"
    ITEM_AGE = "item_age"
    REOPEN_RATE = "reopen_rate"


class Cadence(StrEnum):
    """How long a period is; weeks begin on Monday."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class DatedBy(StrEnum):
    """What puts an issue into a period, where a metric counts or adds up."""

    CREATED = "created"
    RESOLVED = "resolved"


class JqlMetric(ConnectorConfig):
    """A metric that is worked out of issues."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^|]+$")
    kind: MetricKind
    jql: str = Field(description="condition that issues have to meet, without ORDER BY")
    of: str | None = Field(default=None, description="ratio: condition of what it is a part of")
    field: FieldId | None = Field(default=None, description="sum: the field that is added up")
    dated_by: DatedBy = Field(default=DatedBy.CREATED, description="count, sum, ratio: what puts an issue in a period")
    percentile: int = Field(default=85, ge=1, le=100, description="cycle_time, item_age: nearest rank, in working days")
    cadence: Cadence = Cadence.WEEKLY
    since: date = Field(description="first day of the first period")
    zone: str = Field(default="UTC", description="IANA zone in which days begin")
    workdays: frozenset[Annotated[int, Field(ge=1, le=7)]] = Field(
        default=frozenset({1, 2, 3, 4, 5}), min_length=1, description="1 = Monday"
    )
    holidays: frozenset[date] = frozenset()
    org_unit: str | None = None
    segment: str | None = None

    @field_validator("jql", "of")
    @classmethod
    def _condition(cls, value: str | None) -> str | None:
        return None if value is None else jql.condition(value)

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("write an IANA zone, for example Europe/Berlin") from None
        return value

    @model_validator(mode="after")
    def _whole(self) -> JqlMetric:
        if (self.kind is MetricKind.RATIO) is (self.of is None):
            raise ValueError("`of` belongs to a ratio, and a ratio needs it")
        if (self.kind is MetricKind.SUM) is (self.field is None):
            raise ValueError("`field` belongs to a sum, and a sum needs it")
        begins = {Cadence.WEEKLY: self.since.weekday() == 0, Cadence.MONTHLY: self.since.day == 1}
        if not begins.get(self.cadence, True):
            raise ValueError("`since` has to be the first day of a period: a Monday, the first of a month")
        return self


class JiraConfig(ConnectorConfig):
    """A Jira connection."""

    base_url: str = Field(description="address of the site, as people open it")
    auth: Auth
    projects: tuple[ProjectKey, ...] = Field(default=(), description="projects whose issues are read")
    deployment: Deployment = Deployment.AUTO
    webhook_secret: tuple[SecretStr, ...] = Field(
        default=(), max_length=2, description="one secret, or two during a rotation"
    )
    fields: Literal["mapped", "all"] = Field(
        default="mapped", description="mapped: the common fields and those the mapping names"
    )
    mapping: dict[str, JsonValue] = Field(default_factory=dict, description="read by the hub, not by the connector")
    plan: tuple[PlanItem, ...] = Field(
        default=(), description="issues that are objectives, key results, initiatives; the first entry that fits counts"
    )
    metrics: tuple[JqlMetric, ...] = Field(default=(), description="numbers that are worked out of issues")
    tickets: Tickets | None = None

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", value):
            raise ValueError("write the address of the site, for example https://example.atlassian.net")
        return value.rstrip("/")

    @field_validator("webhook_secret", mode="before")
    @classmethod
    def _secrets(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file holds; pydantic checks it next
        return (value,) if isinstance(value, str | SecretStr) else () if value is None else value

    @field_validator("metrics")
    @classmethod
    def _told_apart(cls, value: tuple[JqlMetric, ...]) -> tuple[JqlMetric, ...]:
        if len({metric.name for metric in value}) < len(value):
            raise ValueError("two metrics have one name")
        return value

    @model_validator(mode="after")
    def _something_to_do(self) -> JiraConfig:
        if not self.projects and self.tickets is None:
            raise ValueError("name at least one of `projects` (to read) and `tickets` (to write)")
        return self

    @property
    def api_url(self) -> str:
        """Where the API is, which for scoped tokens is not where people look."""
        return f"{GATEWAY}/{self.auth.cloud_id}" if isinstance(self.auth, ScopedToken) else self.base_url

    @property
    def scope(self) -> tuple[str, ...]:
        """Projects whose issues this connection sees: those it reads, and the one its tickets live in."""
        tickets = (self.tickets.project,) if self.tickets else ()
        return tuple(dict.fromkeys((*self.projects, *tickets)))
