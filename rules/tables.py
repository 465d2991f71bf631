"""The columns a detector may see: one frozen table a noun, each column a NumPy array, each described where it stands.

A table is made from ready arrays (`Observations.of(offsets=..., start=..., value=...)`) without copying them; columns
that are not given stand for "unknown" and take no memory. Texts are object arrays of str ("" = unknown), instants int64
microseconds in UTC (`calendars.UNKNOWN` = unknown), numbers float64 (NaN = unknown).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_type_hints

import numpy as np
from numpy.typing import NDArray

from rules.calendars import UNKNOWN, DayEdge, iso
from rules.durations import Duration
from rules.errors import HistoryError

Texts = NDArray[np.object_]
Objects = NDArray[np.object_]
Instants = NDArray[np.int64]
Rows = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Kind = Literal["text", "instant", "number", "flag", "duration", "numbers", "labels"]


class Column(NamedTuple):
    """What a column holds: how plain rows are read into it and what stands for unknown."""

    kind: Kind
    default: object
    dtype: type
    meaning: str
    required: bool = False
    day: DayEdge = "start"


def text(meaning: str, *, required: bool = False) -> Column:
    return Column("text", "", object, meaning, required)


def instant(meaning: str, *, required: bool = False, day: DayEdge = "start") -> Column:
    return Column("instant", UNKNOWN, np.int64, meaning, required, day)


def number(meaning: str, *, required: bool = False) -> Column:
    return Column("number", np.nan, np.float64, meaning, required)


def flag(meaning: str, *, default: bool = False) -> Column:
    return Column("flag", default, np.bool_, meaning)


def duration(meaning: str) -> Column:
    return Column("duration", None, object, meaning)


def numbers(meaning: str) -> Column:
    return Column("numbers", (), object, meaning)


def labels(meaning: str) -> Column:
    return Column("labels", None, object, meaning)


def known(meaning: str = "when it could be known") -> Column:
    return instant(meaning, day="last")


@dataclass(frozen=True, eq=False)
class Table:
    """Equal-length read-only columns."""

    name: ClassVar[str] = ""
    order: ClassVar[tuple[str, ...]] = ()
    """Columns that the rows are sorted by; grouped tables by series first."""

    def __post_init__(self) -> None:
        """Check the lengths and make every array read-only, as a view: the caller's array stays as it is."""
        size = len(self)
        for column in fields(self):
            array = getattr(self, column.name)
            if column.name != "offsets" and len(array) != size:
                raise HistoryError(f"{self.name}.{column.name} has {len(array)} rows, {self.first_column} has {size}")
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, column.name, view)

    @classmethod
    def of(cls, **columns: NDArray[Any]) -> Self:
        """Make a table from ready arrays; columns left out are unknown."""
        specs = cls.columns()
        for name in columns:
            if name not in specs and name != "offsets":
                raise HistoryError(f"{cls.name} has no column {name!r}: it has {', '.join(specs)}")
        for name, spec in specs.items():
            if spec.required and name not in columns:
                raise HistoryError(f"{cls.name}.{name} is missing: {spec.meaning}")
        size = len(columns[cls._first()]) if columns else 0
        filled = {name: columns.get(name, _unknown(spec, size)) for name, spec in specs.items()}
        if "offsets" in columns:
            filled["offsets"] = columns["offsets"]
        return cls(**filled)

    @classmethod
    def empty(cls) -> Self:
        """Make a table without rows."""
        return cls(**{name: _unknown(spec, 0) for name, spec in cls.columns().items()})

    @classmethod
    def columns(cls) -> dict[str, Column]:
        """Return what each column holds, in order."""
        specs: dict[str, Column] = _columns(cls)  # type: ignore[arg-type] # mypy takes a class for its instances here
        return specs

    @classmethod
    def _first(cls) -> str:
        return next(iter(cls.columns()))

    @property
    def first_column(self) -> str:
        """Name of the column that the others are measured by."""
        return self._first()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(getattr(self, self._first()))

    def take(self, rows: NDArray[Any]) -> Self:
        """Return some rows, by index or mask."""
        return type(self)(**self._picked(rows))

    def _picked(self, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
        size = int(np.count_nonzero(rows)) if rows.dtype == np.bool_ else len(rows)
        columns = {name: getattr(self, name) for name in self.columns()}
        return {
            name: _unknown_rows(array, size) if not any(array.strides) else array[rows]
            for name, array in columns.items()
        }

    def plain(self, row: int, *names: str) -> dict[str, Any]:
        """Return a row as JSON values, unknown ones left out; `names` chooses columns."""
        specs = self.columns()
        values = ((name, _plain(getattr(self, name)[row], specs[name])) for name in names or specs)
        return {name: value for name, value in values if value not in (None, "")}


@dataclass(frozen=True, eq=False)
class Entities(Table):
    """Rows with an id, their first column, by which other rows name them; one row an id."""

    @property
    def ids(self) -> Texts:
        """The id of each row."""
        ids: Texts = getattr(self, self._first())
        return ids

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row of each id."""
        return {name: row for row, name in enumerate(self.ids)}

    def rows_of(self, ids: Texts) -> Rows:
        """Return the row of each id, -1 where it is unknown."""
        find = self.row_of
        return np.fromiter((find.get(name, -1) for name in ids), dtype=np.int64, count=len(ids))


@dataclass(frozen=True, eq=False)
class Grouped(Table):
    """Rows that belong to one series each, sorted by period and recorded_at.

    Those of series `i` are `offsets[i]:offsets[i + 1]`.
    """

    offsets: Rows = field(default_factory=lambda: np.zeros(1, dtype=np.int64), kw_only=True)

    def __post_init__(self) -> None:
        """Check that the offsets fit the rows."""
        super().__post_init__()
        steps = np.diff(self.offsets)
        if self.offsets[0] != 0 or self.offsets[-1] != len(self) or (steps < 0).any():
            raise HistoryError(f"{self.name}.offsets must rise from 0 to the number of rows, {len(self)}")

    @cached_property
    def owner(self) -> Rows:
        """Row of the series that each row belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def take(self, rows: NDArray[Any]) -> Self:
        """Return some rows; they must stay in order, which masks and rising indices do."""
        counts = np.bincount(self.owner[rows], minlength=len(self.offsets) - 1)
        return type(self)(**self._picked(rows), offsets=np.concatenate(([0], np.cumsum(counts))))


@dataclass(frozen=True, eq=False)
class Versioned(Grouped):
    """Grouped rows that state something about a period; several rows for one period are versions, oldest first."""

    @cached_property
    def period_changes(self) -> Flags:
        """Which rows are followed by another period or series; one entry less than rows."""
        start: Instants = self.start  # type: ignore[attr-defined] # both subclasses have it
        changes: Flags = (np.diff(start) != 0) | (np.diff(self.owner) != 0)
        return changes

    @property
    def is_sorted(self) -> bool:
        """Whether periods rise within each series, and recorded times within each period."""
        start: Instants = self.start  # type: ignore[attr-defined] # as above
        recorded: Instants = self.recorded_at  # type: ignore[attr-defined] # as above
        together = np.diff(self.owner) == 0
        steps = np.diff(start)
        return not ((together & (steps < 0)) | (together & (steps == 0) & (np.diff(recorded) < 0))).any()

    @cached_property
    def latest(self) -> Self:
        """The last known version of each period."""
        return self._versions(np.append(self.period_changes, True))

    @cached_property
    def first(self) -> Self:
        """The first known version of each period."""
        return self._versions(np.append(True, self.period_changes))

    def _versions(self, chosen: Flags) -> Self:
        return self if not len(self) or chosen.all() else self.take(chosen)


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


@cache
def _columns(table: type[Table]) -> dict[str, Column]:
    hints = get_type_hints(table, include_extras=True)
    marked = {column.name: getattr(hints[column.name], "__metadata__", ()) for column in fields(table)}
    return {name: marks[0] for name, marks in marked.items() if marks}


def _unknown_rows(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a column of another length that still takes no memory."""
    return np.broadcast_to(array[:1], size) if len(array) else np.empty(0, dtype=array.dtype)


def _unknown(spec: Column, size: int) -> NDArray[Any]:
    one: NDArray[Any] = np.empty(1, dtype=spec.dtype)
    one[0] = spec.default
    return np.broadcast_to(one, size)


def _plain(value: Any, spec: Column) -> object:  # noqa: ANN401 - whatever a column holds
    if spec.kind == "instant":
        return iso(int(value))
    if spec.kind == "number":
        return None if np.isnan(value) else float(value)
    if spec.kind == "flag":
        return bool(value)
    if isinstance(value, Duration | date):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


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
