"""`plumbline connections`: plug tools in, look at them, read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hub.connections.models import Connection
    from hub.connections.places import Foreground
    from hub.core.database import Database
    from hub.syncing.service import Report

BY = "system:cli"
SHOWN = 5
NAME = click.argument("name")


@click.group()
def connections() -> None:
    """Plug tools in, look at them, read them."""


@connections.command()
@click.argument("kind")
@NAME
@click.option(
    "--config", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="YAML file."
)
@click.option("--org-unit", help="Key of the org unit it belongs to; default: the whole organisation.")
@click.option("--title", help="What people call it; default: its name.")
@click.option("--every", type=click.IntRange(0), help="Read it every so many seconds; 0 = only when asked.")
def add(kind: str, name: str, *, config: Path, org_unit: str | None, title: str | None, every: int | None) -> None:
    """Add a connection NAME of a KIND, or bring it to what the file says. It starts by only looking."""
    from hub.connections import service
    from hub.connections.configuration import split
    from hub.connections.describing import describe
    from hub.core.sealing import Sealer
    from hub.people.service import find_org_unit, top_org_unit
    from hub.syncing.mapping import read_mapping
    from hub.syncing.service import set_mapping

    given = _read_config(config)
    schema = describe(kind).schema
    mapping = given.get("mapping") if "mapping" in schema["properties"] else given.pop("mapping", None)
    read_mapping(mapping or {})
    plain, secrets = split(given, schema)
    with _foreground() as place:
        _try_config(place, kind, given, config)
        with place.transaction() as session:
            unit = find_org_unit(session, org_unit) if org_unit else top_org_unit(session)
            draft = service.Draft(
                key=name, kind=kind, title=title or name, config=plain, secrets=secrets, org_unit_id=unit.id
            )
            sealer, now = Sealer.from_settings(place.settings), place.clock()
            saved = service.save_connection(session, draft, sealer=sealer, every_seconds=every, by=BY, now=now)
            remapped = set_mapping(session, saved.connection, mapping or {}, by=BY, now=now)
    if saved.is_new:
        click.echo(f"Added {name}: it only looks. `plumbline connections check {name}` tries it.")
    else:
        click.echo(f"Changed {name}." if saved.changed or remapped else f"{name} says the same already.")


@connections.command("list")
def list_() -> None:
    """List connections and how they fare."""
    from hub.connections import service

    with _foreground() as place, place.reading() as session:
        found = service.list_connections(session)
        for connection in found:
            health = service.find_health(session, connection)
            state = "paused" if connection.paused_at else (health.error_class or "works")
            read = health.last_success_at.isoformat(timespec="seconds") if health.last_success_at else "not read yet"
            click.echo(f"{connection.key:20} {connection.kind:14} {connection.stage:12} {state:12} {read}")
        if not found:
            click.echo("No connections yet: plumbline connections add KIND NAME --config FILE.yaml")


@connections.command()
@NAME
def check(name: str) -> None:
    """Ask the tool behind NAME whether configuration and permissions work."""
    from hub.connections.places import using

    with _foreground() as place, using(place, _find(place, name).id) as tool:
        health = tool.check()
    click.echo(f"{name} works" + (f" as {health.account}" if health.account else "") + ".")
    for line in (*health.notes, *(f"missing: {missing}" for missing in health.missing)):
        click.echo(f"  {line}")


@connections.command()
@NAME
def discover(name: str) -> None:
    """List the streams of NAME and their fields."""
    from hub.connections.places import using

    with _foreground() as place, using(place, _find(place, name).id) as tool:
        for stream in tool.discover():
            fields = stream.json_schema.get("properties")
            click.echo(f"{stream.name}: {stream.title}")
            click.echo(f"  {', '.join(fields) if isinstance(fields, dict) else ''}")


@connections.command()
@NAME
def preview(name: str) -> None:
    """Read NAME without keeping anything, and say what would be read and put aside."""
    from connectors.sdk.protocol import Record, Rejected
    from hub.connections.places import using
    from hub.core.privacy import PeopleData
    from hub.core.sealing import Sealer
    from hub.syncing.people import mask_people
    from hub.syncing.service import find_mapping

    with _foreground() as place:
        connection = _find(place, name)
        with place.reading() as session:
            mapping = find_mapping(session, connection.id)
        with using(place, connection.id) as tool:
            for stream in tool.discover():
                items = list(tool.read(stream, None))
                records = [item for item in items if isinstance(item, Record)]
                rejected = [item for item in items if isinstance(item, Rejected)]
                becomes = "observations" if mapping.layout_of(stream) else "records: no mapping says what they mean"
                click.echo(f"{stream.name}: {len(records)} would be read as {becomes}, {len(rejected)} put aside")
                with place.transaction() as session:
                    people = PeopleData.load(session, place.settings, Sealer.from_settings(place.settings))
                    shown = mask_people(session, people, records[:SHOWN], mapping.person_columns(stream.name))
                for record in shown:
                    click.echo(f"  {record.key}  {json.dumps(record.data, ensure_ascii=False)[:200]}")
                for one in rejected[:SHOWN]:
                    click.echo(f"  {one.place}: {one.reason}. {one.remedy}", err=True)


@connections.command()
@NAME
@click.option("--full", is_flag=True, help="Read everything, and look for what is gone.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def sync(name: str, full: bool, format_: str) -> None:
    """Read NAME now, in the foreground."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from hub.syncing.reading import sync as read

    with _foreground() as place:
        connection = _find(place, name)
        columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed} read"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            tasks: dict[str, Any] = {}

            def show(stream: str, count: int) -> None:
                if stream not in tasks:
                    tasks[stream] = bar.add_task(stream, total=None)
                bar.update(tasks[stream], completed=count)

            report = read(place, connection.id, full=full, progress=show)
    click.echo(json.dumps(report.as_json()) if format_ == "json" else _tell(report))


@connections.command()
@NAME
@click.option("--reason", default="Paused from the command line.", help="Shown to whoever asks why.")
def pause(name: str, reason: str) -> None:
    """Stop reading from and writing to NAME; what is to be written is kept."""
    from hub.connections import service

    with _changing(name) as (place, session, connection):
        service.pause_connection(session, connection, reason=reason, by=BY, now=place.clock())
    click.echo(f"{name} is paused.")


@connections.command()
@NAME
def resume(name: str) -> None:
    """Go on with NAME after a pause."""
    from hub.connections import service

    with _changing(name) as (place, session, connection):
        service.resume_connection(session, connection, by=BY, now=place.clock())
    click.echo(f"{name} goes on.")


@connections.command()
@NAME
@click.argument("position", type=click.Choice(["on", "off"]))
def writes(name: str, position: str) -> None:
    """Let Plumbline write to NAME (on), or only look (off)."""
    from hub.connections import service
    from hub.connections.models import Stage

    stage = Stage.WRITING if position == "on" else Stage.OBSERVE_ONLY
    with _changing(name) as (place, session, connection):
        service.set_stage(session, connection, stage, by=BY, now=place.clock())
    click.echo(f"{name} may be written to." if position == "on" else f"{name} is only looked at.")


@connections.command()
@NAME
@click.confirmation_option("--yes", prompt="Its secrets go at once; what was read stays. Remove it?")
def remove(name: str) -> None:
    """Remove NAME: its secrets go at once, what was read stays."""
    from hub.connections import service

    with _changing(name) as (place, session, connection):
        service.remove_connection(session, connection, by=BY, now=place.clock())
    click.echo(f"{name} is removed.")


@contextmanager
def _foreground() -> Iterator[Foreground]:
    """Open what a command that calls tools needs, and close the connectors at its end."""
    from hub.cli.loading import load_settings, open_equipped_database
    from hub.connections.places import CONNECTORS, Foreground
    from hub.connections.processes import Connectors
    from hub.core.instants import utc_now

    settings = load_settings()
    database: Database = open_equipped_database(settings)
    tools = Connectors(settings)
    try:
        yield Foreground(database, settings, utc_now, {CONNECTORS: tools})
    finally:
        tools.close()
        database.dispose()


@contextmanager
def _changing(name: str) -> Iterator[tuple[Foreground, Any, Connection]]:
    """Open a transaction in which a connection is changed."""
    from hub.connections import service

    with _foreground() as place, place.transaction() as session:
        yield place, session, service.find_connection(session, name)


def _try_config(place: Foreground, kind: str, given: dict[str, Any], path: Path) -> None:
    """Have the connector itself look at a configuration: a typo is told now, with file and entry."""
    from connectors.sdk.errors import ConfigError
    from hub.connections.places import CONNECTORS
    from hub.connections.processes import Connectors

    tools: Connectors = place.tools[CONNECTORS]
    try:
        with tools.start(kind, given) as tool:
            tool.capabilities()
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}", field=error.field) from None


def _find(place: Foreground, name: str) -> Connection:
    from hub.connections import service

    with place.reading() as session:
        return service.find_connection(session, name)


def _read_config(path: Path) -> dict[str, Any]:
    import yaml

    from hub.core.errors import InvalidInputError

    try:
        given = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is no YAML: {error}") from error
    if not isinstance(given, dict):
        raise InvalidInputError(f"{path} has to be a mapping of names and values, such as `path: numbers.csv`.")
    return given


def _tell(report: Report) -> str:
    lines = [
        f"{name}: {counts.read} read, {counts.created} new, {counts.updated} changed, {counts.deleted} gone, "
        f"{counts.quarantined} put aside"
        for name, counts in report.streams.items()
    ]
    return "\n".join([*lines, f"{report.requests} requests, {report.seconds:.1f} s"])
