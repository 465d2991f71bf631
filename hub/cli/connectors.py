"""`plumbline connectors`: which tools can be plugged in, and a start for a new one."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def connectors() -> None:
    """Connectors: those that are installed, and a start for your own."""


@connectors.command("list")
def list_() -> None:
    """List the installed connectors and where they come from."""
    from connectors.registry import kinds

    for entry in kinds():
        click.echo(f"{entry.kind:20} {entry.distribution} {entry.version}")


@connectors.command()
@click.argument("name")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where to make it.")
def new(name: str, folder: Path) -> None:
    """Make a complete small connector NAME that passes the contract tests at once."""
    from connectors.sdk.scaffold import create

    made = create(name, folder)
    kind = name.replace("-", "_")
    click.echo(f"Made {made}. Next: pip install -e '{made}[test]', then plumbline connectors test {kind}.")


@connectors.command()
@click.argument("name")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="YAML; only read then.")
def test(name: str, config: Path | None) -> None:
    """Put an installed connector NAME through the contract tests; with --config against a real tool, reading only."""
    import json

    import yaml

    from connectors.registry import find, sample_target

    try:
        from connectors.sdk.testing import run_contract
    except ModuleNotFoundError as error:
        raise click.ClickException(f"The contract tests need {error.name}: pip install {error.name}") from error

    text = None if config is None else json.dumps(yaml.safe_load(config.read_text("utf-8")))
    raise click.exceptions.Exit(run_contract(find(name), sample_target(name), config_json=text))
