"""`plumbline up` tells how to get in, and how many of what it will keep running."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.demo import EMAIL, JIRA_OFFSET, PASSWORD
from hub.cli.group import plumbline
from hub.core.database import Database
from hub.core.errors import SettingError
from hub.people.service import set_up
from hub.people.service.accounts import Founder
from hub.settings import Settings
from hub.supervisor import Plan
from tests.factories import TODAY
from tests.workbench import short_folder

Up = Callable[..., tuple[str, Plan]]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with short_folder() as folder:
        monkeypatch.setenv("PLUMBLINE_HOME", str(folder))
        monkeypatch.setenv("PLUMBLINE_PORT", "0")
        yield folder


@pytest.fixture
def up(home: Path, monkeypatch: pytest.MonkeyPatch) -> Up:
    """Run the command up to where it would become the supervisor; give what it printed and its plan."""
    plans: list[Plan] = []
    monkeypatch.setattr("hub.cli.up.become_supervisor", plans.append)
    monkeypatch.setattr("hub.cli.loading.configure_logs", lambda **_: None)

    def start(*arguments: str) -> tuple[str, Plan]:
        done = CliRunner().invoke(plumbline, ["up", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        os.close(plans[-1].lock)
        return done.output, plans[-1]

    return start


def test_an_empty_home_is_set_up_by_a_link_that_works_once(up: Up, home: Path) -> None:
    said, plan = up()
    address, _, token = said.partition("Open ")[2].split()[0].partition("?token=")
    assert address == f"{plan.address}/setup"
    database = Database(Settings(home=home).database_address())
    with database.write() as session:
        set_up(session, token, Founder("Acme", "Ada", "ada@acme.example", None), "hash", now=TODAY)
    database.dispose()
    assert up()[0] == ""


def test_the_demo_says_where_it_is_how_to_get_in_and_what_to_try_every_time(up: Up, home: Path) -> None:
    for _ in range(2):
        said, plan = up("--demo")
        jira = f"http://127.0.0.1:{plan.port + JIRA_OFFSET}"
        csv = home / "sample" / "numbers.csv"
        for wanted in (plan.address, EMAIL, PASSWORD, jira, str(csv), "Five things to try"):
            assert wanted in said
        assert "token" not in said
        assert csv.is_file()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "plumbline.example"])  # noqa: S104  # what is refused
def test_the_demo_s_known_password_is_for_this_machine_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("PLUMBLINE_HOST", host)
    monkeypatch.setattr("hub.cli.loading.configure_logs", lambda **_: None)
    done = CliRunner().invoke(plumbline, ["up", "--demo"])
    assert isinstance(done.exception, SettingError)
    assert "PLUMBLINE_HOST" in str(done.exception)
    assert not (home / "plumbline.db").exists()


def test_a_home_in_use_gets_no_sample_and_is_told_so(up: Up, home: Path) -> None:
    test_an_empty_home_is_set_up_by_a_link_that_works_once(up, home)
    said, _ = up("--demo")
    assert "PLUMBLINE_HOME" in said
    assert PASSWORD not in said


@pytest.mark.parametrize(("environ", "arguments", "count"), [(None, (), 2), ("3", (), 3), ("3", ("--workers", "1"), 1)])
def test_the_setting_says_how_many_workers_unless_the_option_does(
    up: Up, monkeypatch: pytest.MonkeyPatch, environ: str | None, arguments: tuple[str, ...], count: int
) -> None:
    if environ is not None:
        monkeypatch.setenv("PLUMBLINE_WORKERS", environ)
    _, plan = up(*arguments)
    assert sum(child.name.startswith("worker ") for child in plan.children) == count
