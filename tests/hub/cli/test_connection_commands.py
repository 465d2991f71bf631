"""`plumbline connections` and `plumbline writes`, with a real CSV file read by a real connector process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from connectors.sdk.errors import ConnectorError
from hub.cli.connections import connections
from hub.cli.writes import command as writes
from hub.connections import service
from hub.connections.models import Connection, ConnectionVersion, Stage
from hub.core.database import Database
from hub.core.errors import PlumblineError
from hub.metrics.models import Observation, Series
from hub.syncing.models import Record
from tests.factories import build_cast

CSV = "metric,period_start,value,reported_by\nNPS,2026-01-05,40,Ada\nNPS,2026-01-12,41,Ada\nNPS,2026-01-19,forty,Ada\n"
JIRA = """
base_url: https://acme.atlassian.example
auth: {kind: api_token, email: bot@acme.example, token: s3cret-token}
projects: [ACME]
webhook_secret: {env: JIRA_WEBHOOK_SECRET}
"""
Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Give `run("add", ...)`: a command of the group, in a home and database of this test."""
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATABASE_URL", sqlite_database.url.render_as_string())
    monkeypatch.setenv("JIRA_WEBHOOK_SECRET", "w")
    monkeypatch.setattr("hub.cli.loading.configure_logs", lambda **_: None)
    with sqlite_database.write() as session:
        build_cast(session, now=datetime(2026, 3, 3, tzinfo=UTC))
    (tmp_path / "numbers.csv").write_text(CSV)
    (tmp_path / "csv.yaml").write_text(f"path: {tmp_path / 'numbers.csv'}\n")
    (tmp_path / "jira.yaml").write_text(JIRA)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(connections, [text.replace("%", str(tmp_path)) for text in arguments])

    return invoke


def said(result: Result) -> str:
    """Give what a command that worked has printed."""
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def refusal(result: Result) -> str:
    """Give the one sentence that `plumbline` prints when a command ends in an error of ours."""
    assert isinstance(result.exception, PlumblineError | ConnectorError), (result.output, result.exception)
    return str(result.exception)


def test_a_csv_becomes_observations(run: Run, sqlite_database: Database) -> None:
    said(run("add", "spreadsheet", "numbers", "--config", "%/csv.yaml", "--org-unit", "sales"))

    report = json.loads(said(run("sync", "numbers", "--format", "json")).splitlines()[-1])

    assert set(report) == {"connection", "streams", "requests", "bytes", "seconds", "cursor"}
    assert report["connection"] == "numbers"
    assert report["streams"]["rows"] == {"read": 3, "created": 2, "updated": 0, "deleted": 0, "quarantined": 1}
    with sqlite_database.read() as session:
        series = session.scalars(select(Series).where(Series.connection_id.is_not(None))).one()
        values = session.scalars(select(Observation.value).where(Observation.series_id == series.id)).all()
        assert "Ada" not in str(session.scalars(select(Record.data)).all())
    assert (series.key, series.cadence, sorted(value or 0 for value in values)) == ("NPS", "weekly", [40, 41])


def test_a_second_sync_reads_only_what_changed(run: Run, tmp_path: Path) -> None:
    said(run("add", "spreadsheet", "numbers", "--config", "%/csv.yaml"))
    said(run("sync", "numbers"))
    (tmp_path / "numbers.csv").write_text(CSV.replace("forty", "42"))

    text = said(run("sync", "numbers"))

    assert "1 read, 1 new, 0 changed, 0 gone, 0 put aside" in text


def test_a_full_sync_finds_rows_that_are_gone(run: Run, tmp_path: Path) -> None:
    said(run("add", "spreadsheet", "numbers", "--config", "%/csv.yaml"))
    said(run("sync", "numbers"))
    (tmp_path / "numbers.csv").write_text("\n".join(CSV.splitlines()[:2]) + "\n")

    assert "1 gone" in said(run("sync", "numbers", "--full"))


def test_a_connection_is_looked_at_before_it_is_read(run: Run) -> None:
    said(run("add", "spreadsheet", "numbers", "--config", "%/csv.yaml", "--title", "Numbers of sales"))

    assert "numbers works" in said(run("check", "numbers"))
    assert "rows: Rows" in said(run("discover", "numbers"))
    preview = run("preview", "numbers")
    assert "2 would be read as observations, 1 put aside" in said(preview)
    assert "row 4, column value" in preview.stderr
    assert "Ada" not in preview.output
    listed = said(run("list"))
    assert "numbers" in listed
    assert "not read yet" in listed


def test_without_connections_the_list_says_how_to_add_one(run: Run) -> None:
    assert "plumbline connections add" in said(run("list"))


def test_secrets_are_sealed_and_references_stay_references(run: Run, sqlite_database: Database) -> None:
    """R29."""
    said(run("add", "jira", "site", "--config", "%/jira.yaml"))

    with sqlite_database.read() as session:
        version = session.scalars(select(ConnectionVersion)).one()
    assert version.config["auth"]["token"] == {"sealed": True}
    assert version.config["webhook_secret"] == {"env": "JIRA_WEBHOOK_SECRET"}
    assert "s3cret-token" not in str(vars(version))


def test_adding_again_brings_it_to_what_the_file_says(run: Run, sqlite_database: Database, tmp_path: Path) -> None:
    said(run("add", "jira", "site", "--config", "%/jira.yaml"))
    assert "says the same already" in said(run("add", "jira", "site", "--config", "%/jira.yaml"))
    (tmp_path / "jira.yaml").write_text(JIRA.replace("s3cret-token", "rotated"))

    assert "Changed site." in said(run("add", "jira", "site", "--config", "%/jira.yaml", "--every", "60"))

    with sqlite_database.read() as session:
        assert len(session.scalars(select(ConnectionVersion)).all()) == 2
        assert session.scalars(select(Connection.every_seconds)).one() == 60


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (JIRA.replace("projects", "project"), r"jira.yaml: .* project: there is no such entry, did you mean projects"),
        (JIRA.replace("[ACME]", "[acme]"), r"jira.yaml: .* projects.0"),
        ("just text", r"jira.yaml has to be a mapping"),
        ("a: [", r"jira.yaml is no YAML"),
        (
            JIRA.replace("JIRA_WEBHOOK_SECRET", "NOT_SET"),
            r"webhook_secret: the environment variable NOT_SET is",
        ),
        (JIRA.replace("JIRA_WEBHOOK_SECRET", "PLUMBLINE_SECRET_KEYS"), "Plumbline's own secret"),
        (JIRA.replace("{env: JIRA_WEBHOOK_SECRET}", "{file: /nowhere}"), r"the file /nowhere cannot be read"),
        (JIRA + "mapping: {stream: {}}", r"mapping.stream"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_that_names_it(
    run: Run, tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "jira.yaml").write_text(text)

    message = refusal(run("add", "jira", "site", "--config", "%/jira.yaml"))

    assert re.search(sentence, message), message
    assert "s3cret-token" not in message


def test_unknown_names_are_told_with_the_known_ones(run: Run) -> None:
    assert "Installed: jira, spreadsheet" in refusal(run("add", "jirra", "site", "--config", "%/jira.yaml"))
    assert "Connections: none." in refusal(run("sync", "site"))
    wrong = run("add", "spreadsheet", "Not A Name", "--config", "%/csv.yaml")
    assert "use small letters, digits and hyphens" in refusal(wrong)


def test_a_paused_connection_is_not_read_until_it_is_resumed(run: Run) -> None:
    said(run("add", "spreadsheet", "numbers", "--config", "%/csv.yaml"))
    said(run("pause", "numbers", "--reason", "The file is being rebuilt."))
    assert "numbers is paused: The file is being rebuilt." in refusal(run("sync", "numbers"))
    assert "paused" in said(run("list"))

    said(run("resume", "numbers"))

    assert "3 read" in said(run("sync", "numbers"))


def test_a_tool_that_fails_is_one_sentence_and_stays_in_its_health(
    run: Run, tmp_path: Path, sqlite_database: Database
) -> None:
    said(run("add", "spreadsheet", "numbers", "--config", "%/csv.yaml"))
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n")

    assert "has no column metric" in refusal(run("sync", "numbers"))

    with sqlite_database.read() as session:
        found = service.find_connection(session, "numbers")
        assert "has no column metric" in str(found.paused_reason)


def test_a_connection_writes_only_after_it_was_allowed(run: Run, sqlite_database: Database) -> None:
    said(run("add", "jira", "site", "--config", "%/jira.yaml"))
    with sqlite_database.read() as session:
        assert service.find_connection(session, "site").stage == Stage.OBSERVE_ONLY

    said(run("writes", "site", "on"))

    with sqlite_database.read() as session:
        assert service.find_connection(session, "site").stage == Stage.WRITING
    assert "only looked at" in said(run("writes", "site", "off"))


def test_a_removed_connection_is_gone_with_its_secrets(run: Run, sqlite_database: Database) -> None:
    said(run("add", "jira", "site", "--config", "%/jira.yaml"))
    assert run("remove", "site").exit_code == 1

    said(run("remove", "site", "--yes"))

    assert "No connections yet" in said(run("list"))
    with sqlite_database.read() as session:
        assert session.scalars(select(ConnectionVersion.secrets)).all() == [""]
    said(run("add", "jira", "site", "--config", "%/jira.yaml"))


def test_the_stop_switch(run: Run, sqlite_database: Database) -> None:
    assert run("list").exit_code == 0
    assert "kept" in said(CliRunner().invoke(writes, ["off"]))
    with sqlite_database.read() as session:
        assert not service.writes_on(session)

    said(CliRunner().invoke(writes, ["on"]))

    with sqlite_database.read() as session:
        assert service.writes_on(session)
