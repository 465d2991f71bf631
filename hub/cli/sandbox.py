"""`plumbline sandbox`: stand-ins for tools, to try things out without the real ones."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def sandbox() -> None:
    """Stand-ins for tools: stateful, with faults, on this machine only."""


@sandbox.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="0 = any free one.")
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="File that keeps the site over restarts."
)
@click.option("--webhook", help="Address that is told of changes, such as http://127.0.0.1:8080/webhooks/jira.")
@click.option(
    "--webhook-secret", envvar="PLUMBLINE_SANDBOX_WEBHOOK_SECRET", show_envvar=True, help="Its signing secret."
)
def jira(port: int, state: Path | None, webhook: str | None, webhook_secret: str | None) -> None:
    """Serve a Jira site: look at it in a browser, point a connection at it, close tickets by hand."""
    from connectors.jira.sandbox import DEMO_SECRET, serve

    told = (webhook, webhook_secret or DEMO_SECRET) if webhook else None
    serve(port, state=state, webhook=told, ready=lambda address: click.echo(f"Jira stand-in: {address}"))
