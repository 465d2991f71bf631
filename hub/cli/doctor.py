"""`plumbline doctor`: what a person would look at first when something is wrong."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator

import click

from hub.cli.loading import load_settings, open_database
from hub.cli.names import refuse_foreign_packages
from hub.core.errors import PlumblineError, SettingError
from hub.core.home import find_open
from hub.core.revisions import current_revision, newest_revision
from hub.settings import Settings

OLDEST, FIRST_UNTRIED = (3, 11), (3, 14)
Check = Callable[[Settings], str]


@click.command()
def command() -> None:
    """Check this installation; exit code 2 when something has to be put right."""
    settings = load_settings()
    wrong = [name for name, well, said in examine(settings) if not _show(name, said, well=well)]
    if wrong:
        raise SettingError(f"{len(wrong)} to put right: {', '.join(wrong)}")


def examine(settings: Settings) -> Iterator[tuple[str, bool, str]]:
    """Make every check: its name, whether all is well, and what was found."""
    for name, check in CHECKS.items():
        try:
            yield name, True, check(settings)
        except PlumblineError as error:
            yield name, False, str(error)
        except Exception as error:  # noqa: BLE001  # whatever is wrong is the finding; messages may hold passwords
            yield name, False, f"does not work ({type(error).__name__})"


def _show(name: str, said: str, *, well: bool) -> bool:
    click.echo(f"{'ok  ' if well else 'FAIL'}  {name}: {said}")
    return well


def _check_python(_settings: Settings) -> str:
    if not OLDEST <= sys.version_info[:2] < FIRST_UNTRIED:
        raise SettingError(f"this is Python {platform.python_version()}: use 3.11, 3.12 or 3.13")
    return f"{platform.python_version()} in {sys.prefix}"


def _check_names(_settings: Settings) -> str:
    refuse_foreign_packages()
    return "hub, rules and connectors belong to Plumbline alone"


def _check_home(settings: Settings) -> str:
    if not os.access(settings.home, os.R_OK | os.W_OK | os.X_OK):
        raise SettingError(f"{settings.home} cannot be written: change its owner or PLUMBLINE_HOME")
    exposed = find_open(settings.home)
    if exposed:
        raise SettingError(f"others can use {', '.join(map(str, exposed))}: run `chmod go-rwx` as the owner")
    return f"{settings.home} can be written, and read by its owner only"


def _check_database(settings: Settings) -> str:
    database = open_database(settings)
    try:
        found = current_revision(database)
    finally:
        database.dispose()
    needed = newest_revision()
    if found != needed:
        raise SettingError(
            f"the tables are at {found or 'nothing'}, this version needs {needed}: run `plumbline db upgrade`"
        )
    return f"{database.url.render_as_string()} is at {found}"


def _check_queue(settings: Settings) -> str:
    from redis.exceptions import RedisError

    from hub.work.queue_server import check_queue_server, connect, find_binary

    client = connect(settings)
    try:
        warnings = check_queue_server(client, settings)
    except RedisError:
        if settings.redis_url is None:
            return f"not running now; `plumbline up` starts {find_binary()}"
        raise SettingError("the queue server of REDIS_URL does not answer: start it, or correct REDIS_URL") from None
    finally:
        client.close()
    return " ".join(["answers and is safe.", *warnings])


CHECKS: dict[str, Check] = {
    "python": _check_python,
    "names": _check_names,
    "home": _check_home,
    "database": _check_database,
    "queue server": _check_queue,
}
