"""`plumbline rules` and `plumbline apply` on a database of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli.group import plumbline, run
from hub.core.database import Database
from hub.findings import service
from rules.loader import load_text
from tests.factories import TODAY, build_cast
from tests.hub.desk import RULE


@pytest.fixture
def ledger(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATABASE_URL", sqlite_database.url.render_as_string())
    monkeypatch.setattr("hub.cli.loading.configure_logs", lambda **_: None)
    with sqlite_database.write() as session:
        build_cast(session, now=TODAY)
        service.install_packs(session, load_text(RULE, "pack.yaml").rules, by="system:tests", now=TODAY)
    return sqlite_database


def invoke(*arguments: str) -> Result:
    done = CliRunner().invoke(plumbline, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def test_an_admin_lets_a_shipped_rule_loose(ledger: Database) -> None:
    assert "late-series  v1  shadow  pack" in invoke("rules", "list").output
    said = invoke("rules", "stage", "late-series", "pilot", "--org-unit", "sales").output
    assert said == "late-series is pilot in sales.\n"
    assert invoke("rules", "stage", "late-series", "live").output == "late-series is live.\n"
    assert invoke("rules", "stage", "late-series", "live").output == "late-series was live already.\n"
    assert "late-series  v3  live  pack" in invoke("rules", "list").output


@pytest.mark.parametrize("wrong", [("pilot",), ("live", "--org-unit", "sales"), ("pilot", "--org-unit", "moon")])
def test_a_stage_that_makes_no_sense_is_refused(
    ledger: Database, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit):
        run(["rules", "stage", "late-series", *wrong])
    assert "org" in capsys.readouterr().err
    assert "late-series  v1  shadow" in invoke("rules", "list").output


def test_apply_says_what_it_leaves_out(ledger: Database, tmp_path: Path) -> None:
    folder = tmp_path / "configuration"
    (folder / "rules").mkdir(parents=True)
    (folder / "connections").mkdir()
    (folder / "rules" / "mine.yaml").write_text(RULE.replace("late-series", "my-series"), encoding="utf-8")
    planned, applied = invoke("apply", str(folder), "--plan"), invoke("apply", str(folder))
    for said in (planned, applied):
        assert "new       my-series" in said.output
        assert "left out  connections: only rules/ is applied" in said.stderr
