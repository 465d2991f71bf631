"""Work of the trail: seal each minute, sign and send a checkpoint each hour, verify each day."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import structlog
from sqlalchemy.orm import Session

from hub.audit.service import (
    Outside,
    SigningKey,
    list_unsent,
    make_checkpoint,
    remember_verification,
    resume_after_restore,
    seal_entries,
    verify_trail,
)
from hub.core.instants import Clock
from hub.core.sealing import Sealer
from hub.settings import Settings

log = structlog.get_logger(__name__)
Transaction = Callable[[], AbstractContextManager[Session]]


class Attempt(Protocol):
    """What a handler is given (`hub.work.context.Context`, which is above this floor)."""

    @property
    def settings(self) -> Settings:
        """Give the settings of the deployment."""

    @property
    def clock(self) -> Clock:
        """Give the clock."""

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a fenced write transaction."""

    def reading(self) -> AbstractContextManager[Session]:
        """Open a read-only transaction."""


def seal(context: Attempt, _payload: dict[str, Any]) -> None:
    """Seal what waits, in short transactions."""
    seal_all(context.transaction)


def checkpoint(context: Attempt, _payload: dict[str, Any]) -> None:
    """Sign where the trail stands and send it outside."""
    take_checkpoint(context.settings, write=context.transaction, read=context.reading)


def verify(context: Attempt, _payload: dict[str, Any]) -> None:
    """Verify the trail and remember the outcome for its page; a trail that is not sound is an error in the log."""
    outside = find_outside(context.settings)
    sent = None if outside is None else outside.read()
    with context.reading() as session:
        key = SigningKey.find(session, Sealer.from_settings(context.settings))
        report = verify_trail(session, public_keys=[key.public] if key else [], outside=sent)
    with context.transaction() as session:
        remember_verification(session, report, now=context.clock())
    if report.first is not None:
        log.error("the audit trail is not sound", first=report.first.text, problems=len(report.problems))


def seal_all(write: Transaction) -> None:
    """Seal everything that waits, in short transactions."""
    while True:
        with write() as session:
            if not seal_entries(session):
                return


def take_checkpoint(settings: Settings, *, write: Transaction, read: Transaction, clock: Clock | None = None) -> None:
    """Sign where the trail stands and send it; files outside are touched while no transaction is open."""
    seal_all(write)
    sealer = Sealer.from_settings(settings)
    outside = find_outside(settings)
    sent = [] if outside is None else outside.read()
    with write() as session:
        if outside is not None:
            list_unsent(session, outside, sent)  # refuses before anything new is signed
        key = SigningKey.load(session, sealer)
        make_checkpoint(session, key, now=clock() if clock else None)
    if outside is not None:
        with read() as session:
            unsent = list_unsent(session, outside, sent)
        outside.send(unsent, key.public)


def resume(settings: Settings, *, write: Transaction, reason: str, by: str) -> None:
    """Go on after a restore; the next `take_checkpoint` sends what was signed."""
    outside = find_outside(settings)
    sent = [] if outside is None else outside.read()
    with write() as session:
        key = SigningKey.load(session, Sealer.from_settings(settings))
        resume_after_restore(session, key, sent, reason=reason, by=by)


def find_outside(settings: Settings) -> Outside | None:
    """Give the place outside, where one is set."""
    return None if settings.audit_checkpoint_path is None else Outside(settings.audit_checkpoint_path)
