"""What is kept for a while is forgotten in time, and not before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from hub.core.access import Role
from hub.people.jobs import prune
from hub.people.models import Person, SetupToken, SigninAttempt, SigninSession
from hub.people.service import close_session, first_run_notice, invite, note_attempt, open_session
from hub.web.models import IdempotentReply
from hub.web.replies import claim_key
from hub.work.context import Context
from hub.work.models import WorkItem
from tests.visitors import add_somebody

if TYPE_CHECKING:
    from hub.core.database import Database
    from hub.settings import Settings
    from tests.factories import SettableClock

KEPT = (SigninSession, SigninAttempt, SetupToken, IdempotentReply)


def test_ended_sign_ins_tries_tokens_and_replies_are_forgotten(
    database: Database, settings: Settings, clock: SettableClock
) -> None:
    with database.write() as session:
        person = add_somebody(session, Role.VIEWER, None, now=clock())
        item = WorkItem(kind="people.prune", payload={}, due_at=clock(), created_at=clock(), attempt=1)
        session.add(item)
        for name in ("ended", "idle"):
            open_session(session, person, name, now=clock())
        close_session(session, "ended", now=clock())
        note_attempt(session, email="x@acme.example", address="10.0.0.1", now=clock())
        invite(session, person, by="system:tests", now=clock() - timedelta(days=7))
        first_run_notice(session, address="x", now=clock())
        claim_key(session, "per_1", "key", "0" * 64, clock())
        session.flush()
        context = Context(database, settings, clock, item_id=item.id, attempt=1)
    prune(context, {})
    assert count(database) == {"signin_session": 2, "signin_attempt": 2, "setup_token": 1, "idempotent_reply": 1}
    clock.advance(days=8)
    prune(context, {})
    assert count(database) == {"signin_session": 0, "signin_attempt": 0, "setup_token": 0, "idempotent_reply": 0}
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 1


def count(database: Database) -> dict[str, int]:
    with database.read() as session:
        return {kind.__tablename__: session.scalar(select(func.count()).select_from(kind)) or 0 for kind in KEPT}
