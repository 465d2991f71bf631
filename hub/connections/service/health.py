"""How a connection fares and what it has cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from connectors.sdk.errors import ConnectorError
from hub.connections.models import ConnectionHealth

LONGEST_MESSAGE = 2000
PREVIEW = "preview"
"""Entry of the report that no check writes."""


@dataclass(frozen=True)
class Spent:
    """What one use of a connection has cost."""

    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0


def note_cost(session: Session, connection_id: int, spent: Spent) -> None:
    """Add what a use of the tool has cost."""
    health = session.get_one(ConnectionHealth, connection_id, with_for_update=True)
    health.requests += spent.requests
    health.bytes += spent.bytes
    health.seconds += spent.seconds


def note_read(session: Session, connection_id: int, *, started_at: datetime, error: Exception | None = None) -> None:
    """Write down how reading went; the connector's process has masked its secrets in the message already."""
    health = session.get_one(ConnectionHealth, connection_id, with_for_update=True)
    health.last_attempt_at = started_at
    if error is None:
        health.last_success_at = started_at
        health.failing_since = health.error_class = health.message = None
        return
    health.failing_since = health.failing_since or started_at
    health.error_class = type(error).__name__
    health.message = (
        str(error)[:LONGEST_MESSAGE] if isinstance(error, ConnectorError) else None
    )  # others may quote data


def note_check(session: Session, connection_id: int, report: Mapping[str, Any], *, now: datetime) -> None:
    """Write down what a check said."""
    health = session.get_one(ConnectionHealth, connection_id, with_for_update=True)
    kept = {PREVIEW: health.report[PREVIEW]} if health.report and PREVIEW in health.report else {}
    health.checked_at, health.report = now, {**report, **kept}


def note_preview(session: Session, connection_id: int, preview: Mapping[str, Any]) -> None:
    """Write down what a preview of the mapping says so far; the next one takes its place."""
    health = session.get_one(ConnectionHealth, connection_id, with_for_update=True)
    health.report = {**(health.report or {}), PREVIEW: dict(preview)}


def note_lag(session: Session, connection_id: int, seconds: float) -> None:
    """Write down how long a ticket of ours was not found by its marker."""
    health = session.get_one(ConnectionHealth, connection_id)
    health.worst_lag_seconds = max(health.worst_lag_seconds, seconds)
