"""`plumbline trail`: verify the audit trail, sign where it stands, export it for somebody who need not trust us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.loading import find_database, load_settings

if TYPE_CHECKING:
    from hub.audit.service import SigningKey
    from hub.core.database import Database
    from hub.settings import Settings

NO_KEY = "There is no signing key yet: `plumbline trail checkpoint` makes it."


@click.group()
def trail() -> None:
    """Verify, sign and export the audit trail."""


@trail.command()
@click.option("--public-key", help="64 hex digits, or a file that holds them; default: this deployment's own key.")
@click.option(
    "--checkpoints",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Copy of checkpoints.jsonl from outside; default: the one in PLUMBLINE_AUDIT_CHECKPOINT_PATH.",
)
@click.option("--accept-restore", type=int, multiple=True, metavar="NUMBER", help="A restore that is known.")
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
def verify(public_key: str | None, checkpoints: Path | None, accept_restore: tuple[int, ...], as_json: bool) -> None:
    """Verify the trail; exit code 1 if it is not sound. Whoever must not trust this machine verifies an export."""
    from hub.audit.jobs import find_outside
    from hub.audit.service import verify_trail
    from hub.audit.verify_trail import read_key, read_signed, report_as_json, write_report

    settings = load_settings()
    database = find_database(settings)
    outside = find_outside(settings)
    sent = read_signed(checkpoints) if checkpoints else outside.read() if outside else None
    try:
        key = read_key(public_key) if public_key else _key(database, settings).public
    except ValueError as error:
        raise click.UsageError(f"--public-key: {error}") from error
    with database.read() as session:
        report = verify_trail(session, public_keys=[key], outside=sent, accepted_restores=accept_restore)
    click.echo(report_as_json(report) if as_json else write_report(report))
    if not report.sound:
        raise click.exceptions.Exit(1)


@trail.command()
@click.option("--restored", metavar="REASON", help="Go on after an older database was restored, and say why.")
def checkpoint(restored: str | None) -> None:
    """Seal what waits, sign where the trail stands, and send that outside; the worker does it every hour."""
    from hub.audit.jobs import resume, take_checkpoint

    settings = load_settings()
    database = find_database(settings)
    if restored:
        resume(settings, write=database.write, reason=restored, by="system:cli")
    take_checkpoint(settings, write=database.write, read=database.read)
    place = settings.audit_checkpoint_path or "nowhere outside (PLUMBLINE_AUDIT_CHECKPOINT_PATH is not set)"
    click.echo(f"Signed; sent to {place}.")


@trail.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export(folder: Path) -> None:
    """Write the trail into a new FOLDER with the script that verifies it; first signs where the trail stands."""
    from hub.audit.jobs import take_checkpoint
    from hub.audit.service import export_trail
    from hub.core.instants import utc_now
    from hub.migrations.metadata import load_metadata

    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is not empty: name a new folder.")
    load_metadata()
    settings = load_settings()
    database = find_database(settings)
    take_checkpoint(settings, write=database.write, read=database.read)
    key = _key(database, settings)
    with database.read() as session:
        actions = export_trail(session, folder, key, now=utc_now())
    click.echo(f"{sum(actions.values())} entries in {folder}. To verify them anywhere, with Python alone:")
    click.echo(f"  python verify_trail.py . --public-key {key.public.hex()} --checkpoints <the copy outside>")


@trail.command("key")
def show_key() -> None:
    """Show the public key: note it at set-up, in a place that the operator does not control."""
    settings = load_settings()
    click.echo(_key(find_database(settings), settings).public.hex())


def _key(database: Database, settings: Settings) -> SigningKey:
    from hub.audit.service import SigningKey
    from hub.core.sealing import Sealer

    with database.read() as session:
        found = SigningKey.find(session, Sealer.from_settings(settings))
    if found is None:
        raise click.UsageError(NO_KEY)
    return found
