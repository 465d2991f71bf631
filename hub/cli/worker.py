"""`plumbline worker`: due work, until it is told to stop."""

from __future__ import annotations

import signal

import click

from hub.cli.loading import load_settings


@click.command()
@click.option("--queue", default="default", show_default=True, help="The queue to serve.")
@click.option("--drain", is_flag=True, help="Do what is due now, straight from the database, and end.")
def command(queue: str, drain: bool) -> None:
    """Do the work that is due: from the queue, or from the database while the queue server is away."""
    from hub.areas import AREAS
    from hub.worker import TOOLS, create_worker

    worker = create_worker(load_settings(), AREAS, tools=TOOLS, queue=queue)
    if drain:
        click.echo(f"{worker.drain()} work items were due")
        worker.close()
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()
