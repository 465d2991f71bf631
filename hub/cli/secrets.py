"""`plumbline secrets`: which keys seal the stored secrets, and a new key without downtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hub.cli.loading import find_database, load_settings

if TYPE_CHECKING:
    from hub.core.rotation import SealedColumn

HOW_TO_ADD = (
    "PLUMBLINE_SECRET_KEYS is yours to change: add a new key behind the others and restart everything, then move it "
    "to the front and restart again, then run this command."
)


@click.group()
def secrets() -> None:
    """Keys of the stored secrets."""


@secrets.command()
def status() -> None:
    """Count the stored secrets by the key that seals them."""
    from hub.core.rotation import count_by_key
    from hub.core.sealing import Sealer

    settings = load_settings()
    sealer = Sealer.from_settings(settings)
    with find_database(settings).read() as session:
        click.echo(f"Keys come from {sealer.origin}; key {sealer.newest} seals.")
        for column, key_id, number in count_by_key(session, _columns()):
            click.echo(f"{column.name}: {number} sealed by {key_id}")


@secrets.command()
def rotate() -> None:
    """Seal every stored secret with a new key while everything runs; exit code 1 if one cannot be opened."""
    from hub.audit.service import record
    from hub.core.keyring import FileKeyring, new_key
    from hub.core.rotation import rotate as seal_again
    from hub.core.sealing import Sealer

    settings = load_settings()
    database = find_database(settings)
    if settings.secret_keys is None:
        FileKeyring(settings.home).add(new_key())
    sealer = Sealer.from_settings(settings)
    rotated = seal_again(database, sealer, _columns())
    with database.write() as session:
        detail = {"key": sealer.newest, "count": rotated.count, "failures": len(rotated.failures)}
        record(session, action="secrets.rotated", subject=None, by="system:cli", detail=detail)
    click.echo(f"{rotated.count} secrets are now sealed by key {sealer.newest} of {sealer.origin}.")
    if settings.secret_keys is not None and not rotated.count:
        click.echo(HOW_TO_ADD)
    for failure in rotated.failures:
        click.echo(failure, err=True)
    if rotated.failures:
        raise click.exceptions.Exit(1)
    click.echo("Keep the old keys as long as there are backups that hold secrets sealed by them.")


def _columns() -> list[SealedColumn]:
    from hub.core.rotation import find_sealed_columns
    from hub.migrations.metadata import load_metadata

    load_metadata()
    return find_sealed_columns()
