"""Look a whole database over: file, references, revision of the tables, columns of series, keys, audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from hub.audit.jobs import find_outside
from hub.audit.service import SigningKey, verify_trail
from hub.audit.service.checkpoints import KEY_NAME
from hub.core.database import Database
from hub.core.keyring import FILE_NAME, FileKeyring, Key, parse_keys
from hub.core.models import DeploymentKey
from hub.core.rotation import count_by_key, find_sealed_columns
from hub.core.sealing import SealedValueError, Sealer
from hub.metrics.models import Observation, Series, SeriesColumn
from hub.metrics.service import rebuild_columns
from hub.migrations import run
from hub.migrations.metadata import load_metadata
from hub.settings import Settings


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `finding` says what is wrong and what to do, None = nothing."""

    name: str
    finding: str | None = None


def verify_database(database: Database, settings: Settings) -> Iterator[Check]:
    """Make every check, cheapest first; those that need today's tables only where they are there."""
    yield Check("file and references", _check_file(database))
    current, head = run.current_revision(database), run.head_revision()
    if current != head:
        yield Check("revision", f"the tables are at {current or 'no revision'}, not {head}: run `plumbline db upgrade`")
        return
    yield Check("revision")
    with database.read() as session:
        yield Check("columns of series", _check_columns(session))
        missing = find_missing_keys(session, settings)
        yield Check("keys", missing)
    yield Check("audit trail", _check_trail(database, settings))


def rebuild_all_columns(database: Database) -> int:
    """Derive the columns of every series again, each in a transaction of its own; give how many there are."""
    with database.read() as session:
        series_ids = session.scalars(select(Series.id)).all()
    for series_id in series_ids:
        with database.write() as session:
            rebuild_columns(session, series_id)
    return len(series_ids)


def find_missing_keys(session: Session, settings: Settings) -> str | None:
    """Say which keys the sealed secrets of this database need and the keyring does not hold."""
    load_metadata()
    held = {key.id for key in _held_keys(settings)}
    counts: dict[str, int] = {}
    for _column, key_id, number in count_by_key(session, find_sealed_columns()):
        if key_id not in held:
            counts[key_id] = counts.get(key_id, 0) + number
    if not counts:
        return None
    listed = ", ".join(f"{number} with key {key_id}" for key_id, number in sorted(counts.items()))
    return (
        f"secrets that cannot be opened: {listed}. A backup never holds keys: put the old {settings.home / FILE_NAME} "
        "back (or PLUMBLINE_SECRET_KEYS), or enter those secrets again"
    )


def _held_keys(settings: Settings) -> tuple[Key, ...]:
    if settings.secret_keys is not None:
        return parse_keys(settings.secret_keys.get_secret_value(), "PLUMBLINE_SECRET_KEYS")
    if not (settings.home / FILE_NAME).exists():
        return ()  # looking must not make a new keyring
    return FileKeyring(settings.home).load()


def _check_file(database: Database) -> str | None:
    with database.read() as session:
        if not database.is_sqlite:
            session.execute(text("SELECT 1"))  # PostgreSQL enforces references itself, and checks its pages as it reads
            return None
        found = session.scalar(text("PRAGMA integrity_check"))
        if found != "ok":
            return f"the file is damaged ({found}): restore the last backup into an empty home"
        broken = session.execute(text("PRAGMA foreign_key_check")).all()
        tables = ", ".join(sorted({row[0] for row in broken}))
        return f"rows point at nothing in {tables}: restore the last backup, and report how it came" if broken else None


def _check_columns(session: Session) -> str | None:
    seen = dict(_pairs(session, select(Observation.series_id, func.count()).group_by(Observation.series_id)))
    kept = dict(
        _pairs(session, select(SeriesColumn.series_id, func.sum(SeriesColumn.rows)).group_by(SeriesColumn.series_id))
    )
    wrong = [series_id for series_id in seen.keys() | kept.keys() if seen.get(series_id) != kept.get(series_id)]
    if not wrong:
        return None
    return f"{len(wrong)} series have other columns than observations: run `plumbline db verify --rebuild-columns`"


def _pairs(session: Session, statement: object) -> Iterator[tuple[int, int]]:
    for number, count in session.execute(statement):  # type: ignore[call-overload]  # both selects give two numbers
        yield int(number), int(count)


def _check_trail(database: Database, settings: Settings) -> str | None:
    outside = find_outside(settings)
    sent = None if outside is None else outside.read()
    with database.read() as session:
        signed = session.get(DeploymentKey, KEY_NAME) is not None
        try:
            key = SigningKey.find(session, Sealer.from_settings(settings)) if signed and _held_keys(settings) else None
        except SealedValueError:
            key = None
        if signed and key is None:
            return "cannot be verified: the key that signs it cannot be opened, see `keys`"
        report = verify_trail(session, public_keys=[key.public] if key else [], outside=sent)
    return None if report.first is None else f"not sound: {report.first.text}"
