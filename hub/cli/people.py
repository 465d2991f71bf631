"""`plumbline people`: give a person what is stored about them, erase them, or make them admin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from hub.core.area import Area
    from hub.core.personal import Subject
    from hub.core.privacy import PeopleData

BY = "system:cli"
ALSO = click.option("--also", multiple=True, help="Another name or account of theirs, as tools say it; repeat it.")


@click.group()
def people() -> None:
    """Export, erase or let in a person; PERSON is a key, an e-mail address or an id."""


@people.command()
@click.argument("person")
@ALSO
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; default: print it.")
def export(person: str, also: tuple[str, ...], out: Path | None) -> None:
    """Give every row about PERSON as JSON, by table; the audit trail says that it was given."""
    import orjson

    from hub.people.service import export_person

    with _found(person, also) as found:
        rows = export_person(found.session, found.subject, found.areas, by=BY)
    text = orjson.dumps(rows, option=orjson.OPT_INDENT_2, default=str)
    if out is None:
        click.echo(text)
    else:
        out.touch(mode=0o600)
        out.write_bytes(text + b"\n")


@people.command()
@click.argument("person")
@ALSO
@click.confirmation_option("--yes", prompt="This cannot be undone. Erase the person?")
def erase(person: str, also: tuple[str, ...]) -> None:
    """Erase PERSON everywhere: names go, what they did stays under a pseudonym that leads nowhere.

    Erase them first in the tools that are read, or the next reading brings them back. Backups keep them until they age
    out.
    """
    from hub.core.instants import utc_now
    from hub.people.service import erase_person

    with _found(person, also) as found:
        erase_person(found.session, found.subject, found.areas, people=found.people, by=BY, now=utc_now())
    click.echo(f"Erased. {found.subject.public_id} has no name any more; in texts it is {found.subject.stand_in}.")


@people.command()
@click.argument("person")
def admin(person: str) -> None:
    """Make PERSON admin of the whole organisation and print a link to choose a password; it works once.

    For when no admin can sign in any more. The audit trail says that it was done here.
    """
    from hub.cli.loading import find_database, load_settings
    from hub.core.instants import utc_now
    from hub.people.service import find_person, find_person_by_email, make_admin

    settings = load_settings()
    database = find_database(settings)
    with database.write() as session:
        found = find_person_by_email(session, person) or find_person(session, person)
        token = make_admin(session, found, by=BY, now=utc_now())
    database.dispose()
    base = (settings.public_url or f"http://{settings.host}:{settings.port}").rstrip("/")
    click.echo(f"{found.name} is admin of the whole organisation. To choose a password, within a week:")
    click.echo(f"  {base}/join?token={token}")


@dataclass(frozen=True)
class _Found:
    session: Session
    subject: Subject
    people: PeopleData
    areas: tuple[Area, ...]


@contextmanager
def _found(name: str, also: tuple[str, ...]) -> Iterator[_Found]:
    """Open a transaction about one person."""
    from hub.areas import AREAS
    from hub.cli.loading import find_database, load_settings
    from hub.core.privacy import PeopleData
    from hub.core.sealing import Sealer
    from hub.people.service import find_person, find_person_by_email, subject_of
    from hub.web import AREA as WEB

    settings = load_settings()
    database = find_database(settings)
    with database.write() as session:
        person = find_person_by_email(session, name) or find_person(session, name)
        modes = PeopleData.load(session, settings, Sealer.from_settings(settings))
        yield _Found(session, subject_of(session, person, modes, also=also), modes, (WEB, *AREAS))
    database.dispose()
