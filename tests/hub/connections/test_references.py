"""`{env: X}` and `{file: X}` in a configuration lead to what is meant for tools, never to Plumbline's own secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.connections.configuration import resolve
from hub.core.errors import InvalidInputError


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home with keys, a mounted secret of our own, a token for a tool."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "secret.keys").write_text("k1:key", encoding="utf-8")
    (tmp_path / "mounted").write_text("k1:key", encoding="utf-8")
    (tmp_path / "token").write_text("for-jira\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "home" / "secret.keys")
    return {
        "PLUMBLINE_HOME": str(tmp_path / "home"),
        "PLUMBLINE_SECRET_KEYS_FILE": str(tmp_path / "mounted"),
        "PLUMBLINE_SECRET_KEYS": "k1:key",
        "JIRA_TOKEN": "for-jira",
    }


def test_a_reference_is_replaced_by_what_it_names(environ: dict[str, str], tmp_path: Path) -> None:
    config = {"one": {"env": "JIRA_TOKEN"}, "two": {"deep": [{"file": str(tmp_path / "token")}]}}
    assert resolve(config, environ) == {"one": "for-jira", "two": {"deep": ["for-jira"]}}


@pytest.mark.parametrize(
    "reference",
    [{"env": "PLUMBLINE_SECRET_KEYS"}, {"file": "home/secret.keys"}, {"file": "mounted"}, {"file": "link"}],
)
def test_no_tool_gets_plumblines_own_secrets(
    environ: dict[str, str], tmp_path: Path, reference: dict[str, str]
) -> None:
    meant = {kind: str(tmp_path / name) if kind == "file" else name for kind, name in reference.items()}
    with pytest.raises(InvalidInputError, match=r"token: .* own secret"):
        resolve({"token": meant}, environ)
