"""Work of the outbox: deliver one thing, release what was held, look for twins, check a connection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.sdk.errors import ConnectorError
from hub.connections import service
from hub.connections.calling import find_ticket, find_twins, meaning_of, perform
from hub.connections.models import Connection
from hub.connections.places import using
from hub.connections.service.steps import Later, LookUp, Outcome, Postponed, Sending, Step, Stopped
from hub.work.context import Context, LostLeaseError, RetryLater


def deliver(context: Context, payload: dict[str, Any]) -> None:
    """Bring one delivery a step further."""
    with context.transaction() as session:
        step = service.take(session, payload["delivery_id"], driver=context.item_id, now=context.clock())
    context.failpoint("connections.taken")
    if isinstance(step, LookUp):
        step = _look_up(context, step)
    if isinstance(step, Sending):
        step = _send(context, step)
    if isinstance(step, Later):
        raise RetryLater(step.reason, at=step.at)


def release(context: Context, payload: dict[str, Any]) -> None:
    """Let held deliveries go on: those of one connection, or all."""
    for connection_id in _connections(context, payload["connection_id"]):
        more = True
        while more:
            with context.transaction() as session:
                connection = session.get_one(Connection, connection_id)
                more = service.release_held(session, connection, now=context.clock())


def sweep(context: Context, _payload: dict[str, Any]) -> None:
    """Close all but one of the tickets that carry the same marker."""
    for connection_id in _connections(context):
        with context.reading() as session:
            suspects = service.list_suspects(session, connection_id, now=context.clock())
        for suspect in suspects:
            try:
                with using(context, connection_id) as tool:
                    found = find_twins(tool, suspect)
            except ConnectorError:
                break  # its health says why; the next sweep comes soon
            with context.transaction() as session:
                service.note_sweep(session, suspect, found, now=context.clock())


def check(context: Context, payload: dict[str, Any]) -> None:
    """Ask a tool whether configuration and credentials work; what it says is shown with the connection's health."""
    connection_id = payload["connection_id"]
    try:
        with using(context, connection_id) as tool:
            report = tool.check().model_dump(mode="json")
    except ConnectorError as error:
        report = {"error": str(error)}
    with context.transaction() as session:
        service.note_check(session, connection_id, report, now=context.clock())


def prune(context: Context, _payload: dict[str, Any]) -> None:
    """Forget deliveries that ended long ago."""
    more = True
    while more:
        with context.transaction() as session:
            more = service.prune_deliveries(session, now=context.clock())


def _send(context: Context, sending: Sending) -> Step:
    context.failpoint("connections.sending_committed")
    try:
        with using(context, sending.connection_id) as tool:
            _refuse_to_be_late(context, sending.committed_at)
            outcome = perform(tool, sending)
            context.failpoint("connections.reply_read")
    except ConnectorError as error:
        outcome = meaning_of(error)
    with context.transaction() as session:
        step = service.settle(
            session,
            sending,
            outcome,
            driver=context.item_id,
            now=context.clock(),
            window=context.settings.settle_seconds,
        )
    context.failpoint("connections.outcome_committed")
    return step


def _look_up(context: Context, look: LookUp) -> Step:
    try:
        with using(context, look.connection_id) as tool:
            found = find_ticket(tool, look)
    except ConnectorError as error:
        return _note_failed_lookup(context, look, meaning_of(error))
    context.failpoint("connections.looked_up")
    with context.transaction() as session:
        return service.note_lookup(
            session,
            look,
            found,
            driver=context.item_id,
            now=context.clock(),
            window=context.settings.settle_seconds,
        )


def _note_failed_lookup(context: Context, look: LookUp, outcome: Outcome) -> Step:
    failed = outcome if isinstance(outcome, Postponed | Stopped) else Postponed("The tool could not be searched.")
    with context.transaction() as session:
        return service.note_failed_lookup(session, look, failed, driver=context.item_id, now=context.clock())


def _refuse_to_be_late(context: Context, committed_at: datetime) -> None:
    """Stop a process that slept between its commit and now: another one may have taken its work over (R2)."""
    if (context.clock() - committed_at).total_seconds() > context.settings.lease_seconds / 2:
        raise LostLeaseError(f"work item {context.item_id}: this process slept too long to send anything now")


def _connections(context: Context, wanted: int | None = None) -> list[int]:
    with context.reading() as session:
        listed = service.list_connections(session)
    return [one.id for one in listed if one.paused_at is None and wanted in {None, one.id}]
