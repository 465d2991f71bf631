"""What a mapping would make of records, told before anything is kept: understood, ignored, put aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.sdk.protocol import Record, Rejected
from hub.metrics.models import Metric, Series
from hub.people.models import OrgUnit
from hub.syncing.service.cells import UnusableError, read_cells
from hub.syncing.service.storing import Known
from hub.syncing.service.subjects import USUAL_CADENCE, Origin, Subject, key_of, known_units, subject_of
from rules import calendars

EXAMPLES = 3
MOST_PROBLEMS = 50
MOST_SUBJECTS = 500


@dataclass
class Problem:
    """What would be put aside for one reason."""

    column: str
    remedy: str
    count: int = 0
    examples: list[str] = field(default_factory=list)
    """Place and reason of the first ones."""


@dataclass
class Preview:
    """What a mapping would make of one stream."""

    stream: str
    title: str
    columns: list[str]
    is_mapped: bool
    read: int = 0
    usable: int = 0
    ours: int = 0
    """Tickets that Plumbline made: they count in nothing."""
    put_aside: int = 0
    ignored: list[str] = field(default_factory=list)
    """Columns that no role uses: kept in the records, in no observation."""
    metrics: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give it as it is kept and shown."""
        return asdict(self)


class Previewing:
    """Looks at a stream page by page; nothing is written."""

    def __init__(self, origin: Origin | None, preview: Preview) -> None:
        self._origin = origin
        self._calendar = calendars.Calendar()
        self._problems: dict[tuple[str, str], Problem] = {}
        self._metrics: Counter[str] = Counter()
        self._fed_elsewhere: dict[Subject, str | None] = {}
        self.preview = preview

    def look(self, session: Session, records: Sequence[Record], rejected: Iterable[Rejected]) -> None:
        """Look at one page."""
        self.preview.read += len(records)
        for one in rejected:
            self.preview.read += 1
            self._note(one.place, "", one.reason, one.remedy)
        there = [record for record in records if not record.deleted]
        mine = [record for record in there if isinstance(record.data.get("marker"), str)]
        self.preview.ours += len(mine)
        if self._origin is None:
            return
        known = [Known(0, "", one.key, one.data, one.place) for one in there if one not in mine]
        units = known_units(session, self._origin, known)
        for record in known:
            self._judge(session, self._origin, record, units)

    def end(self) -> Preview:
        """Give what was found, the commonest first."""
        found = sorted(self._problems.values(), key=lambda one: -one.count)
        self.preview.problems = found[:MOST_PROBLEMS]
        self.preview.metrics = dict(self._metrics.most_common(MOST_PROBLEMS))
        return self.preview

    def _judge(self, session: Session, origin: Origin, record: Known, units: frozenset[str]) -> None:
        try:
            subject = subject_of(origin, record.data, units)
            self._refuse_fed_elsewhere(session, origin, subject)
            cadence = origin.layout.traits_of(subject.metric).cadence or USUAL_CADENCE
            read_cells(origin.layout, record, 0, cadence, self._calendar)
        except UnusableError as error:
            self._note(record.place or record.key, error.column, str(error), error.remedy)
        else:
            self.preview.usable += 1
            self._metrics[subject.metric[:200]] += 1

    def _refuse_fed_elsewhere(self, session: Session, origin: Origin, subject: Subject) -> None:
        if subject not in self._fed_elsewhere and len(self._fed_elsewhere) < MOST_SUBJECTS:
            self._fed_elsewhere[subject] = _other_feed(session, origin, subject)
        series = self._fed_elsewhere.get(subject)
        if series is not None:
            reason = f"series {series} is fed by another connection"
            remedy = "Let one connection feed it, or give these rows a segment of their own."
            raise UnusableError(origin.layout.column("metric"), reason, remedy)

    def _note(self, place: str, column: str, reason: str, remedy: str) -> None:
        self.preview.put_aside += 1
        problem = self._problems.setdefault((column, remedy), Problem(column, remedy))
        problem.count += 1
        if len(problem.examples) < EXAMPLES:
            problem.examples.append(f"{place}: {reason}"[:300])


def _other_feed(session: Session, origin: Origin, subject: Subject) -> str | None:
    unit = OrgUnit.key == subject.org_unit if subject.org_unit else OrgUnit.id == origin.connection.org_unit_id
    return session.scalar(
        select(Series.key)
        .join(Metric, Metric.id == Series.metric_id)
        .join(OrgUnit, OrgUnit.id == Series.org_unit_id)
        .where(
            Metric.key == key_of(subject.metric),
            unit,
            Series.segment == subject.segment,
            Series.connection_id.is_not(None),
            Series.connection_id != origin.connection.id,
        )
    )


def columns_of(schema: Mapping[str, Any], records: Sequence[Record]) -> list[str]:
    """Name the columns of a stream: those it describes, and those its first records have."""
    described = schema.get("properties")
    names = dict.fromkeys(described if isinstance(described, Mapping) else ())
    for record in records:
        names.update(dict.fromkeys(record.data))
    return list(names)
