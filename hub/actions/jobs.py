"""React to findings, deliveries and records: each handler is one short transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hub.actions import service
from hub.work.context import Context, RetryLater

NO_ROUTE_PAUSE = timedelta(minutes=5)


def on_alert_fired(context: Context, payload: dict[str, Any]) -> None:
    """Open the ticket that the rule asks for."""
    now = context.clock()
    try:
        with context.transaction() as session:
            service.open_for_finding(
                session,
                payload["alert_id"],
                payload["occurrence"],
                public_url=context.settings.public_url,
                now=now,
            )
            context.failpoint("ticket_intent")
            context.finish(session)
    except service.NoRouteError as error:
        raise RetryLater(str(error), at=now + NO_ROUTE_PAUSE) from error


def on_alert_resolved(context: Context, payload: dict[str, Any]) -> None:
    """End the action of a finding that ended by itself."""
    with context.transaction() as session:
        service.end_verified(session, payload["alert_id"], payload["reason"], now=context.clock())
        context.finish(session)


def on_alert_verified(context: Context, payload: dict[str, Any]) -> None:
    """End the action, or bring its ticket back with the reason."""
    with context.transaction() as session:
        if payload["holds"]:
            service.send_back(
                session,
                payload["alert_id"],
                payload["reason"],
                escalated=payload["escalated"],
                now=context.clock(),
            )
        else:
            service.end_verified(session, payload["alert_id"], payload["reason"], now=context.clock())
        context.finish(session)


def on_delivery_applied(context: Context, payload: dict[str, Any]) -> None:
    """Write down which ticket the tool made."""
    if payload["kind"] != "create_ticket" or not payload["marker"]:
        return
    with context.transaction() as session:
        service.note_created(
            session,
            payload["marker"],
            key=payload["external_key"],
            label=payload["external_label"],
            url=payload["external_url"],
            now=context.clock(),
        )
        context.finish(session)


def on_record_changed(context: Context, payload: dict[str, Any]) -> None:
    """Take over the state of those tickets of ours that are among the changed records."""
    with context.transaction() as session:
        for key in payload["keys"]:
            service.note_record(session, payload["connection_id"], payload["stream"], key, now=context.clock())
        context.failpoint("ticket_state")
        context.finish(session)
