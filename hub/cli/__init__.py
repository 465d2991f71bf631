"""`plumbline ...`: one module per command group, imported when its command is used."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    from hub.cli.group import run  # here, so that `hub.cli.serve` stays as small as it is

    run(arguments)
