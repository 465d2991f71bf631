"""YAML as rule files use it: plain data only, with the line of every entry.

A subset on purpose. Words stay words (`on` is no truth value, `2026-03-31` no date object), so that `on: linked_issue`
means what it says. Aliases are refused (a few lines could stand for gigabytes), and so are tags and repeated keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from rules.errors import RuleFileError

LARGEST = 1_000_000


@dataclass(frozen=True)
class Document:
    """Plain data and where they stand."""

    source: str
    data: Any
    root: yaml.Node | None

    def place(self, path: tuple[str | int, ...], column: int | None = None, *, key: bool = False) -> str:
        """Return file, line and column of an entry; of what encloses it, where the path leads nowhere."""
        node, mark = self.root, self.root.start_mark if self.root else None
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            name, node = found
            mark = (
                name.start_mark
                if key or (name is not node and not isinstance(node, yaml.ScalarNode))
                else node.start_mark
            )
        line, start = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if column is not None and isinstance(node, yaml.ScalarNode):
            start += column - 1 + (node.style in ("'", '"'))
        return f"{self.source}:{line}:{start}"


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


class _Loader(yaml.SafeLoader):
    """Safe, with the few implicit types that JSON has."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name and type

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases and tags where they stand."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call] # PyYAML's stubs leave it untyped
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not read: write the value again", problem_mark=mark)
        tag = getattr(event, "tag", None)
        if tag:
            raise yaml.MarkedYAMLError(problem=f"the tag {tag} is not read: write plain data", problem_mark=mark)
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?(?:0|[1-9]\d*)", list("-0123456789")),
    ("float", r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def parse(text: str, source: str) -> Document:
    """Read a text; what is wrong with it is a `RuleFileError` that names file and line."""
    if len(text) > LARGEST:
        raise RuleFileError([f"{source}: longer than {LARGEST} characters: split it"])
    try:
        root = _Loader(text).get_single_node()
        return Document(source, None if root is None else _plain(root), root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise RuleFileError([f"{place}: {error.problem or error.context}"]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise RuleFileError([f"{source}: {error}"]) from error


_SCALARS: dict[str, Any] = {
    "null": lambda _text: None,
    "bool": lambda text: text == "true",
    "int": int,
    "float": float,
    "str": str,
}


def _plain(node: yaml.Node) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in found:
                problem = "this key is there already" if isinstance(key, yaml.ScalarNode) else "a key is one word"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            found[key.value] = _plain(value)
        return found
    return _SCALARS[node.tag.rsplit(":", 1)[-1]](node.value)
