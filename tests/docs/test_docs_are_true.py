"""What README files, messages and the reference of settings name is there, and a planted lie is found."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click
import pytest

from hub.cli.group import plumbline
from hub.cli.settings import settings_markdown
from hub.settings import Settings, variables

ROOT = Path(__file__).parents[2]
TOPS = ("hub", "connectors", "rules", "examples", "deploy", "bench")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(file for top in TOPS for file in (ROOT / top).rglob("*.md") if "vendor" not in file.parts)]
)
SOURCES = sorted(
    file for top in ("hub", "connectors", "rules") for kind in ("*.py", "*.html") for file in (ROOT / top).rglob(kind)
)
REFERENCE = ROOT / "hub" / "SETTINGS.md"
NO_SETTINGS = {
    "PLUMBLINE_FAILPOINT": "where a test kills a process",
    "PLUMBLINE_TEST_MUTANT": "the fault that proves the kill harness",
    "PLUMBLINE_DEMO_JIRA": "what `plumbline up --demo` tells its own children",
    "PLUMBLINE_X": "stands for any",
    "PLUMBLINE_TOKEN": "of whoever pushes to a hub, not of the hub",
    "PLUMBLINE_URL": "as above",
    "PLUMBLINE_SANDBOX_WEBHOOK_SECRET": "of a stand-in, not of the product",
}
PROGRAMS = ("plumbline", ".venv/bin/plumbline")
SPAN = re.compile(r"`((?:\.venv/bin/)?plumbline [^`\n\"]+|make [^`\n\"]+)`|<code>(plumbline [^<\n]+)</code>")
LINE = re.compile(r"^(?:\$ )?((?:\.venv/bin/)?plumbline .+|make .+)$", re.MULTILINE)
FENCED = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"\bPLUMBLINE_[A-Z][A-Z_]*[A-Z]\b")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
PLACEHOLDER = re.compile(r"^[A-Z][A-Z_.]*$|[{<…]|\.\.\.")


def lies(text: str, home: Path | None = None) -> list[str]:
    """List what a text names that is not there; links are looked at where the text has a home."""
    commands = [*(found[1] or found[2] for found in SPAN.finditer(text))]
    commands += [line for block in FENCED.findall(text) for line in LINE.findall(block)]
    wrong = [lie for command in commands for lie in _wrong_command(command)]
    wrong += [f"{name} is no setting" for name in sorted(set(VARIABLE.findall(text)) - _known_variables())]
    links = LINK.findall(text) if home else []
    return wrong + [f"{link} is no file" for link in links if not (home or ROOT).joinpath(link).exists()]


def _known_variables() -> set[str]:
    names = {variable for name in Settings.model_fields for variable in variables(name)}
    names |= set(NO_SETTINGS)
    return names | {f"{name}_FILE" for name in names}


def _wrong_command(text: str) -> Iterator[str]:
    plain = re.sub(r"\{[^}]*\}", "{}", text.replace(" | ", "|"))  # what a message fills in stands for itself
    program, *words = shlex.split(plain.replace("[", "").replace("]", ""), comments=True)
    for one in product(*(word.split("|") for word in words)):
        wrong = _wrong_targets(one) if program == "make" else _wrong_arguments(plumbline, list(one))
        if wrong:
            yield f"`{text}`: {wrong}"


def _wrong_targets(words: tuple[str, ...]) -> str | None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    there = {*re.findall(r"^([a-z-]+):|^([A-Z_]+) \?=", makefile, re.MULTILINE)}
    names = {name for pair in there for name in pair}
    asked = {word.partition("=")[0] for word in words if "=" in word or not PLACEHOLDER.search(word)}
    return f"the Makefile has no {', '.join(sorted(asked - names))}" if asked - names else None


def _wrong_arguments(command: click.Command, words: list[str]) -> str | None:
    """Walk down the groups, then let click parse: placeholders may stand for any value, also one of a choice."""
    context = click.Context(command)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if PLACEHOLDER.search(words[0]):
            return None
        found = command.get_command(context, words.pop(0))
        if found is None:
            return f"{command.name} has no such command"
        command, context = found, click.Context(found, parent=context)
    try:
        given, left, _ = command.make_parser(context).parse_args(words)
    except click.UsageError as error:
        return error.message
    for parameter in command.params:
        value = given.get(parameter.name or "")
        choices = parameter.type.choices if isinstance(parameter.type, click.Choice) else None
        if choices and isinstance(value, str) and value not in choices and not PLACEHOLDER.search(value):
            return f"{value} is not one of {', '.join(choices)}"
    return f"{command.name} takes no {' '.join(left)}" if left and not PLACEHOLDER.search(left[0]) else None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_commands_targets_settings_and_files_that_a_document_names_are_there(document: Path) -> None:
    assert lies(document.read_text(encoding="utf-8"), document.parent) == []


def test_commands_and_settings_that_a_message_names_are_there() -> None:
    found = {str(file.relative_to(ROOT)): lies(file.read_text(encoding="utf-8")) for file in SOURCES}
    assert {file: wrong for file, wrong in found.items() if wrong} == {}


def test_the_reference_lists_every_setting_as_it_is() -> None:
    """Regenerate it with `plumbline settings > hub/SETTINGS.md`."""
    assert REFERENCE.read_text(encoding="utf-8") == settings_markdown()


def test_every_setting_is_read_somewhere() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in SOURCES if file.is_relative_to(ROOT / "hub"))
    assert [name for name in Settings.model_fields if not re.search(rf"\.{name}\b", code)] == []


def test_readme_names_each_program_of_everyday() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [target for target in ("run", "test", "setup", "help") if f"make {target}" not in readme] == []


PLANTED = {
    "a command": ("README.md", "Try `plumbline upp --demo`.", "plumbline has no such command"),
    "a command of a group": ("hub/README.md", "Run `plumbline rules lint FILE`.", "rules has no such command"),
    "an option": ("README.md", "```\nplumbline up --fast\n```", "No such option"),
    "a choice": ("SECURITY.md", "`plumbline writes on|of`", "of is not one of on, off"),
    "an argument": ("README.md", "```\n.venv/bin/plumbline writes off now\n```", "takes no now"),
    "a target": ("README.md", "```\nmake tests\n```", "the Makefile has no tests"),
    "a variable of make": ("README.md", "`make run PROT=9000`", "the Makefile has no PROT"),
    "a setting": ("SECURITY.md", "Set `PLUMBLINE_CA_BUNDEL`.", "PLUMBLINE_CA_BUNDEL is no setting"),
    "a file": ("README.md", "[more](docs/more.md)", "docs/more.md is no file"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_lie_is_found(planted: str) -> None:
    name, line, expected = PLANTED[planted]
    document = ROOT / name
    text = document.read_text(encoding="utf-8")
    assert lies(text, document.parent) == []
    (found,) = lies(f"{text}\n{line}\n", document.parent)
    assert expected in found


def test_a_reference_without_a_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(Settings.model_fields, "workers")
    with pytest.raises(AssertionError):
        test_the_reference_lists_every_setting_as_it_is()
