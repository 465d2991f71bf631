"""`plumbline audit`: findings from plain files; no account, no server, no database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rules.audit.findings import Audit
    from rules.audit.intake import Intake
    from rules.schema import Rule
SEVERITIES = ("info", "warning", "critical")
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--rules", "rules", type=click.Path(exists=True, path_type=Path), help="A rule file or folder; default: our packs."
)
@click.option("--as-of", metavar="DATE", help="Judge what was known on this day.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv", "html"]), default="table")
@click.option("--out", type=FILE, help="Write the findings to this file.")
@click.option("--scores", type=FILE, help="Also write every tested case, found or not, to this CSV.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with 1 if a finding is at least so severe.")
def command(
    paths: Sequence[Path],
    *,
    rules: Path | None,
    as_of: str | None,
    form: str,
    out: Path | None,
    scores: Path | None,
    fail_on: str | None,
) -> None:
    """Audit measurements in PATH: a folder of tables, a CSV or a workbook. Several are read as one organisation.

    Says what it understood and what it ignored, what each check tested or needs, and what it found. Nothing leaves this
    machine. Exit code 0: done; 1: findings at or above --fail-on; 2: input that cannot be used, with the remedy.
    """
    from hub.core.errors import InvalidInputError
    from rules.audit.findings import Audit
    from rules.audit.scores import write_scores
    from rules.engine import evaluate
    from rules.errors import RulesError

    try:
        intake = _intake(paths, as_of)
        evaluation = evaluate(_rules(rules), intake.history, complete=True)
    except (RulesError, UnicodeDecodeError) as error:
        raise InvalidInputError(str(error)) from error
    audit = Audit.of(intake, evaluation)
    try:
        if scores:
            write_scores(evaluation, scores)
        _write(audit, form=form, out=out)
    except OSError as error:
        raise InvalidInputError(
            f"{error.filename} cannot be written: {error.strerror}. Choose another file."
        ) from error
    if fail_on and any(SEVERITIES.index(one.severity) >= SEVERITIES.index(fail_on) for one in audit.findings):
        raise click.exceptions.Exit(1)


def _intake(paths: Sequence[Path], as_of: str | None) -> Intake:
    from hub.cli.audit_source import read_source
    from rules.audit.intake import join, take_in

    return take_in(join([read_source(path) for path in paths]), as_of)


def _rules(path: Path | None) -> list[Rule]:
    from rules.loader import load_file, load_pack, packs

    if path is None:
        return [rule for name in packs() for rule in load_pack(name).rules]
    files = sorted(path.glob("**/*.yaml")) if path.is_dir() else [path]
    if not files:
        raise click.UsageError(f"{path} holds no rule file: name a .yaml file, or a folder with some.")
    return [rule for file in files for rule in load_file(file).rules]


def _write(audit: Audit, *, form: str, out: Path | None) -> None:
    """Print what was understood, then the findings where they are wanted; what a program reads stands alone."""
    from rich.console import Console

    from rules.audit.screen import show_findings, show_intake

    console = Console(stderr=form != "table" and out is None)
    show_intake(console, audit)
    if out is not None:
        out.write_text(_text(audit, form), encoding="utf-8", newline="")
        console.print(audit.summary, highlight=False)
        console.print(f"Written to {out}", highlight=False, markup=False, soft_wrap=True)
    elif form == "table":
        show_findings(console, audit)
    else:
        click.echo(_text(audit, form), nl=False)


def _text(audit: Audit, form: str) -> str:
    from rules.audit.findings import to_csv, to_json
    from rules.audit.screen import to_text

    if form == "html":
        from rules.audit.report import to_html

        return to_html(audit)
    return {"csv": to_csv, "json": to_json, "table": to_text}[form](audit)
