"""`plumbline inventory`: what is stored, what for, for how long, and who sees it."""

from __future__ import annotations

import click


@click.command()
@click.option("--personal", is_flag=True, help="Only what says something about people.")
def command(personal: bool) -> None:
    """Write the field inventory as a table: every column, whether it is about people, purpose, retention, audience."""
    from hub.core.database import Base
    from hub.core.inventory import inventory_markdown
    from hub.migrations.metadata import load_metadata

    load_metadata()
    click.echo(inventory_markdown(Base, personal_only=personal), nl=False)
