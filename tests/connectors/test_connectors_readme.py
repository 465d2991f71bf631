"""connectors/README.md is true: its code runs, its tables are complete."""

import re
import subprocess
import sys
from pathlib import Path

from connectors import registry
from connectors.sdk import errors
from connectors.sdk.errors import ConnectorError
from connectors.sdk.protocol import Capability
from connectors.sdk.testing import README_HEADINGS

ROOT = Path(__file__).parents[2]
README = (ROOT / "connectors" / "README.md").read_text(encoding="utf-8")
OURS = {"plumbline-hub"}


def test_its_code_passes_the_contract(tmp_path: Path) -> None:
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", README, flags=re.DOTALL):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(code, encoding="utf-8")
    headings = "".join(f"## {heading}\nSee there.\n" for heading in README_HEADINGS)
    (tmp_path / "notes" / "README.md").write_text(headings, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def test_every_code_block_is_run() -> None:
    assert README.count("```python") == len(re.findall(r"```python\n# \S+\.py\n", README))


def test_the_entry_point_is_the_one_that_is_looked_for() -> None:
    assert f'[project.entry-points."{registry.GROUP}"]' in README


def test_the_table_of_connectors_is_what_is_here() -> None:
    """Regenerate it with `python -c "from connectors import registry; print(registry.table())"`."""
    ours = {entry.kind for entry in registry.kinds() if entry.distribution in OURS}
    table = [row for row in registry.table().splitlines() if not row.startswith("| `") or row.split("`")[1] in ours]
    shown = README.partition("-->\n")[2].partition("<!-- end -->")[0]
    assert shown == "\n".join(table) + "\n"


def test_every_error_and_every_interface_is_named() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, ConnectorError)}
    missing = [name for name in kinds - {"ConnectorError"} if f"| `{name}` |" not in README]
    assert missing == []
    assert len(re.findall("`(Source|Sink|WebhookReceiver|Ticketing|Messenger)`", README)) >= len(Capability)


def test_the_headings_it_asks_for_are_those_that_are_checked() -> None:
    assert ", ".join(README_HEADINGS) in README.replace("\n", " ")
