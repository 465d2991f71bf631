"""A cold start is quick: what a command over files imports, and what it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"scipy", "statsmodels", "holidays", "cel_expr_python"}
FOREIGN = {"flask", "sqlalchemy", "rq", "redis", "requests", "jira", "msal", "hub", "connectors"}


def loaded(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in found.stdout.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import rules.engine, rules.lifecycle",
        "from rules.loader import load_file",
        "from rules.history import History; History.build(as_of='2026-03-31', series=[{'id': 'a', 'calendar': ''}])",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    assert loaded(code).isdisjoint(HEAVY | FOREIGN)


def test_the_check_sees_what_is_imported() -> None:
    assert "holidays" in loaded(
        "from rules.calendars import *; Calendar(country='DE').is_working_day(date(2026, 1, 5))"
    )


def test_calendars_need_neither_numpy_nor_pydantic() -> None:
    assert loaded("import rules.calendars").isdisjoint({"numpy", "pydantic", "yaml"})
