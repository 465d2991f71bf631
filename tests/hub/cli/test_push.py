"""`plumbline push` against a served app: what a file says is in the ledger, what it says wrongly is told by line."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from apiflask import APIFlask
from click.testing import CliRunner, Result
from sqlalchemy import select
from werkzeug.serving import make_server

from hub.cli.group import plumbline, run
from hub.core.access import Permission, Role
from hub.core.area import Area
from hub.core.database import Database
from hub.metrics import AREA as METRICS
from hub.metrics.models import Observation
from hub.people import AREA as PEOPLE
from tests.factories import Cast, SettableClock, build_cast
from tests.visitors import SignIn


@pytest.fixture
def areas() -> Sequence[Area]:
    """These areas are enough."""
    return (PEOPLE, METRICS)


@pytest.fixture
def cast(
    app: APIFlask, site_database: Database, clock: SettableClock, with_token: SignIn, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cast]:
    """The usual cast on a served app; the environment holds the token of a program that may write metrics."""
    with site_database.write() as session:
        made = build_cast(session, now=clock())
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    bearer = with_token(Role.OWNER, [Permission.METRICS_WRITE]).headers["Authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("PLUMBLINE_TOKEN", bearer)
    monkeypatch.setenv("PLUMBLINE_URL", f"http://127.0.0.1:{server.server_port}")
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of one good line."""
    path = tmp_path / "numbers.csv"
    path.write_text("series,period_start,value\nwin-rate,2026-01-05,1\n", encoding="utf-8")
    return path


def push(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(plumbline, ["push", *arguments], input=text, catch_exceptions=False)


@pytest.mark.usefixtures("cast")
def test_a_file_is_pushed_and_pushing_it_again_adds_nothing(site_database: Database, file: Path) -> None:
    file.write_text(
        "\ufeffseries,period_start,value,note\nwin-rate,2026-01-05,0.4,\nwin-rate,2026-01-12,0.5,by hand\n",
        encoding="utf-8",
    )
    first, second = push(str(file)), push(str(file))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "2 new, 0 known already, 0 refused." in first.output
    assert "0 new, 2 known already, 0 refused." in second.output
    with site_database.read() as session:
        rows = session.scalars(select(Observation).order_by(Observation.period_start)).all()
    assert [(row.value, row.note) for row in rows] == [(0.4, None), (0.5, "by hand")]


@pytest.mark.usefixtures("cast")
def test_refused_lines_are_named_and_new_series_are_made_on_request() -> None:
    text = "series,period_start,value\nwin-rate,2026-01-05,0.4\ndeals,2026-01-05,7\n"
    done = push("-", text=text)
    assert done.exit_code == 1
    assert "line 3, series: there is no series 'deals'" in done.stderr
    made = push("-", "--define", "sales", "--cadence", "weekly", text=text)
    assert made.exit_code == 0
    assert "1 new, 1 known already" in made.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("series,period_start,value\nM\udcfcnchen,2026-01-05,1\n", "not UTF-8"),
        ("series,value\n", "no column 'period_start'"),
        ("series,period_start,value,colour\n", "'colour'"),
        ("series,period_start,value\nwin-rate,2026-01-05,1.000,5\n", "line 2: more or fewer cells"),
        ("series,period_start,value\nwin-rate,,1\n", "line 2, period_start: the cell is empty"),
        ("series,period_start,value\nwin-rate,2026-01-05,many\n", "line 2, value: 'many' is no number"),
        ("series,period_start,value\nwin-rate,2026-01-05,nan\n", "line 2, value: 'nan' is no number"),
        ('series,period_start,value\n"win-rate,2026-01-05,1\n', "Correct the quoting"),
    ],
)
@pytest.mark.usefixtures("cast")
def test_a_file_that_cannot_be_read_pushes_nothing(
    site_database: Database, file: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SystemExit, match="2"):
        run(["push", str(file)])
    assert told in capsys.readouterr().err
    with site_database.read() as session:
        assert session.scalars(select(Observation)).all() == []


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("PLUMBLINE_TOKEN=", "make an API token"),
        ("PLUMBLINE_TOKEN=wrong", "401"),
        ("PLUMBLINE_URL=http://plumbline.example", "https"),
        ("PLUMBLINE_URL=http://127.0.0.1:1", "cannot be reached"),
    ],
)
@pytest.mark.usefixtures("cast")
def test_a_hub_that_does_not_take_it_is_told_with_the_remedy(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, setting: str, told: str
) -> None:
    monkeypatch.setenv(*setting.split("="))
    with pytest.raises(SystemExit, match="2"):
        run(["push", str(file)])
    assert told in capsys.readouterr().err
