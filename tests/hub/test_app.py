"""The web app as a whole: built without touching anything, ready only when everything it needs is there (R20)."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from hub.app import create_app, create_app_from_environ
from hub.areas import AREAS
from hub.core.area import resolve
from hub.core.database import Database
from hub.core.errors import UnavailableError
from hub.migrations.run import upgrade
from hub.settings import Settings
from hub.web.probes import migrations_probe
from hub.web.state import EXTENSION, AppState, Probe
from hub.work.failpoints import VARIABLE, no_failpoint
from hub.work.service import DISPATCH
from tests.visitors import Visitor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from apiflask import APIFlask

    from hub.core.area import Area

SECRET = "postgresql://user:hunter2@203.0.113.1:1/none?connect_timeout=1"


@pytest.fixture
def areas() -> Sequence[Area]:
    """Give the areas of the app under test: the shell alone."""
    return ()


def test_importing_the_app_imports_no_page_of_any_area() -> None:
    script = "import hub.app, sys; print(*(name for name in sys.modules if name.startswith('hub.')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "hub.app" in done.stdout
    assert [name for name in done.stdout.split() if name.endswith((".pages", ".api"))] == []


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_every_part_that_an_area_names_is_there(area: Area) -> None:
    names = [area.models, area.pages, area.api, area.history, area.erase]
    names += [*area.handlers.values(), *area.panels.values()]
    for name in names:
        if name is not None:
            assert resolve(name) is not None, name


def test_building_the_app_contacts_nothing(tmp_path: Path, areas: Sequence[Area]) -> None:
    settings = Settings(home=tmp_path, database_url=SecretStr(SECRET), redis_url=SecretStr("redis://203.0.113.1:1"))
    visitor = Visitor(create_app(settings, areas=areas).test_client())
    assert visitor.get("/healthz").json == {"alive": True}


def test_the_app_can_be_killed_where_work_is_dispatched(settings: Settings, areas: Sequence[Area]) -> None:
    database = Database(settings.database_address())
    create_app(settings, database=database, areas=areas, environ={})
    assert database.info[DISPATCH]._failpoint is no_failpoint
    create_app(settings, database=database, areas=areas, environ={VARIABLE: "work.dispatched"})
    assert database.info[DISPATCH]._failpoint is not no_failpoint


def test_no_two_routes_share_an_address(app: APIFlask) -> None:
    seen = [(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()]
    assert len(seen) == len(set(seen))


def with_probes(app: APIFlask, **probes: Probe) -> None:
    state: AppState = app.extensions[EXTENSION]
    app.extensions[EXTENSION] = replace(state, probes=probes)


def there() -> None:
    """Be a dependency that is there."""


def away() -> None:
    """Be a dependency that is not, and whose error holds a secret."""
    raise ConnectionError(SECRET)


@pytest.mark.parametrize("up", list(itertools.product([True, False], repeat=3)))
def test_ready_means_that_every_dependency_is_there_and_names_each_that_is_not(
    app: APIFlask, nobody: Visitor, up: tuple[bool, bool, bool]
) -> None:
    names = ("database", "migrations", "queue")
    with_probes(app, **{name: there if ok else away for name, ok in zip(names, up, strict=True)})
    reply = nobody.get("/readyz")
    assert reply.status_code == (200 if all(up) else 503)
    assert reply.json == {
        "ready": all(up),
        "dependencies": {name: "ok" if ok else "not reachable" for name, ok in zip(names, up, strict=True)},
    }
    assert nobody.get("/healthz").status_code == 200
    assert "hunter2" not in reply.text


def test_the_queue_s_absence_is_told_and_the_pages_go_on(app: APIFlask, nobody: Visitor) -> None:
    told = (nobody.get("/readyz").json or {})["dependencies"]
    assert told["database"] == "ok"
    assert told["queue"].startswith("does not answer; work waits in the database")
    assert nobody.get("/sign-in").status_code == 404  # people are not a part of this app
    assert nobody.get("/errors").status_code == 200


def test_tables_of_another_version_are_told_with_the_remedy(empty_database: Database) -> None:
    ask = migrations_probe(empty_database)
    with pytest.raises(UnavailableError, match="plumbline db upgrade"):
        ask()
    upgrade(empty_database)
    ask()
    with empty_database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'of tomorrow'"))
    with pytest.raises(UnavailableError, match="plumbline db upgrade"):
        ask()


def test_the_environment_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("hub.app.AREAS", ())
    monkeypatch.setattr("hub.app.configure_logs", lambda **_given: None)
    app = create_app_from_environ()
    assert app.extensions[EXTENSION].settings.home == tmp_path / "home"
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert app.test_client().get("/healthz").status_code == 200


def test_an_area_that_is_unknown_stops_the_start_by_name(tmp_path: Path) -> None:
    from hub.core.area import Area

    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        create_app(Settings(home=tmp_path), areas=[Area(name="nowhere", pages="nowhere:pages")])
