"""Evaluate rules when time passes or data change, and verify what people call done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hub.connections.models import ConnectionHealth
from hub.findings import service
from hub.findings.service import Privacy
from hub.syncing.service import request_sync
from hub.work.context import Context, RetryLater
from rules.loader import load_pack, packs

LOOK_AGAIN = timedelta(minutes=15)
"""How long a verification waits for data that are missing."""
FRESH_READ = timedelta(seconds=5)
"""How often a verification asks whether its feed was read again."""
LONGEST_READ = timedelta(minutes=2)
"""After this long the evidence is judged as it is: a feed that cannot be read must not hold up an answer for ever."""


def evaluate(context: Context, payload: dict[str, Any]) -> None:
    """Ask all rules about all series; runs on a schedule, because time alone makes data stale."""
    _run(context, series_ids=payload.get("series_ids"))


def install_packs(context: Context, _payload: dict[str, Any]) -> None:
    """Install the packs we ship, or what has changed in them."""
    texts = [rule for name in packs() for rule in load_pack(name).rules]
    with context.transaction() as session:
        service.install_packs(session, texts, by="system:findings", now=context.clock())
        context.finish(session)


def on_observations_recorded(context: Context, payload: dict[str, Any]) -> None:
    """Ask all rules about the series that changed."""
    _run(context, series_ids=payload["series_ids"])


def verify(context: Context, payload: dict[str, Any]) -> None:
    """Read the subject's feed again, then judge one finding on the evidence."""
    alert_id = payload["alert_id"]
    asked_at = datetime.fromisoformat(payload["asked_at"])
    _read_feed_again(context, alert_id, asked_at)
    with context.reading() as session:
        question = service.read_verification(session, service.get_alert(session, alert_id), now=context.clock())
    evaluation = service.answer(question)
    with context.transaction() as session:
        outcome = service.store_verification(session, alert_id, question, evaluation, _privacy(context))
        if outcome is not None:
            context.finish(session)
            return
        alert = service.get_alert(session, alert_id)
        service.note_waiting(session, alert, "It cannot be verified yet: data are missing.", now=context.clock())
    raise RetryLater("data are missing to verify the finding", at=context.clock() + LOOK_AGAIN)


def _run(context: Context, series_ids: Iterable[int] | None) -> None:
    with context.reading() as session:
        question = service.read_question(session, now=context.clock(), series_ids=series_ids)
    evaluation = service.answer(question)
    with context.transaction() as session:
        service.store_answer(session, question, evaluation, _privacy(context))
        context.finish(session)


def _read_feed_again(context: Context, alert_id: int, asked_at: datetime) -> None:
    """Make sure that the feed was read after somebody said *done*; waits by coming back later."""
    with context.transaction() as session:
        connection_id = service.feeding_connection(session, service.get_alert(session, alert_id))
        if connection_id is None:
            return
        health = session.get(ConnectionHealth, connection_id)
        if health is not None and health.last_attempt_at is not None and health.last_attempt_at >= asked_at:
            return
        if context.clock() - asked_at > LONGEST_READ:
            return
        request_sync(session, connection_id, reason=f"verify:{alert_id}:{asked_at.isoformat()}")
    raise RetryLater("the feed is read again first", at=context.clock() + FRESH_READ)


def _privacy(context: Context) -> Privacy:
    return Privacy(context.settings.owner_first_business_days)
