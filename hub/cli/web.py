"""`plumbline web`: pages and API, by granian."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from hub.cli.loading import load_settings
from hub.core.processes import die_with_parent


@click.command()
def command() -> None:
    """Serve the pages and the API; workers and the queue server are started apart."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    from hub.cli.queue import refuse_unsafe_queue_server

    settings = load_settings()
    refuse_unsafe_queue_server(settings)
    server = Server(
        "hub.app:create_app_from_environ",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=settings.web_threads,
        workers_kill_timeout=8,
        log_level=LogLevels.error,
    )
    gc.collect()
    gc.freeze()  # the serving process is forked from this one: pages that nobody touches stay shared
    server.serve(target_loader=partial(_load, os.getpid()), wrap_loader=False)


def _load(parent: int) -> Callable[..., Any]:
    """Build the app, in granian's own child: the wish to die with the parent is not inherited."""
    die_with_parent(parent)
    from hub.app import create_app_from_environ

    app: Callable[..., Any] = create_app_from_environ()
    return app
