"""Who answers for what, at any time, as known at any time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.audit.models import AuditEntry
from hub.core.database import Database
from hub.core.errors import InvalidInputError
from hub.metrics.history import build_history, install
from hub.metrics.models import Series
from hub.ownership.history import fill
from hub.ownership.models import Assignment, Duty, SubjectKind
from hub.ownership.service import Holders, assign, owners_as_of, terms_as_of
from hub.people.models import Person
from tests.factories import Cast, SettableClock

JANUARY, MARCH = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


def subject(session: Session, cast: Cast) -> str:
    return session.get_one(Series, cast.series["win-rate"]).public_id


def give(
    session: Session, cast: Cast, person: str | None, *, starts_at: datetime, now: datetime, imputed: bool = False
) -> Assignment | None:
    return assign(
        session,
        SubjectKind.SERIES,
        subject(session, cast),
        Duty.OWNER,
        cast.persons[person] if person else None,
        starts_at=starts_at,
        imputed=imputed,
        by="system:tests",
        now=now,
    )


def holder(session: Session, cast: Cast, at: datetime, known_on: datetime | None = None) -> int | None:
    found = owners_as_of(session, SubjectKind.SERIES, at, known_on=known_on)
    return found.get(subject(session, cast), Holders()).owner


def test_a_duty_is_held_from_its_start_until_the_next_one_begins(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    with database.write() as session:
        give(session, cast, "ada", starts_at=JANUARY, now=clock())
        give(session, cast, "bo", starts_at=MARCH, now=clock())
        assert holder(session, cast, JANUARY - timedelta(days=1)) is None
        assert holder(session, cast, MARCH - timedelta(microseconds=1)) == cast.persons["ada"]
        assert holder(session, cast, MARCH) == cast.persons["bo"]


def test_nobody_from_a_day_on_ends_a_duty(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        give(session, cast, "ada", starts_at=JANUARY, now=clock())
        give(session, cast, None, starts_at=MARCH, now=clock())
        assert holder(session, cast, MARCH) is None
        assert [term.end for term in terms_as_of(session, SubjectKind.SERIES)] == [MARCH]


def test_what_was_recorded_later_was_not_known_before(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        before = clock()
        give(session, cast, "ada", starts_at=JANUARY, now=clock.advance(days=1))
        assert holder(session, cast, JANUARY, known_on=before) is None
        assert holder(session, cast, JANUARY) == cast.persons["ada"]


def test_a_correction_counts_from_when_it_was_recorded(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        give(session, cast, "ada", starts_at=JANUARY, now=clock())
        then = clock()
        give(session, cast, "bo", starts_at=JANUARY, now=clock.advance(days=1))
        assert holder(session, cast, JANUARY, known_on=then) == cast.persons["ada"]
        assert holder(session, cast, JANUARY) == cast.persons["bo"]


def test_a_first_import_counts_as_known_since_the_duty_began(
    database: Database, cast: Cast, clock: SettableClock
) -> None:
    with database.write() as session:
        given = give(session, cast, "ada", starts_at=JANUARY, now=clock(), imputed=True)
        assert given is not None
        assert (given.recorded_at, given.recorded_imputed, given.ingested_at) == (JANUARY, True, clock())


def test_the_same_again_is_no_news(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        give(session, cast, "ada", starts_at=JANUARY, now=clock())
        assert give(session, cast, "ada", starts_at=MARCH, now=clock()) is None


def test_a_person_who_is_not_there_is_refused(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session, pytest.raises(InvalidInputError, match="add the person first"):
        assign(session, SubjectKind.SERIES, "ser_x", Duty.STEWARD, 999, by="system:tests", now=clock())


def test_the_audit_trail_names_people_by_public_id_only(database: Database, cast: Cast, clock: SettableClock) -> None:
    with database.write() as session:
        give(session, cast, "ada", starts_at=JANUARY, now=clock())
        detail = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "duty.assigned")).one()
        assert session.get_one(Person, cast.persons["ada"]).public_id in detail
        assert "Ada" not in detail


def test_rules_see_who_answers_at_that_instant(database: Database, cast: Cast, clock: SettableClock) -> None:
    install(database.info, [fill])
    with database.write() as session:
        give(session, cast, "ada", starts_at=JANUARY, now=JANUARY)
        give(session, cast, "bo", starts_at=MARCH, now=MARCH)
        names = {person.id: person.public_id for person in session.scalars(select(Person))}
        for at, expected in ((MARCH - timedelta(days=1), "ada"), (clock(), "bo")):
            history = build_history(session, at)
            row = history.series.row_of[subject(session, cast)]
            assert history.series.owner[row] == names[cast.persons[expected]]
            assert history.series.steward[row] == ""
        assert history.ownership.person.tolist() == [names[cast.persons["ada"]], names[cast.persons["bo"]]]
