"""A connector's process starts quickly, because it imports little."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NEVER = {"flask", "sqlalchemy", "yaml", "click", "rq", "redis", "jira", "msal", "numpy", "hub", "rules"}


@pytest.mark.parametrize(
    ("module", "besides"),
    [
        ("connectors.sdk.running", {"requests", "urllib3", "AntiSSRF", "pytest"}),
        ("connectors.sdk.http", {"pytest"}),
        ("connectors.spreadsheet.source", {"requests", "urllib3", "pytest"}),
        ("connectors.registry", {"requests", "pytest", "connectors.jira", "connectors.spreadsheet"}),
    ],
)
def test_nothing_is_imported_that_is_not_needed(module: str, besides: set[str]) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & (NEVER | besides) == set()
