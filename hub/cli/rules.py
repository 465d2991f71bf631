"""`plumbline rules`: what is installed, whether a file is right and its cases hold, what it does, a run by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rules.loader import Pack

FILES = click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))


@click.group()
def rules() -> None:
    """Rules: list, check, test and run them."""


@rules.command("list")
def list_() -> None:
    """List the rules in force and what their last run said."""
    from hub.cli.loading import find_database, load_settings
    from hub.findings import service
    from hub.findings.models import TestedCases

    database = find_database(load_settings())
    with database.read() as session:
        for installed in service.list_rules(session):
            last = session.get(TestedCases, installed.rule.id)
            stage = installed.text.stage.name
            click.echo(f"{installed.rule.name}  v{installed.version.number}  {stage}  {installed.rule.managed}")
            click.echo(f"    {last.statement if last else 'not run yet'}")
    database.dispose()


@rules.command()
@click.argument("name")
@click.argument("stage", type=click.Choice(["shadow", "pilot", "live"]))
@click.option("--org-unit", "org_units", multiple=True, help="Key of an org unit that a pilot covers; repeat it.")
def stage(name: str, stage: str, org_units: tuple[str, ...]) -> None:
    """Let the shipped rule NAME loose: shadow finds and pushes nothing, pilot pushes in some org units, live in all.

    Shipped rules are installed in shadow, whatever stage their file is made for. A rule of yours says its stage in its
    file.
    """
    from hub.cli.loading import load_settings, open_equipped_database
    from hub.core.errors import InvalidInputError
    from hub.core.instants import utc_now
    from hub.findings import service
    from hub.people.service import find_org_unit
    from rules.schema import Stage

    if (stage == "pilot") != bool(org_units):
        raise InvalidInputError("A pilot names the org units it covers, and only a pilot does: --org-unit KEY.")
    database = open_equipped_database(load_settings())
    with database.write() as session:
        keys = tuple(find_org_unit(session, key).key for key in org_units)
        chosen = Stage(name=stage, org_units=keys)
        change = service.set_rule_stage(session, name, chosen, by="system:cli", now=utc_now())
    database.dispose()
    where = f" in {', '.join(keys)}" if keys else ""
    click.echo(f"{name} is {stage}{where}." if change.what == "changed" else f"{name} was {stage}{where} already.")


@rules.command()
@FILES
def check(files: Sequence[Path]) -> None:
    """Check rule FILES (default: the packs we ship); every error names file, line, rule and the nearest right word."""
    from rules.errors import RulesError

    wrong = False
    for source, load in _sources(files):
        try:
            pack = load()
        except RulesError as error:
            wrong = True
            click.echo(str(error), err=True)
        else:
            click.echo(f"{source}: {len(pack.rules)} rules are right.")
    if wrong:
        raise click.exceptions.Exit(2)


@rules.command()
@FILES
def test(files: Sequence[Path]) -> None:
    """Run the cases of rule FILES (default: the packs we ship); exit code 1 if one fails."""
    from rules.cases import run_cases
    from rules.errors import RulesError

    failed = 0
    count = 0
    for _source, load in _sources(files):
        try:
            results = list(run_cases(load()))
        except RulesError as error:
            raise click.UsageError(str(error)) from error
        count += len(results)
        for result in results:
            failed += not result.passed
            if not result.passed:
                click.echo(str(result), err=True)
    click.echo(f"{count - failed} of {count} cases passed.")
    if failed:
        raise click.exceptions.Exit(1)


@rules.command()
@click.argument("name")
def explain(name: str) -> None:
    """Explain rule or detector NAME: method, source, assumptions, innocent explanations, what would settle it."""
    from hub.core.errors import NotFoundError
    from rules.errors import suggest
    from rules.loader import load_pack, packs
    from rules.registry import REGISTRY

    shipped = {rule.name: rule for pack in packs() for rule in load_pack(pack).rules}
    rule = shipped.get(name)
    wanted = rule.detector if rule else name.replace("-", "_")
    if wanted not in REGISTRY.names():
        raise NotFoundError(f"There is no rule or detector {name!r}{suggest(name, [*shipped, *REGISTRY.names()])}")
    if rule:
        click.echo(f"{rule.name} ({rule.severity.value}, about each {rule.scope.subject.replace('_', ' ')})")
        click.echo(f"{rule.description}\n")
    detector = REGISTRY.get(wanted)
    click.echo(f"{click.style(detector.name, bold=True)}, version {detector.version}\n")
    click.echo(_without_marks(detector.manual))
    click.echo("\nParameters")
    for key, field in detector.params.model_fields.items():
        default = rule.params.get(key, field.default) if rule else field.default
        click.echo(f"  {key} = {default}: {field.description}")


def _without_marks(manual: str) -> str:
    """Return a manual for a terminal: headings stand out by style, code by quotes."""
    import re

    bold = re.sub(r"\*\*(.+?)\*\*", lambda found: click.style(found[1], bold=True), manual)
    return bold.replace("`", "'")


@rules.command()
def run() -> None:
    """Evaluate all rules now, as the schedule does, and say what they tested and found."""
    from hub.cli.loading import load_settings, open_equipped_database
    from hub.core.instants import utc_now
    from hub.findings import service

    settings = load_settings()
    database = open_equipped_database(settings)
    with database.read() as session:
        question = service.read_question(session, now=utc_now())
    evaluation = service.answer(question)
    with database.write() as session:
        steps = service.store_answer(session, question, evaluation, service.Privacy(settings.owner_first_business_days))
    for result in evaluation.results:
        click.echo(f"{result.rule.name}: {result.statement}")
    click.echo(f"{steps} findings changed.")
    database.dispose()


def _sources(files: Sequence[Path]) -> Iterator[tuple[str, _Load]]:
    from functools import partial

    from rules.loader import load_file, load_pack, packs

    if not files:
        for name in packs():
            yield name, partial(load_pack, name)
    for file in files:
        for found in sorted(file.glob("**/*.yaml")) if file.is_dir() else [file]:
            yield str(found), partial(load_file, found)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Load = Callable[[], Pack]
