"""Folders of files become histories; what cannot be read is named, and the rest goes on."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from rules.audit.findings import Audit, kind_of, to_csv, to_json
from rules.audit.folder import read_files, read_folder
from rules.audit.intake import join, take_in
from rules.audit.screen import show_findings, show_intake
from rules.engine import evaluate
from rules.errors import HistoryError, RulesError
from rules.loader import load_pack, packs

FILES = {
    "metrics.csv": "metric,name,cadence,latency_days,direction,owner,colour\n"
    "nps,Promoters,weekly,3,up,ann,red\nchurn,Churn,monthly,5,down,,\n",
    "observations.csv": "metric,period_start,value,recorded_at\n"
    "nps,2026-01-05,41,2026-01-13\nnps,2026-01-12,43,2026-01-20\n"
    "churn,2026-01-01,2.5,2026-02-03\n",
    "targets.csv": "metric,period_start,period_end,target,recorded_at\nchurn,2026-01-01,2026-01-31,2,2025-12-20\n"
    "churn,2026-01-01,2026-01-31,3,2026-01-29\n",
    "people.csv": "person,active\nann,false\n",
    "as_of.txt": "2026-03-01\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def add(folder: Path, name: str, text: str) -> None:
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write(text)


def audited(folder: Path) -> Audit:
    intake = take_in(read_files(folder))
    rules = [rule for name in packs() for rule in load_pack(name).rules]
    return Audit.of(intake, evaluate(rules, intake.history, complete=True))


def test_a_folder_becomes_a_history_on_its_day(folder: Path) -> None:
    history = read_folder(folder)
    assert list(history.series.id) == ["churn", "nps"]
    assert history.observations.value.tolist() == [2.5, 41, 43]
    assert history.as_of == read_folder(folder, "2026-03-01").as_of
    assert len(read_folder(folder, "2026-01-15").observations) == 1


def test_without_a_day_now_is_when_the_newest_row_was_known(folder: Path) -> None:
    (folder / "as_of.txt").unlink()
    assert read_folder(folder).as_of == read_folder(folder, "2026-02-03").as_of


def test_it_says_what_it_understood_and_what_it_ignored(folder: Path) -> None:
    add(folder, "observations.csv", "moon,2026-01-05,1,\n")
    add(folder, "notes.csv", "a,b\n")
    intake = take_in(read_files(folder))
    assert "observations.csv: metric, period_start, value, recorded_at" in intake.understood
    assert intake.understood[-1] == "2 metrics, 3 observations, 2 targets, 1 people"
    assert intake.ignored == (
        "metrics.csv: columns that no check knows: colour",
        "notes.csv is no table of an audit folder",
        "1 rows of observations speak of metrics that are not listed: moon",
    )


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("observations.csv", "nps,2026-01-19,4x,\n", "observations.csv, row 5, value: '4x' cannot be read. Write the"),
        ("observations.csv", "nps,2026-01-19,nan,\n", "observations.csv, row 5, value: 'nan' is no number. Write the"),
        ("observations.csv", "nps,19.1.2026,4,\n", "observations.csv, row 5, start: '19.1.2026' is no date: write"),
        (
            "observations.csv",
            "nps,,4,\n",
            "observations.csv, row 5, start: it is empty. Fill it in. Left out: the row.",
        ),
        (
            "observations.csv",
            "nps,2026-01-19,4,,5\n",
            "observations.csv, row 5: it has more cells than there are columns",
        ),
        ("people.csv", "bob,perhaps\n", "people.csv, row 3, active: 'perhaps' is neither true nor false. Write true"),
        ("metrics.csv", "new,New,weekyl,,,,\n", "metrics.csv, row 4, cadence: "),
        ("metrics.csv", "new,New,,soon,,,\n", "metrics.csv, row 4, latency: "),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_goes_on(folder: Path, name: str, row: str, said: str) -> None:
    add(folder, name, row)
    intake = take_in(read_files(folder))
    (unreadable,) = intake.unreadable
    assert str(unreadable).startswith(said)
    assert len(intake.history.observations) == 3


def test_a_metric_with_one_bad_cell_stays(folder: Path) -> None:
    add(folder, "metrics.csv", "new,New,weekyl,,,,\n")
    assert "new" in read_folder(folder).series.row_of


def test_cadences_that_nobody_declared_are_read_from_the_periods(folder: Path) -> None:
    (folder / "metrics.csv").write_text("metric\nnps\nchurn\n", "utf-8")
    intake = take_in(read_files(folder))
    assert dict(zip(intake.history.series.id, intake.history.series.cadence, strict=True)) == {
        "nps": "weekly",
        "churn": "",
    }
    assert "cadence weekly was read from the periods of 1 metric without one" in intake.understood


def test_several_folders_are_one_organisation(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "metrics.csv").write_text("metric\ncalls\n", "utf-8")
    (other / "observations.csv").write_text("metric,period_start,value\ncalls,2026-01-05,9\n", "utf-8")
    history = take_in(join([read_files(folder), read_files(other)])).history
    assert list(history.series.id) == ["calls", "churn", "nps"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metrics.csv", None, "needs metrics.csv"),
        ("observations.csv", None, "holds no values"),
        ("observations.csv", b"metric,period_start,value\n", "no values could be read"),
        ("observations.csv", b"metric,period_start,value\nnps,2026-01-05,x\n", "row 2, value: 'x' cannot be read"),
        ("observations.csv", b"a,b\n1,2\n", "observations.csv has no column metric; its first row names: a, b"),
        ("observations.csv", b"metric,period_start,value\nn\xff,2026-01-05,1\n", "save it as CSV UTF-8"),
        ("as_of.txt", b"soon", "'soon' is no date"),
    ],
)
def test_what_cannot_be_used_at_all_is_an_error(folder: Path, name: str, content: bytes | None, said: str) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(RulesError, match=said):
        read_folder(folder)


def test_an_error_about_a_folder_is_one_about_a_history(tmp_path: Path) -> None:
    with pytest.raises(HistoryError):
        read_folder(tmp_path)


def test_findings_are_rows_of_the_documented_format(folder: Path) -> None:
    audit = audited(folder)
    rows = list(csv.DictReader(io.StringIO(to_csv(audit))))
    assert ",".join(rows[0]) == "rule,pattern,metric,at,from,to,score,p_value,severity,message"
    assert {(row["pattern"], row["metric"]) for row in rows} >= {
        ("stale", "nps"),
        ("ownership_gap", "nps"),
        ("ownership_gap", "churn"),
        ("target_moved", "churn"),
    }
    (moved,) = (row for row in rows if row["pattern"] == "target_moved")
    assert (moved["from"][:10], moved["to"][:10]) == ("2026-01-01", "2026-01-31")


def test_a_spreadsheet_never_runs_a_cell_of_the_csv(folder: Path) -> None:
    audit = audited(folder)
    risky = audit.findings[0].model_copy(update={"subject": "=1+1"})
    assert "'=1+1" in to_csv(replace(audit, findings=(risky,)))


def test_the_json_carries_evidence_explanations_and_needs(folder: Path) -> None:
    add(folder, "observations.csv", "nps,2026-01-19,4x,\n")
    told = json.loads(to_json(audited(folder)))
    (moved,) = (one for one in told["findings"] if one["pattern"] == "target_moved")
    assert moved["kind"] == "measurement question"
    assert moved["evidence"]
    assert moved["innocent_explanations"].startswith("The plan changed")
    assert moved["what_would_settle_it"]
    assert told["unreadable"][0]["place"] == "observations.csv, row 5"
    rules = {rule["rule"]: rule for rule in told["rules"]}
    assert rules["records-bunch-at-cutoff"]["needs"] == ["2: cutoffs at which something depends, and which way is good"]
    assert rules["stale-key-result"]["needs"] == ["nothing here is in its scope"]


def test_the_screen_shows_what_was_read_tested_and_found(folder: Path) -> None:
    add(folder, "observations.csv", "nps,2026-01-19,[bold]4,\n")
    audit = audited(folder)
    text = io.StringIO()
    console = Console(file=text, width=200)
    show_intake(console, audit)
    show_findings(console, audit)
    shown = text.getvalue()
    for part in (
        "Understood",
        "Ignored",
        "Unreadable (1)",
        "'[bold]4'",
        "target-eased-in-its-period",
        "measurement question",
    ):
        assert part in shown
    assert "manipul" not in shown.lower()
    assert "suspicious" not in shown.lower()


def test_what_was_not_tested_is_never_called_clean(folder: Path) -> None:
    audit = audited(folder)
    assert "checks need more data and say nothing about these numbers" in audit.summary


def test_a_stale_value_is_a_finding_and_no_measurement_question(folder: Path) -> None:
    audit = audited(folder)
    assert {kind_of(one) for one in audit.findings if one.detector == "stale"} == {"finding"}
