"""`plumbline work`: what waits, what is stuck, and a fresh start for it."""

from __future__ import annotations

import click

from hub.cli.loading import find_database, load_settings

STATES = ("ready", "done", "parked")


@click.group()
def command() -> None:
    """List work items; retry those that wait for a person."""


@command.command("list")
@click.option("--state", type=click.Choice(STATES), default="parked", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_work(state: str, limit: int) -> None:
    """Show work items of a state, the longest due first, and how many there are of each."""
    from hub.work.models import WorkState
    from hub.work.service import count_items, list_items

    database = find_database(load_settings())
    with database.read() as session:
        counts = count_items(session)
        items = list_items(session, state=WorkState(state), limit=limit)
    for item in items:
        due = item.due_at.isoformat(timespec="seconds")
        tried = f"tried {item.attempt}x, failed {item.failures}x, killed {item.deaths}x"
        click.echo(f"{item.id}  {item.kind}  due {due}  {tried}  {item.last_error or ''}".rstrip())
    click.echo(", ".join(f"{counts.get(one, 0)} {one.value}" for one in WorkState))


@command.command()
@click.argument("items", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every parked item.")
@click.option("--kind", help="Every parked item of this kind.")
def retry(items: tuple[int, ...], everything: bool, kind: str | None) -> None:
    """Give parked work items a fresh start, now."""
    from hub.work.dispatch import Dispatcher
    from hub.work.queue_server import connect
    from hub.work.service import WorkTables, install, retry_item, retry_parked

    if not (items or everything or kind):
        raise click.UsageError("Say which items: their numbers, --kind or --all.")
    settings = load_settings()
    database = find_database(settings)
    install(database.info, WorkTables(dispatch=Dispatcher(connect(settings))))
    with database.write() as session:
        for item_id in items:
            retry_item(session, item_id)
        others = retry_parked(session, kind=kind) if everything or kind else 0
    click.echo(f"{len(items) + others} work items start again")
