"""`plumbline db`: bring the tables up to date, back up, restore, verify."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hub.core.database import Database
    from hub.settings import Settings


@click.group()
def db() -> None:
    """Tables, backups and the soundness of the database."""


@db.command()
@click.option("--revision", default="head", show_default=True, help="How far up to go.")
def upgrade(revision: str) -> None:
    """Bring the tables up to date, in one transaction: killed in the middle, it leaves no trace."""
    from hub.migrations import run

    with _database() as (database, _settings):
        before = run.current_revision(database)
        run.upgrade(database, revision)
        after = run.current_revision(database)
    click.echo(f"The tables are at revision {after}{', as before' if before == after else ''}.")


@db.command()
@click.argument("revision")
@click.confirmation_option("--yes", prompt="What only newer tables hold is gone after this. Is there a backup?")
def downgrade(revision: str) -> None:
    """Bring the tables down to REVISION (`base` = none); what only newer tables hold is gone."""
    from hub.migrations import run

    with _database() as (database, _settings):
        run.downgrade(database, revision)
        click.echo(f"The tables are at revision {run.current_revision(database) or 'base'}.")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the whole database to a new FILE while the product runs. Keys are never part of it: keep them apart."""
    from hub.core.instants import utc_now
    from hub.migrations.backup import write_backup

    with _database() as (database, settings):
        write_backup(database, file, now=utc_now())
        keys = "PLUMBLINE_SECRET_KEYS" if settings.secret_keys else settings.home / "secret.keys"
        click.echo(f"Backed up to {file}. Secrets in it are sealed; keep {keys} in another place.")


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Put a backup FILE into an empty database, and say what is missing to work with it."""
    from hub.migrations import run
    from hub.migrations.backup import restore_backup
    from hub.migrations.verification import find_missing_keys

    with _database() as (database, settings):
        restore_backup(database, file)
        click.echo(f"Restored {file}: revision {run.current_revision(database)}.")
        if run.current_revision(database) != run.head_revision():
            click.echo("Next: `plumbline db upgrade`, then `plumbline db verify`.")
            return
        with database.read() as session:
            missing = find_missing_keys(session, settings)
        if missing:
            click.echo(f"Missing: {missing}.", err=True)
        if settings.audit_checkpoint_path is not None:
            click.echo("Next: `plumbline trail checkpoint --restored REASON`, so that the trail goes on in the open.")


@db.command()
@click.option("--rebuild-columns", is_flag=True, help="First derive the columns of all series again.")
def verify(rebuild_columns: bool) -> None:
    """Check the database; exit code 1 if anything is wrong."""
    from hub.migrations.verification import rebuild_all_columns, verify_database

    wrong = False
    with _database() as (database, settings):
        if rebuild_columns:
            click.echo(f"Columns of {rebuild_all_columns(database)} series were derived again.")
        for check in verify_database(database, settings):
            wrong |= check.finding is not None
            click.echo(f"ok   {check.name}" if check.finding is None else f"BAD  {check.name}: {check.finding}")
    if wrong:
        raise click.exceptions.Exit(1)


@contextmanager
def _database() -> Iterator[tuple[Database, Settings]]:
    from hub.core.database import Database
    from hub.core.home import make_home
    from hub.settings import Settings

    settings = Settings()
    make_home(settings.home)
    database = Database(settings.database_address())
    try:
        yield database, settings
    finally:
        database.dispose()
