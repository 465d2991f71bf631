"""The group of all commands, each imported when it is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from connectors.sdk.errors import ConnectorError
from hub.cli.commands import COMMANDS
from hub.cli.names import refuse_foreign_packages
from hub.core.area import resolve
from hub.core.errors import PlumblineError
from hub.core.home import keep_files_private

FAILED = 2
"""Exit code of everything that a person has to put right first; the supervisor knows it too."""


class LazyGroup(click.Group):
    """Lists its commands from a table, so that `--help` and a quick command import nothing of the others."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Give the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        entry = COMMANDS.get(name)
        if entry is None:
            return super().get_command(context, name)
        command: click.Command = resolve(entry.target)
        command.name = name
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the table says of each command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="plumbline-hub", prog_name="plumbline")
def plumbline() -> None:
    """Plumbline keeps objectives true: it finds gaming risks, stale data and ownership gaps, and makes them tickets."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error that a person can put right is one sentence and exit code 2."""
    keep_files_private()
    try:
        refuse_foreign_packages()
        plumbline.main(args=None if arguments is None else list(arguments), prog_name="plumbline")
    except (PlumblineError, ConnectorError) as error:
        click.echo(f"plumbline: {error}", err=True)
        sys.exit(FAILED)
