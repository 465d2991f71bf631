import subprocess
import sys
from pathlib import Path

import pytest

from connectors.sdk import scaffold
from connectors.sdk.errors import ConfigError

ROOT = Path(__file__).parents[3]


def test_a_new_connector_passes_its_own_contract_at_once(tmp_path: Path) -> None:
    made = scaffold.create("acme-desk", tmp_path)
    assert made == tmp_path / "plumbline-connector-acme-desk"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", "tests"],
        cwd=made,
        env={"PYTHONPATH": f"{ROOT}:{made}", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "skipped" not in run.stdout


def test_every_word_of_a_template_is_filled_in(tmp_path: Path) -> None:
    made = scaffold.create("desk", tmp_path)
    for file in made.rglob("*"):
        assert "@" not in str(file.relative_to(tmp_path)).replace("@contextmanager", "")
        if file.is_file():
            assert "@" not in file.read_text(encoding="utf-8").replace("@contextmanager", "")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    scaffold.create("desk", tmp_path)
    with pytest.raises(ConfigError, match="already there"):
        scaffold.create("desk", tmp_path)


@pytest.mark.parametrize("name", ["", "Desk", "my desk", "../desk", "1desk", "desk-", "desk_x"])
def test_a_name_has_to_be_one_word_of_a_distribution(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name for a connector"):
        scaffold.create(name, tmp_path)
    assert list(tmp_path.iterdir()) == []
