"""Each import contract of pyproject.toml catches a planted violation, and the real tree keeps them all."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("hub", "connectors", "rules")

PLANTED = {
    "top": ("connectors/sdk/errors.py", "import hub.settings"),
    "floors": ("hub/core/ids.py", "import hub.findings.models"),
    "rooms": ("hub/findings/models.py", "import hub.findings.service"),
    "service-ignorance": ("hub/findings/service/rules.py", "import flask"),
    "sdk": ("connectors/jira/__init__.py", "import connectors.spreadsheet"),
    "connector-purity": ("connectors/jira/__init__.py", "import sqlalchemy"),
    "rules-purity": ("rules/history.py", "import requests"),
    "quick-start": ("hub/supervisor.py", "import numpy"),
    "no-cycles": ("rules/history.py", "import rules.engine"),
}


def lint(tree: Path) -> tuple[int, str]:
    script = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tree, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("vendor", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def contracts() -> dict[str, str]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {entry["id"]: entry["name"] for entry in table["tool"]["importlinter"]["contracts"]}


def test_every_contract_has_a_planted_violation() -> None:
    assert set(PLANTED) == set(contracts())


def test_the_tree_keeps_all_contracts(tree: Path) -> None:
    code, output = lint(tree)
    assert code == 0, output


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_is_caught(tree: Path, contract: str) -> None:
    name, line = PLANTED[contract]
    file = tree / name
    before = file.read_text()
    file.write_text(f"{before}\n{line}\n")
    try:
        code, output = lint(tree)
    finally:
        file.write_text(before)
    assert code != 0
    assert f"{contracts()[contract]} BROKEN" in output


def test_one_area_never_imports_the_pages_of_another() -> None:
    offenders = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in (ROOT / "hub").rglob("*.py")
        for line in file.read_text().splitlines()
        if line.startswith("from hub.")
        and line.split()[1].endswith((".pages", ".api"))
        and line.split()[1].split(".")[1] != file.relative_to(ROOT / "hub").parts[0]
    ]
    assert offenders == []


def test_files_of_an_area_have_the_usual_names() -> None:
    """The import contract for rooms cannot be exhaustive, so a misspelt `pages.py` would escape it."""
    for area in (
        "actions",
        "audit",
        "connections",
        "findings",
        "metrics",
        "ownership",
        "people",
        "strategy",
        "syncing",
        "work",
    ):
        folder = ROOT / "hub" / area
        assert (folder / "models.py").is_file(), area
        assert (folder / "service.py").is_file() or (folder / "service").is_dir(), area
