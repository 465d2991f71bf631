"""Who comes in: looks up sign-ins and API tokens, and gives the principal with the roles of this very moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from hub.people.service import (
    NOTED_EVERY,
    Lifetime,
    find_session,
    find_token,
    limited_to,
    note_seen,
    note_used,
    principal_of,
)
from hub.settings import Settings
from hub.web.state import Admission


def lifetime_of(settings: Settings) -> Lifetime:
    """Give how long a sign-in lasts in this deployment."""
    return Lifetime(timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours))


class Keeper:
    """The doorkeeper that the web app asks (`hub.web.state.Doorkeeper`)."""

    def __init__(self, settings: Settings) -> None:
        self._zone = settings.time_zone
        self._lifetime = lifetime_of(settings)

    def admit_token(self, session: Session, token: str, now: datetime) -> Admission | None:
        """Admit a program by its API token."""
        found = find_token(session, token, now=now)
        if found is None:
            return None
        row, person = found
        principal = limited_to(principal_of(session, person, default_zone=self._zone, now=now), row)
        if row.last_used_at is not None and now - row.last_used_at < NOTED_EVERY:
            return Admission(principal)
        row_id = row.id
        return Admission(principal, lambda writing: note_used(writing, row_id, now=now))

    def admit_session(self, session: Session, session_id: str, now: datetime) -> Admission | None:
        """Admit a browser by the id in its cookie."""
        found = find_session(session, session_id, lifetime=self._lifetime, now=now)
        if found is None:
            return None
        row, person = found
        principal = principal_of(session, person, default_zone=self._zone, now=now)
        if now - row.seen_at < NOTED_EVERY:
            return Admission(principal)
        row_id = row.id
        return Admission(principal, lambda writing: note_seen(writing, row_id, now=now))
