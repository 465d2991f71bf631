"""The words of a rule file, and the subject that conditions speak about. A typo is an error, never a silent default."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from rules.durations import Duration

__all__ = [
    "Action",
    "Annotations",
    "Case",
    "Comment",
    "Duration",
    "Expected",
    "Limits",
    "Message",
    "Rule",
    "Scope",
    "Severity",
    "Stage",
    "Subject",
    "Ticket",
    "Webhook",
]

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
"""A fact inside an annotation: `{{age}}`."""
ENGINE_NAME = "plumbline-engine"
"""The name under which the engine reports on rules; no other rule may have it."""
NONE = Duration()
"""No waiting at all."""


class Strict(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """How much a finding matters where it holds."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Subject(Strict):
    """What a condition may ask about a subject, as `subject.field`; unknown texts are empty.

    A key result or objective is described by its own row and, for what only a series has, by the first series (in the
    order of ids) that measures it.
    """

    id: str = Field(description="unique key")
    kind: Literal["series", "key_result", "objective"] = Field(description="what kind of subject it is")
    title: str = Field(default="", description="what people call it")
    metric: str = Field(default="", description="the metric of the series")
    metric_kind: str = Field(default="", description="count, ratio, measure or score")
    unit: str = Field(default="", description="unit of measurement")
    direction: str = Field(default="", description="up, down or none: which way is good")
    cadence: str = Field(default="", description="hourly to yearly, irregular, or an ISO 8601 duration")
    calendar: str = Field(default="", description="name of its calendar")
    indicator: str = Field(default="", description="leading or lagging")
    function: str = Field(default="", description="sales, finance, ...")
    org_unit: str = Field(default="", description="org unit that it belongs to")
    org_path: tuple[str, ...] = Field(default=(), description="that org unit and all above it")
    level: str = Field(default="", description="level of an objective; key_result for key results")
    status: str = Field(default="", description="stated status")
    parent: str = Field(default="", description="the objective it serves")
    thresholds: tuple[float, ...] = Field(default=(), description="cutoffs: values at which something depends")
    has_owner: bool = Field(default=False, description="somebody answers for the result")
    has_steward: bool = Field(default=False, description="somebody answers for the data")
    has_promise: bool = Field(default=False, description="a freshness promise is declared")
    has_guardrail: bool = Field(default=False, description="a guardrail is declared")
    has_feed: bool = Field(default=False, description="a connection feeds it")
    self_reported: bool = Field(default=False, description="the number is the word of those it measures")
    incentive: bool = Field(default=False, description="pay or a bonus depends on it")
    retired: bool = Field(default=False, description="no longer in use")
    labels: dict[str, str] = Field(default_factory=dict, description='free words: subject.labels["tier"]')


class Scope(Strict):
    """Which subjects a rule asks about; `when` is a CEL condition over one `Subject`."""

    subject: Literal["series", "key_result", "objective"] = "series"
    when: str | None = Field(default=None, max_length=4000)


class Comment(Strict):
    """Write a comment where the work is."""

    type: Literal["comment"]
    on: Literal["linked_issue"]


class Ticket(Strict):
    """Open a ticket for whoever has to act."""

    type: Literal["ticket"]
    to: Literal["owner", "steward", "governance_lead"]
    due: Duration | None = None


class Message(Strict):
    """Send a message."""

    type: Literal["message"]
    to: Literal["owner", "steward", "governance_lead", "review_lead"]


class Webhook(Strict):
    """Call an outgoing webhook by the name it has in the hub."""

    type: Literal["webhook"]
    name: str


Action = Annotated[Comment | Ticket | Message | Webhook, Field(discriminator="type")]
"""One thing to do when a finding fires."""


class Limits(Strict):
    """What keeps a bad rule from flooding people: above it findings are stored and their actions withheld."""

    max_new_findings: int = Field(default=50, ge=0)


class Stage(Strict):
    """How far a rule is let loose: `shadow`, `{pilot: {org_units: [...]}}` or `live`."""

    name: Literal["shadow", "pilot", "live"]
    org_units: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, value: Any) -> Any:  # noqa: ANN401 - what a file may hold
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and list(value) == ["pilot"] and isinstance(value["pilot"], dict):
            return {"name": "pilot"} | value["pilot"]
        return value

    @model_validator(mode="after")
    def _pilot_names_units(self) -> Stage:
        if (self.name == "pilot") != bool(self.org_units):
            raise ValueError("a pilot names the org units it covers: stage: {pilot: {org_units: [emea]}}")
        return self

    @model_serializer
    def _write(self) -> str | dict[str, Any]:
        return {"pilot": {"org_units": list(self.org_units)}} if self.name == "pilot" else self.name


class Annotations(Strict):
    """Words for people; `{{fact}}` stands for what the detector found."""

    summary: str | None = Field(default=None, max_length=500)
    runbook: str | None = None


class Expected(Strict):
    """A finding that a case must give: `kr-1`, or `{subject: kr-1, slot: feed}`."""

    subject: str
    slot: str = ""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:  # noqa: ANN401 - what a file may hold
        return {"subject": value} if isinstance(value, str) else value


class Case(Strict):
    """A history and the findings that the rule must give on it, no more and no fewer.

    `as_of` asks on another day than the history's own. `skipped` names subjects that must be reported as not testable.
    """

    history: str
    as_of: str | None = None
    expect: tuple[Expected, ...]
    skipped: tuple[str, ...] = ()


class Rule(Strict):
    """Detector, scope and response."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=False)

    name: str = Field(max_length=80, pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", description="unique, never reused")
    detector: str
    description: str = Field(min_length=1)
    scope: Scope = Scope()
    params: dict[str, Any] = Field(default_factory=dict, description="checked by the detector's own model")
    materiality: float | None = Field(
        default=None, ge=0, description="in the metric's unit: below it nothing is pushed"
    )
    pending: Duration = Field(default=NONE, alias="for", description="how long the condition holds before it fires")
    keep_firing_for: Duration = Field(default=NONE, description="how long it is gone before the alert resolves")
    severity: Severity = Severity.WARNING
    stage: Stage = Stage(name="shadow")
    labels: dict[str, str] = Field(default_factory=dict, description="routing only, never identity")
    annotations: Annotations = Annotations()
    actions: tuple[Action, ...] = ()
    limits: Limits = Limits()
    cases: tuple[Case, ...] = ()
