"""`plumbline apply`: bring rules to what the files of a folder say; the same folder twice changes nothing."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--plan", is_flag=True, help="Only say what would change.")
def command(folder: Path, plan: bool) -> None:
    """Install the rules that FOLDER holds: every rules/*.yaml in it. What a file no longer names is retired.

    Rules are all that it applies so far: for a connection there is `plumbline connections add`, which changes nothing
    either where the file says what is there.
    """
    from hub.cli.loading import load_settings, open_equipped_database
    from hub.core.errors import InvalidInputError
    from hub.core.instants import utc_now
    from hub.findings import service
    from rules.errors import RulesError
    from rules.loader import load_file

    files = sorted((folder / "rules").glob("*.yaml"))
    if not files:
        raise InvalidInputError(f"{folder} has no rules/*.yaml: there is nothing to apply.")
    try:
        texts = [rule for file in files for rule in load_file(file).rules]
    except RulesError as error:
        raise InvalidInputError(str(error)) from error
    named = [text.name for text in texts]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise InvalidInputError(f"Named twice in {folder / 'rules'}: {', '.join(twice)}. A name is an identity.")
    database = open_equipped_database(load_settings())
    with database.write() as session:
        gone = [
            one.rule.name
            for one in service.list_rules(session)
            if one.rule.managed == "file" and one.rule.name not in named
        ]
        if plan:
            changes = [
                *service.plan_rules(session, texts, managed="file"),
                *(service.Change(name, "retired") for name in gone),
            ]
        else:
            by, now = "system:apply", utc_now()
            changes = [
                *service.install_rules(session, texts, managed="file", by=by, now=now),
                *service.retire_rules(session, gone, managed="file", by=by, now=now),
            ]
    database.dispose()
    for other in sorted(path.name for path in folder.iterdir() if path.name != "rules"):
        click.echo(f"{'left out':9} {other}: only rules/ is applied", err=True)
    for change in changes:
        click.echo(f"{change.what:9} {change.name}")
    click.echo("Nothing was changed: this is the plan." if plan else "Applied.")
