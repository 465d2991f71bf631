"""The generated part of the README, and the examples in it."""

from __future__ import annotations

import re

import pytest

from rules.catalogue import BEGIN, README, catalogue, written
from rules.engine import evaluate
from rules.history import History
from rules.loader import load_pack, read_rule
from rules.yaml_text import parse

TEXT = README.read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found[1]


def test_the_readme_is_up_to_date() -> None:
    assert written(TEXT) == TEXT, "run: python -m rules.catalogue"


def test_writing_replaces_the_generated_part_only() -> None:
    stale = TEXT.split(BEGIN)[0] + BEGIN + "\noutdated\n<!-- end catalogue -->\nafter\n"
    assert written(stale).endswith("after\n")
    assert "outdated" not in written(stale).split(BEGIN)[1]
    assert written(stale).split(BEGIN)[0] == TEXT.split(BEGIN)[0]


def test_the_catalogue_names_every_rule_and_detector() -> None:
    assert "### `stale`" in catalogue()
    for rule in load_pack("data-trust").rules:
        assert f"| data-trust | `{rule.name}` | stale |" in catalogue()


def test_the_rule_in_the_readme_is_a_rule() -> None:
    (data,) = parse(block("yaml"), "README.md").data
    assert read_rule(data).name == "stale-key-result"


def test_the_program_in_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names = {"History": History, "evaluate": evaluate, "load_pack": load_pack}
    exec(block("python"), names)  # noqa: S102 - our own documentation
    assert capsys.readouterr().out == "nps No new observation for 21 days; a value was due by 2026-03-18\n"


def test_every_file_of_the_folder_is_on_the_map() -> None:
    mapped = set(re.findall(r"`([a-z_/]+(?:\.py)?)`", TEXT.split("## A rule")[0]))
    files = {path.name for path in README.parent.glob("*.py") if path.name != "__init__.py"}
    folders = {f"{path.name}/" for path in README.parent.iterdir() if (path / "__init__.py").exists()}
    assert files | folders <= mapped | {"catalogue.py", "errors.py"}
    assert {name for name in mapped if name.endswith(".py")} <= files
