"""The check of the queue server that every process makes before it starts."""

from __future__ import annotations

import click
from redis.exceptions import RedisError

from hub.settings import Settings
from hub.work.queue_server import check_queue_server, connect


def refuse_unsafe_queue_server(settings: Settings) -> None:
    """Refuse an unsafe queue server by its setting; one that is away may come later."""
    client = connect(settings)
    try:
        warnings = check_queue_server(client, settings)
    except RedisError:
        return
    finally:
        client.close()
    for warning in warnings:
        click.echo(f"plumbline: {warning}", err=True)
