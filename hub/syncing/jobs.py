"""Work of syncing: read a connection, read what webhooks spoke of, keep schedules true, forget what is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.sdk.errors import ConnectorError, TransientError
from hub.connections import service as connections
from hub.connections.models import Connection
from hub.syncing import service
from hub.syncing.previews import keep_preview
from hub.syncing.previews import preview as preview_mapping
from hub.syncing.reading import PausedError, fetch
from hub.syncing.reading import sync as read_connection
from hub.syncing.service import SupersededError
from hub.work.context import Context, RetryLater

PAUSE = timedelta(seconds=30)
"""Before hints that could not be read are tried again, where the tool does not say."""


def sync(context: Context, payload: dict[str, Any]) -> None:
    """Read a connection. What went wrong is in its health; the schedule comes again by itself."""
    connection_id = payload["connection_id"]
    _wait_for_tool(context, connection_id)
    try:
        read_connection(context, connection_id, full=payload.get("full", False))
    except (ConnectorError, SupersededError, PausedError):
        return


def preview(context: Context, payload: dict[str, Any]) -> None:
    """Say what a mapping would make of everything there is, and keep nothing else."""
    connection_id = payload["connection_id"]
    _wait_for_tool(context, connection_id)
    preview_mapping(
        context, connection_id, payload["mapping"], lambda state: keep_preview(context, connection_id, state)
    )


def read_inbox(context: Context, payload: dict[str, Any]) -> None:
    """Read again what webhooks spoke of."""
    connection_id = payload["connection_id"]
    _wait_for_tool(context, connection_id)
    with context.transaction() as session:
        touched = service.take_hints(session, connection_id, item=context.item_id)
        for one in sorted((one for one in touched if one.marker), key=lambda one: str(one.marker)):
            connections.expect_ticket(session, connection_id, str(one.marker), one.key)
    context.failpoint("syncing.hints_taken")
    if touched:
        _read_again(context, connection_id, service.keys_of(touched))
    with context.transaction() as session:
        service.end_hints(session, item=context.item_id, now=context.clock())
        service.ask_for_rest(session, connection_id)
        context.finish(session)


def on_connection_changed(context: Context, payload: dict[str, Any]) -> None:
    """Keep the schedule of a connection true; one that was resumed or added is read soon."""
    with context.transaction() as session:
        connection = session.get_one(Connection, payload["connection_id"])
        service.schedule_reading(session, connection)
        context.finish(session)


def prune(context: Context, _payload: dict[str, Any]) -> None:
    """Forget what was kept long enough."""
    with context.transaction() as session:
        service.prune_hints(session, now=context.clock())
        service.prune_runs(session, now=context.clock())
    more = True
    while more:
        with context.transaction() as session:
            more = service.forget_old(session, now=context.clock())


def _read_again(context: Context, connection_id: int, keys: dict[str, list[str]]) -> None:
    try:
        fetch(context, connection_id, keys)
    except TransientError as error:
        pause = timedelta(seconds=error.retry_after) if error.retry_after else PAUSE
        raise RetryLater(str(error), at=context.clock() + pause) from error
    except (ConnectorError, PausedError):
        return  # a person has to do something first; the reading after that covers these records


def _wait_for_tool(context: Context, connection_id: int) -> None:
    with context.reading() as session:
        until = connections.held_until(session, connection_id, now=context.clock())
    if until is not None:
        raise RetryLater("the tool asked to be left alone", at=until)
