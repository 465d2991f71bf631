"""What rules see of ownership: every term, and on each series who answers at that instant."""

from __future__ import annotations

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.metrics.history import Filled, Known
from hub.metrics.history_tables import column, instants
from hub.ownership.models import Duty, SubjectKind
from hub.ownership.service import terms_as_of
from hub.people.models import Person
from rules.tables import Ownership


def fill(session: Session, known: Known) -> Filled:
    """Fill the table of ownership, and owner and steward of the series."""
    names = {row.id: row.public_id for row in session.execute(select(Person.id, Person.public_id))}
    terms = terms_as_of(session, known_on=known.as_of)
    current = [term for term in terms if term.subject_kind == SubjectKind.SERIES and term.covers(known.as_of)]
    table = Ownership.of(
        subject=column(term.subject_id for term in terms),
        role=column(term.duty.value for term in terms),
        person=column(names[term.person_id] for term in terms),
        share=np.ones(len(terms)),
        start=instants(term.start for term in terms),
        end=instants(term.end for term in terms),
        recorded_at=instants(term.recorded_at for term in terms),
    )
    held = {
        duty.value: {term.subject_id: names[term.person_id] for term in current if term.duty == duty} for duty in Duty
    }
    return Filled(tables={"ownership": table}, series=held)
