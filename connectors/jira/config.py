"""What an admin writes to connect a Jira site."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, SecretStr, field_validator, model_validator

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
