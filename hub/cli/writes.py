"""`plumbline writes on|off`: the stop switch for everything that is written to tools."""

from __future__ import annotations

import click


@click.command()
@click.argument("position", type=click.Choice(["on", "off"]))
def command(position: str) -> None:
    """Stop all writing to tools (off), or let it go on (on). What waits is kept in its order."""
    from hub.cli.loading import load_settings, open_equipped_database
    from hub.connections.service import switch_writes
    from hub.core.instants import utc_now

    database = open_equipped_database(load_settings())
    with database.write() as session:
        switch_writes(session, on=position == "on", by="system:cli", now=utc_now())
    database.dispose()
    click.echo("Writing goes on." if position == "on" else "Nothing more is written to any tool; what waits is kept.")
