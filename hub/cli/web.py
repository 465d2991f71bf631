"""`plumbline web`: pages and API, by granian."""

from __future__ import annotations

import os
import sys

import click

from hub.cli.loading import load_settings
from hub.settings import Settings
from hub.supervisor import python_environ, python_options


@click.command()
def command() -> None:
    """Serve the pages and the API; workers and the queue server are started apart."""
    from hub.cli.queue import refuse_unsafe_queue_server

    settings = load_settings()
    refuse_unsafe_queue_server(settings)
    serving = serve(settings, settings.port)
    os.execve(serving[0], serving, python_environ())  # noqa: S606  # our own program, without what was needed to begin


def serve(settings: Settings, port: int) -> list[str]:
    """Give the command that serves the pages once everything is checked."""
    options = [settings.host, str(port), str(settings.web_threads)]
    return [sys.executable, *python_options(), "-m", "hub.cli.serve", *options]
