"""`plumbline db`: backups that go back, and a check that notices what is wrong."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from click.testing import CliRunner, Result
from sqlalchemy import func, select, text

from hub.audit.models import AuditEntry
from hub.audit.service import SigningKey, make_checkpoint
from hub.cli.db import db
from hub.core.database import Database
from hub.core.sealing import Sealer
from hub.metrics.models import Observation, Series, SeriesColumn
from hub.metrics.service import ObservationDraft, observations_as_of, record_observations
from hub.migrations import run
from hub.settings import Settings
from tests.factories import TODAY, build_cast

PERIOD = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Site:
    """One deployment: its home, its database, and the command line on it."""

    home: Path
    database: Database
    environment: dict[str, str]

    def run(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(db, [str(argument) for argument in arguments], env=self.environment)


def site_at(database: Database, home: Path) -> Site:
    address = database.url.render_as_string(hide_password=False)
    return Site(home, database, {"PLUMBLINE_HOME": str(home), "PLUMBLINE_DATABASE_URL": address})


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    """A deployment with the cast, one observation, a first checkpoint with the key that signed it."""
    made = site_at(database, tmp_path / "home")
    with run._migrating(database) as config:
        command.stamp(config, "head")  # the tables are there already, from the template
    with database.write() as session:
        cast = build_cast(session, now=TODAY)
        record_observations(session, [ObservationDraft(cast.series["win-rate"], PERIOD, 0.4)], now=TODAY)
        make_checkpoint(session, SigningKey.load(session, Sealer.from_settings(Settings(home=made.home))))
    return made


@pytest.fixture
def elsewhere(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Another, empty deployment on a database of the same kind."""
    if site.database.is_sqlite:
        url = site.database.url.set(database=str(tmp_path / "elsewhere.db"))
    else:
        import psycopg

        server: str = request.getfixturevalue("postgresql_server")
        name = f"{site.database.url.database}_elsewhere"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        url = site.database.url.set(database=name)
    database = Database(url)
    yield site_at(database, tmp_path / "elsewhere")
    database.dispose()
    if not site.database.is_sqlite:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_backup_goes_back_into_an_empty_deployment(site: Site, elsewhere: Site, tmp_path: Path) -> None:
    file = tmp_path / "backups" / "monday"
    assert site.run("backup", file).exit_code == 0
    restored = elsewhere.run("restore", file)
    assert restored.exit_code == 0, restored.output
    assert run.current_revision(elsewhere.database) == run.head_revision()
    with elsewhere.database.read() as session:
        series = session.scalars(select(Series).where(Series.key == "win-rate")).one()
        assert [seen.value for seen in observations_as_of(session, series.id)] == [0.4]
        entries = session.scalar(select(func.count()).select_from(AuditEntry))
    with site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == entries


def test_a_restored_deployment_goes_on_counting(site: Site, elsewhere: Site, tmp_path: Path) -> None:
    site.run("backup", tmp_path / "b")
    elsewhere.run("restore", tmp_path / "b")
    with elsewhere.database.write() as session:
        series = session.scalars(select(Series.id).where(Series.key == "win-rate")).one()
        record_observations(session, [ObservationDraft(series, PERIOD, 0.5)], now=TODAY)
        assert [seen.value for seen in observations_as_of(session, series)] == [0.5]


def test_a_restore_without_keys_says_so(site: Site, elsewhere: Site, tmp_path: Path) -> None:
    site.run("backup", tmp_path / "b")
    said = elsewhere.run("restore", tmp_path / "b").output
    assert "secrets that cannot be opened: 1 with key k" in said
    assert not (elsewhere.home / "secret.keys").exists()
    (elsewhere.home / "secret.keys").write_bytes((site.home / "secret.keys").read_bytes())
    (elsewhere.home / "secret.keys").chmod(0o600)
    assert elsewhere.run("verify").exit_code == 0


def test_a_backup_holds_no_key_and_only_its_owner_reads_it(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "b"
    site.run("backup", file)
    for line in (site.home / "secret.keys").read_text(encoding="ascii").split():
        assert line.partition(":")[2].encode() not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_backup_never_overwrites_another(site: Site, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("older")
    answer = site.run("backup", tmp_path / "b")
    assert "never overwritten" in str(answer.exception)
    assert (tmp_path / "b").read_text() == "older"


def test_a_restore_into_a_database_with_data_is_refused(site: Site, tmp_path: Path) -> None:
    site.run("backup", tmp_path / "b")
    answer = site.run("restore", tmp_path / "b")
    assert "holds data already" in str(answer.exception)


def test_a_damaged_backup_is_refused_and_leaves_nothing(site: Site, elsewhere: Site, tmp_path: Path) -> None:
    file = tmp_path / "b"
    site.run("backup", file)
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = bytes(4096)
    file.write_bytes(content)
    assert elsewhere.run("restore", file).exit_code != 0
    with elsewhere.database.read() as session:
        kept = [] if run.current_revision(elsewhere.database) is None else session.scalars(select(Series)).all()
        assert kept == []


def test_a_file_that_is_no_backup_is_refused(elsewhere: Site, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("hello")
    answer = elsewhere.run("restore", tmp_path / "b")
    assert "is no backup of a" in str(answer.exception)


def test_a_sound_database_passes_every_check(site: Site) -> None:
    answer = site.run("verify")
    assert answer.exit_code == 0, answer.output
    assert "BAD" not in answer.output
    assert answer.output.count("ok ") == 5


def test_columns_that_differ_from_the_observations_are_found_and_derived_again(site: Site) -> None:
    with site.database.write() as session:
        for row in session.scalars(select(SeriesColumn)):
            session.delete(row)
    assert "BAD  columns of series" in site.run("verify").output
    assert site.run("verify", "--rebuild-columns").exit_code == 0


def test_an_entry_taken_from_the_trail_is_found(site: Site) -> None:
    from hub.audit.service import seal_entries

    with site.database.write() as session:
        seal_entries(session)
    with site.database.write() as session:
        if site.database.is_sqlite:
            session.execute(text("DROP TRIGGER audit_entry_no_update"))
        else:
            session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        session.execute(text("UPDATE audit_entry SET action = 'metric.loved' WHERE id = 1"))
    answer = site.run("verify")
    assert answer.exit_code == 1
    assert "BAD  audit trail: not sound" in answer.output


def test_tables_of_another_revision_are_named(site: Site) -> None:
    with site.database.write() as session:
        session.execute(text("DELETE FROM alembic_version"))
    answer = site.run("verify")
    assert answer.exit_code == 1
    assert "plumbline db upgrade" in answer.output


def test_a_row_that_points_at_nothing_is_found(tmp_path: Path) -> None:
    site = site_at(Database(f"sqlite:///{tmp_path / 'x.db'}"), tmp_path / "home")
    site.run("upgrade")
    with site.database.engine.connect() as connection:
        connection.connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(
            Observation.__table__.insert().values(  # type: ignore[attr-defined]  # a Table, the stub says FromClause
                series_id=9, period_start=PERIOD, period_end=TODAY, recorded_at=TODAY, ingested_at=TODAY, value=1.0
            )
        )
        connection.commit()
    assert "rows point at nothing in observation" in site.run("verify").output
    site.database.dispose()


def test_an_upgrade_says_where_the_tables_are(empty_database: Database, tmp_path: Path) -> None:
    site = site_at(empty_database, tmp_path / "home")
    assert site.run("upgrade").output == f"The tables are at revision {run.head_revision()}.\n"
    assert "as before" in site.run("upgrade").output


def test_a_downgrade_asks_first(site: Site) -> None:
    assert site.run("downgrade", "base").exit_code == 1
    assert run.current_revision(site.database) == run.head_revision()
    assert site.run("downgrade", "base", "--yes").exit_code == 0
    assert run.current_revision(site.database) is None
