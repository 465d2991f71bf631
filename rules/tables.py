"""The columns a detector may see: one frozen table a noun. How tables work is in `columns`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from rules.columns import (
    Entities,
    Flags,
    Grouped,
    Instants,
    Numbers,
    Objects,
    Table,
    Texts,
    Versioned,
    duration,
    flag,
    instant,
    known,
    labels,
    number,
    numbers,
    text,
)


@dataclass(frozen=True, eq=False)
class Series(Entities):
    """A metric of one org unit (and segment): what observations, targets, owner and freshness hang on."""

    name: ClassVar[str] = "series"

    id: Annotated[Texts, text("unique key", required=True)]
    metric: Annotated[Texts, text("the metric it belongs to")]
    title: Annotated[Texts, text("what people call it")]
    unit: Annotated[Texts, text("unit of measurement")]
    kind: Annotated[Texts, text("count, ratio, measure or score")]
    direction: Annotated[Texts, text("up, down or none: which way is good")]
    cadence: Annotated[Texts, text("hourly to yearly, irregular, or an ISO 8601 duration")]
    calendar: Annotated[Texts, text("name of its calendar")]
    latency: Annotated[Objects, duration("freshness promise: how long after a period's end its value is there")]
    thresholds: Annotated[Objects, numbers("cutoffs: values at which something depends")]
    org_unit: Annotated[Texts, text("org unit that it measures")]
    function: Annotated[Texts, text("sales, finance, ...")]
    owner: Annotated[Texts, text("person who answers for the result")]
    steward: Annotated[Texts, text("person who answers for the data")]
    guardrail: Annotated[Texts, text("series that must not suffer")]
    system_of_record: Annotated[Texts, text("series that holds the same quantity from a system")]
    peers: Annotated[Texts, text("name of the group it is compared with")]
    indicator: Annotated[Texts, text("leading or lagging")]
    self_reported: Annotated[Flags, flag("the number is the word of those it measures")]
    incentive: Annotated[Flags, flag("pay or a bonus depends on it")]
    retired: Annotated[Flags, flag("no longer in use")]
    labels: Annotated[Objects, labels("free words for scopes and routing")]
    since: Annotated[Instants, instant("when measuring began or should have begun")]
    recorded_at: Annotated[Instants, known()]


@dataclass(frozen=True, eq=False)
class Observations(Versioned):
    """Values by period; a correction is a further version."""

    name: ClassVar[str] = "observations"
    order: ClassVar[tuple[str, ...]] = ("start", "recorded_at")

    start: Annotated[Instants, instant("start of the period", required=True)]
    end: Annotated[Instants, instant("end of the period, not included", day="end")]
    value: Annotated[Numbers, number("the value", required=True)]
    numerator: Annotated[Numbers, number("upper part of a ratio")]
    denominator: Annotated[Numbers, number("lower part of a ratio")]
    recorded_at: Annotated[Instants, known("when it could be known, by the source's own clock where it has one")]
    recorded_imputed: Annotated[Flags, flag("recorded_at is only period end plus promise: no evidence about timing")]
    reported_by: Annotated[Texts, text("who entered it")]
    source: Annotated[Texts, text("where it came from")]
    note: Annotated[Texts, text("words of whoever entered it")]
    id: Annotated[Texts, text("id of the row in the ledger")]


@dataclass(frozen=True, eq=False)
class Targets(Versioned):
    """Values wanted by period; a revision is a further version."""

    name: ClassVar[str] = "targets"
    order: ClassVar[tuple[str, ...]] = ("start", "recorded_at")

    start: Annotated[Instants, instant("start of the period", required=True)]
    end: Annotated[Instants, instant("end of the period, not included", day="end")]
    target: Annotated[Numbers, number("the value wanted", required=True)]
    threshold: Annotated[Numbers, number("the least that still counts")]
    stretch: Annotated[Numbers, number("more than is expected")]
    recorded_at: Annotated[Instants, known()]
    set_by: Annotated[Texts, text("who set it")]
    reason: Annotated[Texts, text("why it was revised")]
    id: Annotated[Texts, text("id of the row in the ledger")]


@dataclass(frozen=True, eq=False)
class Records(Grouped):
    """The items behind a number: one row an item, or one a distinct value with its count."""

    name: ClassVar[str] = "records"
    order: ClassVar[tuple[str, ...]] = ("time", "recorded_at")

    record: Annotated[Texts, text("id of the item")]
    time: Annotated[Instants, instant("when it happened")]
    value: Annotated[Numbers, number("its value", required=True)]
    count: Annotated[Numbers, number("how many items this row stands for")]
    actor: Annotated[Texts, text("who entered it")]
    recorded_at: Annotated[Instants, known()]


@dataclass(frozen=True, eq=False)
class Events(Table):
    """What happened to work items, sorted by item and time."""

    name: ClassVar[str] = "events"
    order: ClassVar[tuple[str, ...]] = ("item", "time", "recorded_at")

    item: Annotated[Texts, text("id of the work item", required=True)]
    event: Annotated[Texts, text("created, closed, reopened, edited, ...", required=True)]
    time: Annotated[Instants, instant("when it happened", required=True)]
    series: Annotated[Texts, text("series that counts the item")]
    actor: Annotated[Texts, text("who did it")]
    detail: Annotated[Texts, text("what changed")]
    recorded_at: Annotated[Instants, known("when it was really entered")]


@dataclass(frozen=True, eq=False)
class OrgUnits(Entities):
    """Parts of the organisation."""

    name: ClassVar[str] = "org_units"

    id: Annotated[Texts, text("unique key", required=True)]
    parent: Annotated[Texts, text("org unit above")]
    title: Annotated[Texts, text("what people call it")]
    function: Annotated[Texts, text("sales, finance, ...")]
    recorded_at: Annotated[Instants, known()]


@dataclass(frozen=True, eq=False)
class People(Entities):
    """Persons who own, steward or work."""

    name: ClassVar[str] = "people"

    id: Annotated[Texts, text("unique key, a pseudonym where the deployment says so", required=True)]
    org_unit: Annotated[Texts, text("where the person works")]
    function: Annotated[Texts, text("sales, finance, ...")]
    active: Annotated[Flags, flag("still there", default=True)]
    left_at: Annotated[Instants, instant("when the person left")]
    recorded_at: Annotated[Instants, known()]


@dataclass(frozen=True, eq=False)
class Ownership(Table):
    """Who answers for what, from when to when."""

    name: ClassVar[str] = "ownership"
    order: ClassVar[tuple[str, ...]] = ("subject", "role", "start", "recorded_at")

    subject: Annotated[Texts, text("id of the series or objective", required=True)]
    role: Annotated[Texts, text("owner or steward", required=True)]
    person: Annotated[Texts, text("who")]
    share: Annotated[Numbers, number("part of a shared ownership")]
    start: Annotated[Instants, instant("from when")]
    end: Annotated[Instants, instant("until when, not included", day="end")]
    recorded_at: Annotated[Instants, known()]


@dataclass(frozen=True, eq=False)
class Objectives(Entities):
    """Objectives and, with level `key_result`, their measurable signs, whose `parent` is their objective."""

    name: ClassVar[str] = "objectives"

    id: Annotated[Texts, text("unique key", required=True)]
    parent: Annotated[Texts, text("the objective it serves")]
    title: Annotated[Texts, text("what people call it")]
    level: Annotated[Texts, text("key_result, team, department, ...")]
    owner: Annotated[Texts, text("person who answers for the result")]
    org_unit: Annotated[Texts, text("org unit that it belongs to")]
    function: Annotated[Texts, text("sales, finance, ...")]
    status: Annotated[Texts, text("stated status")]
    retired: Annotated[Flags, flag("closed or dropped")]
    start: Annotated[Instants, instant("start of its cycle")]
    end: Annotated[Instants, instant("end of its cycle, not included", day="end")]
    labels: Annotated[Objects, labels("free words for scopes and routing")]
    recorded_at: Annotated[Instants, known()]


@dataclass(frozen=True, eq=False)
class Links(Table):
    """Edges between objectives, series, org units and work items; `measures` joins a key result and a series."""

    name: ClassVar[str] = "links"
    order: ClassVar[tuple[str, ...]] = ("kind", "source", "target")

    source: Annotated[Texts, text("id at the tail", required=True)]
    target: Annotated[Texts, text("id at the head", required=True)]
    kind: Annotated[Texts, text("contributes, measures, depends or works_on", required=True)]
    owner: Annotated[Texts, text("who answers for the hand-off")]
    since: Annotated[Instants, instant("from when")]
    recorded_at: Annotated[Instants, known()]


@dataclass(frozen=True, eq=False)
class Definitions(Table):
    """Versions of what a metric means, sorted by metric and recorded_at."""

    name: ClassVar[str] = "definitions"
    order: ClassVar[tuple[str, ...]] = ("metric", "valid_from", "recorded_at")

    metric: Annotated[Texts, text("the metric", required=True)]
    wording: Annotated[Texts, text("the definition in words")]
    formula: Annotated[Texts, text("the definition as a formula")]
    valid_from: Annotated[Instants, instant("first period it holds for")]
    reason: Annotated[Texts, text("why it changed")]
    recorded_at: Annotated[Instants, known()]


@dataclass(frozen=True, eq=False)
class Feeds(Entities):
    """How the connection that feeds a series is doing; series that people enter by hand have no row."""

    name: ClassVar[str] = "feeds"

    series: Annotated[Texts, text("the series that is fed", required=True)]
    last_attempt: Annotated[Instants, instant("last time anybody tried to read the source")]
    last_success: Annotated[Instants, instant("last time the source was read without an error")]
    error: Annotated[Texts, text("class of the last attempt's error, empty where it worked")]
    quarantined_since: Annotated[Instants, instant("since when a value waits in quarantine")]
    recorded_at: Annotated[Instants, known("when this was so; the last attempt where it is not given")]


def tables() -> Iterator[type[Table]]:
    """Yield every kind of table, in the order of `History`."""
    yield from (
        Series,
        Observations,
        Targets,
        Records,
        Events,
        OrgUnits,
        People,
        Ownership,
        Objectives,
        Links,
        Definitions,
        Feeds,
    )
