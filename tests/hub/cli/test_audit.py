"""`plumbline audit` on folders, CSV files and workbooks; `plumbline rules explain`."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.spreadsheet.sample import write_workbook
from hub.cli.audit_source import read_source
from hub.cli.group import plumbline, run
from rules.audit.intake import take_in

RULES = """- name: late
  detector: stale
  description: News is late.
  severity: critical
  scope: {subject: series}
"""
LONG = """metric,period_start,value,owner,target
nps,2026-01-05,41,ann,50
nps,2026-01-12,4x,ann,50
nps,2026-01-19,43,ann,50
nps,2026-01-26,44,ann,50
nps,2026-02-02,42,ann,50
"""


@pytest.fixture
def long(tmp_path: Path) -> Path:
    file = tmp_path / "long.csv"
    file.write_text(LONG, "utf-8")
    return file


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES, "utf-8")
    return file


def invoke(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(plumbline, ["audit", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout


def test_a_csv_is_understood_and_its_bad_row_is_named(long: Path) -> None:
    said = " ".join(invoke(long).split())
    assert "long, columns named in row 1" in said
    assert "long.csv, row 3, value: '4x' is not plainly a number." in said
    assert "1 metrics, 4 observations, 5 targets" in said
    assert "checks need more data" in said


def test_beside_its_values_a_metric_says_who_owns_it(long: Path) -> None:
    history = take_in(read_source(long)).history
    assert history.series.owner.tolist() == ["ann"]


def test_only_findings_at_or_above_the_severity_fail(long: Path, rules: Path) -> None:
    options = ("--rules", rules, "--as-of", "2026-12-31", "--fail-on")
    assert "late" in invoke(long, *options, "critical", code=1)
    rules.write_text(RULES.replace("critical", "warning"), "utf-8")
    invoke(long, *options, "critical")
    invoke(long, *options, "info", code=1)
    invoke(long, "--rules", rules, "--as-of", "2026-02-10", "--fail-on", "info")


def test_what_a_program_reads_stands_alone_on_standard_output(long: Path, rules: Path) -> None:
    options = ("--rules", rules, "--as-of", "2026-12-31", "--format")
    (finding,) = json.loads(invoke(long, *options, "json"))["findings"]
    assert finding["metric"] == "nps"
    assert [row["rule"] for row in csv.DictReader(invoke(long, *options, "csv").splitlines())] == ["late"]


@pytest.mark.parametrize("form", ["table", "json", "csv", "html"])
def test_findings_and_scores_go_into_files(long: Path, rules: Path, tmp_path: Path, form: str) -> None:
    out, scores = tmp_path / "out", tmp_path / "scores.csv"
    options = ("--rules", rules, "--as-of", "2026-12-31", "--format", form)
    said = invoke(long, *options, "--out", out, "--scores", scores)
    assert f"Written to {out}" in said.replace("\n", "")
    assert "late" in out.read_text("utf-8")
    assert [row["fired"] for row in csv.DictReader(scores.open(encoding="utf-8"))] == ["true"]


def test_a_wide_workbook_is_read_with_its_units_owners_and_targets(tmp_path: Path) -> None:
    file = tmp_path / "board.xlsx"
    rows: list[list[str | float | None]] = [
        ["KPI board"],
        ["KPI", "Unit", "Owner", "Target", "Jan 2026", "Feb 2026", "Mar 2026"],
        ["uptime", "%", "ann", 99, 99.5, 99.9, None],
        ["Total", None, None, None, 1, 2, 3],
    ]
    write_workbook(file, {"KPIs": rows})
    intake = take_in(read_source(file))
    series = intake.history.series
    assert (series.unit.tolist(), series.owner.tolist(), series.cadence.tolist()) == (["%"], ["ann"], ["monthly"])
    assert intake.history.targets.target.tolist() == [99]
    assert any("left out as sums" in note for note in intake.ignored)


def test_an_audit_workbook_gives_all_of_its_tables(tmp_path: Path) -> None:
    file = tmp_path / "audit.xlsx"
    write_workbook(
        file,
        {
            "metrics": [
                ["metric", "direction", "owner", "thresholds", "latency_days"],
                ["nps", "up", "ann", "50;60", 3],
            ],
            "observations": [["metric", "period_start", "value"], ["nps", "2026-01-05", 41], ["nps", "2026-01-12", 42]],
            "people": [["person", "active"], ["ann", "false"]],
            "objectives": [["objective", "owner"], ["o1", "ann"]],
        },
    )
    history = take_in(read_source(file)).history
    assert history.series.thresholds.tolist() == [(50.0, 60.0)]
    assert history.people.active.tolist() == [False]
    assert history.objectives.id.tolist() == ["o1"]
    assert len(history.ownership) == 2


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_text("- name: [\n", "utf-8")


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--as-of", "soon"), "'soon' is no date"),
        (("--rules", "broken.yaml"), "broken.yaml"),
        (("--out", "nowhere/out.csv"), "cannot be written"),
    ],
)
def test_input_that_cannot_be_used_is_one_sentence_and_exit_code_two(
    long: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["audit", str(long), *arguments])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_an_audit_loads_neither_web_nor_database(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("metric,cadence\nnps,weekly\n", "utf-8")
    (tmp_path / "observations.csv").write_text("metric,period_start,value\nnps,2026-01-05,41\n", "utf-8")
    file = tmp_path / "long.csv"
    file.write_text(LONG, "utf-8")
    for path in (tmp_path, file):
        program = (
            "import sys, hub.cli\n"
            "try: hub.cli.main(['audit', sys.argv[1]])\n"
            "except SystemExit as end: assert not end.code, end.code\n"
            "print('loaded', *sys.modules)"
        )
        command = [sys.executable, "-c", program, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
        loaded = {name.split(".")[0] for name in done.stdout.rpartition("loaded")[2].split()}
        assert "rules" in loaded
        assert loaded.isdisjoint({"flask", "sqlalchemy", "rq", "redis", "requests", "jira", "msal"})


def test_a_rule_or_detector_explains_itself() -> None:
    runner = CliRunner()
    said = runner.invoke(plumbline, ["rules", "explain", "stale-series"]).output
    for part in (
        "stale-series (warning, about each series)",
        "Innocent explanations.",
        "What would settle it.",
        "max_age = ",
    ):
        assert part in said
    assert "bunching, version" in runner.invoke(plumbline, ["rules", "explain", "bunching"]).output


def test_an_unknown_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["rules", "explain", "stail"])
    assert "did you mean 'stale'?" in capsys.readouterr().err
