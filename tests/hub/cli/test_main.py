"""`plumbline`: quick to start, says in one sentence what a person has to put right, refuses to share its packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hub.cli.commands import COMMANDS
from hub.cli.group import plumbline
from hub.cli.names import ForeignPackageError, refuse_foreign_packages
from hub.core.area import resolve
from hub.core.database import Database
from hub.work.models import WorkState
from tests.workbench import ROOT, Bench, short_folder

HEAVY = {"sqlalchemy", "flask", "pydantic", "redis", "rq", "numpy", "structlog", "granian"}


@pytest.fixture
def home() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def bench(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, home: Path) -> Bench:
    monkeypatch.setenv("PLUMBLINE_HOME", str(home))
    monkeypatch.setenv("DATABASE_URL", sqlite_database.url.render_as_string())
    monkeypatch.setattr("hub.cli.loading.configure_logs", lambda **_: None)
    return Bench(sqlite_database)


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PLUMBLINE_")}
    return subprocess.run(
        [sys.executable, "-m", "hub.cli", *arguments],
        cwd=ROOT,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(plumbline, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_help_lists_every_command_and_imports_none_of_them() -> None:
    script = (
        "import sys; from hub.cli.group import plumbline; plumbline.main(['--help'], standalone_mode=False);"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(said.stderr.split()) & HEAVY == set()
    for name, entry in COMMANDS.items():
        assert name in said.stdout
        assert " ".join(entry.help.split()) in " ".join(said.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there_and_explains_itself(name: str) -> None:
    command = resolve(COMMANDS[name].target)
    assert isinstance(command, click.Command)
    assert command.help


def test_an_unknown_command_is_named() -> None:
    done = CliRunner().invoke(plumbline, ["nonsense"])
    assert done.exit_code == 2
    assert "nonsense" in done.output


def test_a_wrong_setting_is_named_by_its_variable(home: Path) -> None:
    done = run("doctor", PLUMBLINE_HOME=str(home), PLUMBLINE_PORT="many", PLUMBLINE_LOG_LEVEL="loud")
    assert done.returncode == 2
    assert "PLUMBLINE_PORT" in done.stderr
    assert "PLUMBLINE_LOG_LEVEL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_file_that_is_missing_is_named(home: Path) -> None:
    done = run("doctor", PLUMBLINE_HOME=str(home), DATABASE_URL_FILE=str(home / "gone"))
    assert done.returncode == 2
    assert "DATABASE_URL_FILE" in done.stderr


def planted(folder: Path, name: str, *files: str) -> list[Distribution]:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    return list(distributions(path=[str(folder)]))


@pytest.mark.parametrize(
    ("name", "file"), [("hub", "hub/__init__.py"), ("activehub", "hub/api.py"), ("rules", "rules/x.py")]
)
def test_another_owner_of_our_packages_is_refused_by_name(tmp_path: Path, name: str, file: str) -> None:
    with pytest.raises(ForeignPackageError, match=f"'{name}'.*'{file.split('/', maxsplit=1)[0]}'"):
        refuse_foreign_packages(planted(tmp_path, name, file))


@pytest.mark.parametrize(
    ("name", "file"), [("plumbline-hub", "hub/__init__.py"), ("hubble", "hubble/hub.py"), ("hub", "x.py")]
)
def test_who_owns_none_of_them_is_welcome(tmp_path: Path, name: str, file: str) -> None:
    refuse_foreign_packages(planted(tmp_path, name, file))


def test_nothing_starts_beside_a_distribution_that_owns_a_package(tmp_path: Path) -> None:
    planted(tmp_path, "rules", "rules/__init__.py")
    done = run("--help", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "'rules'" in done.stderr


def test_work_that_waits_for_a_person_is_listed_and_starts_again(bench: Bench) -> None:
    item = bench.add("sample.effect")
    bench.change(item, state=WorkState.PARKED, failures=10, last_error="ValueError at hub.x:1")

    listed = invoke("work", "list")
    assert "sample.effect" in listed
    assert "ValueError at hub.x:1" in listed
    assert "1 parked" in listed
    assert "1 work items start again" in invoke("work", "retry", str(item))
    assert (bench.row(item).state, bench.row(item).failures) == (WorkState.READY, 0)


def test_all_parked_work_of_a_kind_starts_again(bench: Bench) -> None:
    items = [bench.add("sample.effect"), bench.add("sample.effect"), bench.add("sample.slow")]
    for item in items:
        bench.change(item, state=WorkState.PARKED)
    assert "2 work items" in invoke("work", "retry", "--kind", "sample.effect")
    assert [bench.row(item).state for item in items] == [WorkState.READY, WorkState.READY, WorkState.PARKED]


def test_retrying_work_that_is_not_parked_says_so(bench: Bench) -> None:
    item = bench.add("sample.effect")
    from hub.work.service import NotParkedError

    with pytest.raises(NotParkedError, match=f"Work item {item} is not parked"):
        CliRunner().invoke(plumbline, ["work", "retry", str(item)], catch_exceptions=False)


def test_the_doctor_finds_what_is_wrong_and_says_what_to_do(bench: Bench, home: Path) -> None:
    done = run("doctor", PLUMBLINE_HOME=str(home))
    assert done.returncode == 2
    assert "plumbline db upgrade" in done.stdout
    assert "ok    python" in done.stdout
    assert "ok    queue server" in done.stdout


def test_the_doctor_is_content_with_a_healthy_installation(home: Path) -> None:
    assert run("db", "upgrade", PLUMBLINE_HOME=str(home)).returncode == 0
    done = run("doctor", PLUMBLINE_HOME=str(home))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout


def test_r30_the_doctor_shows_no_password(home: Path) -> None:
    done = run(
        "doctor",
        PLUMBLINE_HOME=str(home),
        DATABASE_URL="postgresql://ada:canary-77@127.0.0.1:1/hub",
        REDIS_URL="redis://:canary-77@127.0.0.1:1/0",
    )
    assert done.returncode == 2
    assert "canary" not in done.stdout + done.stderr


def test_up_says_in_one_sentence_that_the_port_is_taken(home: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("up", PLUMBLINE_HOME=str(home), PLUMBLINE_PORT=str(port))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"PORT={port + 1}" in done.stderr


def test_a_worker_can_do_what_is_due_and_end(home: Path) -> None:
    assert run("db", "upgrade", PLUMBLINE_HOME=str(home)).returncode == 0
    done = run("worker", "--drain", PLUMBLINE_HOME=str(home))
    assert (done.returncode, done.stdout) == (0, "0 work items were due\n"), done.stderr


def test_a_process_of_its_own_refuses_an_unsafe_queue_server(home: Path) -> None:
    from hub.settings import Settings
    from tests.workbench import running_queue_server

    with running_queue_server(Settings(home=home)) as server:
        server.client.config_set("maxmemory-policy", "allkeys-lfu")
        for command in ("web", "worker"):
            done = run(command, PLUMBLINE_HOME=str(home))
            assert done.returncode == 2
            assert "maxmemory-policy" in done.stderr


@pytest.mark.parametrize("command", ["rules list", "writes off", "connections list", "trail verify", "work list"])
def test_without_a_database_a_command_says_where_it_looked(home: Path, command: str) -> None:
    done = run(*command.split(), PLUMBLINE_HOME=str(home))
    assert done.returncode == 2
    assert f"There is no Plumbline in {home} yet" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(home.glob("*.db")) == []


def test_the_next_step_after_a_new_connector_names_its_kind(home: Path) -> None:
    assert "plumbline connectors test acme_desk." in invoke("connectors", "new", "acme-desk", "--folder", str(home))
