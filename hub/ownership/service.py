"""Give duties to people, and say who held them at any time, as it was known at any time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.audit.service import Actor
from hub.audit.service import record as audit
from hub.core.errors import InvalidInputError
from hub.core.ids import new_public_id
from hub.ownership.models import Assignment, Duty, SubjectKind
from hub.people.models import Person


@dataclass(frozen=True)
class Term:
    """One stretch of time in which somebody held a duty; `end` is not included, None = still."""

    subject_kind: SubjectKind
    subject_id: str
    duty: Duty
    person_id: int
    start: datetime
    end: datetime | None
    recorded_at: datetime

    def covers(self, at: datetime) -> bool:
        """Say whether the duty was held then."""
        return self.start <= at and (self.end is None or at < self.end)


@dataclass(frozen=True)
class Holders:
    """Who answers for something: ids of persons."""

    owner: int | None = None
    steward: int | None = None


def assign(
    session: Session,
    kind: SubjectKind,
    subject_id: str,
    duty: Duty,
    person_id: int | None,
    *,
    starts_at: datetime | None = None,
    recorded_at: datetime | None = None,
    imputed: bool = False,
    reason: str = "",
    by: Actor | str,
    now: datetime,
) -> Assignment | None:
    """Give a duty to a person (or to nobody) from a day on; None where that is so already.

    `recorded_at` is the source's own timestamp. A first import without one says `imputed`: then it counts as known
    since the duty began.
    """
    starts_at = starts_at or now
    if imputed:
        recorded_at = starts_at
    if _holder(terms_as_of(session, kind, [subject_id]), duty, starts_at) == person_id:
        return None
    person = None if person_id is None else session.get(Person, person_id)
    if person_id is not None and person is None:
        raise InvalidInputError(f"there is no person with id {person_id}: add the person first")
    assignment = Assignment(
        public_id=new_public_id("asg"),
        subject_kind=kind,
        subject_id=subject_id,
        duty=duty,
        person_id=person_id,
        starts_at=starts_at,
        reason=reason,
        recorded_at=min(recorded_at or now, now),
        recorded_imputed=imputed and starts_at < now,
        ingested_at=now,
    )
    session.add(assignment)
    session.flush()
    detail = {"duty": duty, "person": person.public_id if person else None, "starts_at": starts_at}
    audit(session, action="duty.assigned", subject=(kind, subject_id), by=by, detail=detail, now=now)
    return assignment


def terms_as_of(
    session: Session,
    kind: SubjectKind | None = None,
    subject_ids: Sequence[str] | None = None,
    known_on: datetime | None = None,
) -> list[Term]:
    """Give every term of the duties of some subjects or all, as it was known at an instant (None: now).

    Sorted by subject, duty and start. Of several assignments that begin at one instant the last recorded counts.
    """
    statement = select(Assignment)
    if kind is not None:
        statement = statement.where(Assignment.subject_kind == kind)
    if subject_ids is not None:
        statement = statement.where(Assignment.subject_id.in_(subject_ids))
    if known_on is not None:
        statement = statement.where(Assignment.recorded_at <= known_on)
    order = (Assignment.subject_kind, Assignment.subject_id, Assignment.duty, Assignment.starts_at)
    rows = session.scalars(statement.order_by(*order, Assignment.recorded_at, Assignment.id)).all()
    same_duty = groupby(rows, key=lambda row: (row.subject_kind, row.subject_id, row.duty))
    return [term for _, versions in same_duty for term in _terms(versions)]


def owners_as_of(
    session: Session,
    kind: SubjectKind,
    at: datetime,
    *,
    subject_ids: Sequence[str] | None = None,
    known_on: datetime | None = None,
) -> dict[str, Holders]:
    """Say who answers at an instant, by public id of the subject; subjects without anybody are left out."""
    found: dict[str, dict[str, int]] = {}
    for term in terms_as_of(session, kind, subject_ids, known_on):
        if term.covers(at):
            found.setdefault(term.subject_id, {})[term.duty] = term.person_id
    return {subject: Holders(**holders) for subject, holders in found.items()}


def _terms(versions: Iterable[Assignment]) -> list[Term]:
    last = {row.starts_at: row for row in versions}  # sorted by recorded_at: the last one stays
    starts = sorted(last)
    return [
        Term(
            subject_kind=SubjectKind(last[start].subject_kind),
            subject_id=last[start].subject_id,
            duty=Duty(last[start].duty),
            person_id=person_id,
            start=start,
            end=end,
            recorded_at=last[start].recorded_at,
        )
        for start, end in zip(starts, [*starts[1:], None], strict=True)
        if (person_id := last[start].person_id) is not None
    ]


def _holder(terms: Iterable[Term], duty: Duty, at: datetime) -> int | None:
    return next((term.person_id for term in terms if term.duty == duty and term.covers(at)), None)
