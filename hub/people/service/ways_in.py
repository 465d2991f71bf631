"""Everything that lets a person in: sign-ins, invitations, API tokens; and ending it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.people.models import ApiToken, Person, SetupToken, SigninSession


def end_sessions(session: Session, person: Person, *, now: datetime) -> None:
    """Sign a person out everywhere."""
    session.execute(
        update(SigninSession)
        .where(SigninSession.person_id == person.id, SigninSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_invitations(session: Session, person: Person, *, now: datetime) -> None:
    """Make every invitation of a person worthless: it was given for what the person was then."""
    session.execute(
        update(SetupToken).where(SetupToken.person_id == person.id, SetupToken.used_at.is_(None)).values(used_at=now)
    )


def end_ways_in(session: Session, person: Person, *, now: datetime) -> None:
    """End every sign-in, invitation and API token of a person for good: coming back revives none."""
    end_sessions(session, person, now=now)
    end_invitations(session, person, now=now)
    session.execute(
        update(ApiToken).where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None)).values(revoked_at=now)
    )
