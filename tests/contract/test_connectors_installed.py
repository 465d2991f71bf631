"""Connectors of others, really built and installed into an environment of their own, found there and run."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from connectors.sdk import scaffold

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.skipif(not UV.exists(), reason="uv is not in this environment: `make setup` installs it")

LIST = """
import json
from connectors import registry
print(json.dumps({entry.kind: [entry.distribution, entry.version] for entry in registry.kinds()}))
"""
READ = """
import json, os, sys
from importlib import import_module
from connectors import registry
module, _, name = registry.sample_target(sys.argv[1]).partition(":")
with getattr(import_module(module), name)() as world:
    os.environ["PLUMBLINE_ALLOW_PRIVATE_HOSTS"] = ",".join(world.network.private_hosts)
    with registry.connect(sys.argv[1], json.dumps(dict(world.config))) as process:
        (stream,) = process.discover()
        print(json.dumps([type(item).__name__ for item in process.read(stream, None)]))
        print(process.pid != os.getpid())
"""
CONTRACT = """
import sys
from connectors import registry
from connectors.sdk.testing import run_contract
sys.exit(run_contract(registry.find(sys.argv[1]), registry.sample_target(sys.argv[1]), options=["-q"]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with the libraries of this one, Plumbline itself, and two connectors built from source."""
    folder = tmp_path_factory.mktemp("environment")
    made = scaffold.create("acme-desk", folder)
    example = ROOT / "examples" / "plumbline-connector-sql"
    python = folder / "venv" / "bin" / "python"
    _run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    site = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").strip())
    (site / "libraries.pth").write_text(f"{ROOT}\n{sysconfig.get_paths()['purelib']}\n", encoding="utf-8")
    install = ("pip", "install", "--quiet", "--offline", "--no-deps", "--no-build-isolation", "--python", python)
    _run(UV, *install, example, made)
    return python


def _run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_are_listed_with_their_distributions(environment: Path) -> None:
    listed = json.loads(_run(environment, "-c", LIST))
    assert listed["sql"] == ["plumbline-connector-sql", "0.1.0"]
    assert listed["acme_desk"] == ["plumbline-connector-acme-desk", "0.1.0"]
    assert {"jira", "spreadsheet"} < set(listed)


@pytest.mark.parametrize(
    ("kind", "items"),
    [
        ("sql", ["Rejected", "Record", "Record", "Record", "Rejected", "Checkpoint"]),
        ("acme_desk", ["Record", "Record", "Checkpoint"]),
    ],
)
def test_they_run_in_processes_of_their_own(environment: Path, kind: str, items: list[str]) -> None:
    """R35."""
    read, apart = _run(environment, "-c", READ, kind).splitlines()
    assert json.loads(read) == items
    assert apart == "True"


def test_the_example_keeps_the_contract_where_it_is_installed(environment: Path) -> None:
    """The scaffolded one shows it by its own test file, in tests/connectors/sdk/test_scaffold.py."""
    assert " passed" in _run(environment, "-c", CONTRACT, "sql")
