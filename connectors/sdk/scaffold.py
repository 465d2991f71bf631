"""A new connector from nothing: a small distribution that passes its own contract tests at once."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.sdk.errors import ConfigError
from connectors.sdk.protocol import SDK_VERSION

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
TEMPLATES = Path(__file__).with_name("templates")


def create(name: str, folder: Path) -> Path:
    """Write `folder`/plumbline-connector-`name` and return its path; nothing that exists is overwritten."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name for a connector: use lower-case letters, digits and hyphens.", field="name"
        )
    words = {
        "distribution": f"plumbline-connector-{name}",
        "package": f"plumbline_connector_{name.replace('-', '_')}",
        "kind": name.replace("-", "_"),
        "title": name.replace("-", " ").capitalize(),
        "class": "".join(part.capitalize() for part in name.split("-")),
        "variable": name.replace("-", "_").upper() + "_TOKEN",
        "sdk_version": SDK_VERSION,
    }
    target = folder / words["distribution"]
    if target.exists():
        raise ConfigError(f"{target} is already there: remove it or choose another name.", field="name")
    for template in sorted(TEMPLATES.rglob("*.txt")):
        place = target / _filled(str(template.relative_to(TEMPLATES).with_suffix("")), words)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_filled(template.read_text(encoding="utf-8"), words), encoding="utf-8")
    return target


def _filled(text: str, words: dict[str, str]) -> str:
    """Put the words in; `@kind@` and the like, so that braces and dollars stay what they are in Python and TOML."""
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return text
