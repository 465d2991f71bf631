"""The small parts: limits, JSON, charts, texts, assets."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.core.errors import TooManyRequestsError
from hub.web import assets, limits
from hub.web.charts import Line, LineChart
from hub.web.translations import gettext, ngettext

if TYPE_CHECKING:
    from tests.factories import SettableClock

ROOT = Path(__file__).parents[3]


def test_a_caller_has_so_many_requests_a_minute_and_knows_when_the_next_begins(clock: SettableClock) -> None:
    limiter = limits.Limiter(per_window=3)
    clock.advance(seconds=20)
    for _ in range(3):
        limiter.count("ada", clock())
    with pytest.raises(TooManyRequestsError) as refused:
        limiter.count("ada", clock())
    assert refused.value.extra == {"retry_after": 40}
    limiter.count("bo", clock())
    clock.advance(seconds=40)
    limiter.count("ada", clock())


def test_many_callers_do_not_eat_the_memory(clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CALLERS", 10)
    limiter = limits.Limiter()
    for number in range(100):
        limiter.count(str(number), clock())
    assert len(limiter._counts) <= 10


TIMES = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]


def test_a_chart_carries_its_numbers_twice_and_gaps_as_gaps() -> None:
    chart = LineChart(
        "Calls", "calls", TIMES, [Line("actual", [1, math.nan, 3]), Line("target", [2, 2, None], "target")]
    )
    drawn = json.loads(chart.data)
    assert drawn["times"] == [1772323200, 1772409600, 1772496000]
    assert [(line["role"], line["values"]) for line in drawn["lines"]] == [
        ("actual", [1, None, 3]),
        ("target", [2, 2, None]),
    ]
    assert chart.rows == [(TIMES[2], [3, None]), (TIMES[1], [None, 2]), (TIMES[0], [1, 2])]


def test_a_chart_with_lines_of_another_length_is_an_error_of_the_program() -> None:
    with pytest.raises(ValueError, match="1 values for 3 times"):
        LineChart("Calls", "", TIMES, [Line("actual", [1])])


def test_english_needs_no_catalogue() -> None:
    assert gettext("Sign in") == "Sign in"
    assert [ngettext("one finding", "%(num)s findings", count) for count in (1, 2)] == [
        "one finding",
        "%(num)s findings",
    ]


@pytest.mark.full
def test_the_texts_of_pages_can_be_extracted(tmp_path: Path) -> None:
    target = tmp_path / "messages.pot"
    command = ["-m", "babel.messages.frontend", "extract", "-F", "hub/web/babel.cfg", "-o", str(target), "hub"]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)
    assert 'msgid "Sign in"' in target.read_text(encoding="utf-8")


def test_assets_are_copied_from_the_installed_packages(tmp_path: Path) -> None:
    modules, target = tmp_path / "node_modules", tmp_path / "vendor"
    with pytest.raises(FileNotFoundError, match="make assets"):
        assets.copy_assets(modules, target)
    for source in assets.FILES.values():
        (modules / source).parent.mkdir(parents=True, exist_ok=True)
        (modules / source).write_text(source)
    target.mkdir()
    (target / "old.js").write_text("old")
    assets.copy_assets(modules, target)
    assert {file.name for file in target.iterdir()} == set(assets.FILES)
    assert assets.are_there(target)


def test_the_lock_file_pins_what_is_copied_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    for name, version in wanted.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for path, package in lock["packages"].items() if path)
    packages = {"/".join(source.split("/")[: 2 if source[0] == "@" else 1]) for source in assets.FILES.values()}
    assert packages == set(wanted)


def test_no_page_or_script_of_ours_asks_another_host() -> None:
    ours = [*ROOT.glob("hub/**/templates/**/*.html"), *ROOT.glob("hub/web/static/*.*")]
    assert len(ours) > 10
    for file in ours:
        text = file.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "http://" not in text, file
        assert "https://" not in text, file


def test_a_limit_holds_for_the_whole_window(clock: SettableClock) -> None:
    limiter = limits.Limiter(per_window=1)
    start = clock().replace(second=0, microsecond=0)
    limiter.count("ada", start)
    for second in (1, 30, 59):
        with pytest.raises(TooManyRequestsError):
            limiter.count("ada", start + timedelta(seconds=second))
