"""`plumbline settings`: the reference of all settings, as hub/SETTINGS.md holds it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

HEAD = """# Settings
Written by `plumbline settings`, from `hub/settings.py`. Each is an environment variable; with `_FILE` after its name it
names a file that holds the value, as secrets are mounted.

| variable | default | meaning |
|---|---|---|
"""


@click.command()
def command() -> None:
    """Write the reference of all settings as a table."""
    click.echo(settings_markdown(), nl=False)


def settings_markdown() -> str:
    """Write what `Settings` says of itself."""
    from hub.settings import Settings, variables

    return HEAD + "".join(
        f"| {' or '.join(f'`{one}`' for one in variables(name))} | {_default(info)} | {_meaning(info)} |\n"
        for name, info in Settings.model_fields.items()
    )


def _default(info: FieldInfo) -> str:
    value: Any = info.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Path) and value.is_relative_to(Path.home()):
        return f"`~/{value.relative_to(Path.home())}`"
    return "" if value in (None, ()) else f"`{value}`"


def _meaning(info: FieldInfo) -> str:
    if get_origin(info.annotation) is not Literal:
        return str(info.description)
    choices = ", ".join(f"`{choice}`" for choice in get_args(info.annotation))
    return f"{info.description} One of {choices}."
