"""`plumbline up`: everything on this machine, as one tree of processes."""

from __future__ import annotations

import sys
from dataclasses import replace
from ipaddress import ip_address

import click

from hub.cli.loading import load_settings, open_database, open_equipped_database, upgrade_database
from hub.cli.web import serve
from hub.core.database import Database
from hub.core.errors import SettingError
from hub.core.instants import utc_now
from hub.settings import Settings
from hub.supervisor import Child, Plan, become_supervisor, choose_port, end_leftovers, python_options, take_lock


@click.command()
@click.option("--demo", is_flag=True, help="With a sample company and stand-ins for its tools.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Worker processes; without it, PLUMBLINE_WORKERS says how many.",
)
def command(demo: bool, workers: int | None) -> None:
    """Start everything on this machine, keep it running, and end it with Ctrl-C."""
    settings = load_settings()
    if demo:
        _refuse_open_demo(settings)
    folder = settings.home.absolute() / "run"
    lock = take_lock(folder)
    end_leftovers(folder)
    plan = Plan(str(folder), lock, settings.host, choose_port(settings.host, settings.port), children=[])
    queue_server = _queue_server(settings)
    _prepare(settings, plan, demo=demo)
    product = _product(settings, plan, workers or settings.workers)
    if demo:
        product = _with_demo(settings, plan, product)
    become_supervisor(replace(plan, children=[*queue_server, *product]))


def _refuse_open_demo(settings: Settings) -> None:
    try:
        loopback = settings.host == "localhost" or ip_address(settings.host).is_loopback
    except ValueError:
        loopback = False  # a name may lead anywhere
    if not loopback:
        raise SettingError(
            f"PLUMBLINE_HOST is {settings.host}: the sample's password is known to all, so it is for this machine "
            "alone. Leave PLUMBLINE_HOST out, or start without --demo."
        )


def plumbline(*arguments: str) -> list[str]:
    """Give the command that runs this very copy of the command line in a process of its own."""
    return [sys.executable, *python_options(), "-m", "hub.cli", *arguments]


def _queue_server(settings: Settings) -> list[Child]:
    from hub.cli.queue import refuse_unsafe_queue_server
    from hub.work.queue_server import prepare_embedded, socket_path

    if settings.redis_url is not None:
        refuse_unsafe_queue_server(settings)
        return []
    socket = str(socket_path(settings.home))
    return [Child("queue server", prepare_embedded(settings.home), queue_socket=socket)]


def _product(settings: Settings, plan: Plan, workers: int) -> list[Child]:
    environ = {"PLUMBLINE_HOME": str(settings.home.absolute()), "PLUMBLINE_PORT": str(plan.port)}
    names = [f"worker {number}" for number in range(1, workers + 1)]
    return [
        Child("web", serve(settings, plan.port), environ),
        *(Child(name, plumbline("worker"), environ, patient=True) for name in names),
    ]


def _with_demo(settings: Settings, plan: Plan, product: list[Child]) -> list[Child]:
    from hub.cli.demo import demo_children, demo_environ

    with_access = [replace(child, environ={**child.environ, **demo_environ(plan)}) for child in product]
    return [*demo_children(settings, plan), *with_access]


def _prepare(settings: Settings, plan: Plan, *, demo: bool) -> None:
    """Bring the database up to date, and say how to get in: with the sample's account, or where nobody can yet."""
    from hub.people.service import first_run_notice

    database = open_database(settings)
    upgrade_database(database)
    if demo:
        notice: str | None = _fill_sample(settings, plan, database)
    else:
        with database.write() as session:
            notice = first_run_notice(session, address=settings.public_url or plan.address, now=utc_now())
    database.dispose()
    if notice is not None:
        click.echo(notice)


def _fill_sample(settings: Settings, plan: Plan, database: Database) -> str:
    from hub.cli.demo import EMAIL, demo_notice
    from hub.people.service import find_person_by_email, has_accounts

    with database.read() as session:
        used, filled = has_accounts(session), find_person_by_email(session, EMAIL) is not None
    if not used:
        from hub.cli.sample import fill

        equipped = open_equipped_database(settings, tell_queue=False)
        fill(equipped, settings, now=utc_now())
        equipped.dispose()
    return demo_notice(settings, plan, filled=filled or not used)
