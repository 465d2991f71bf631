"""Rule files: YAML in, rules out. An error names the file, the line, the rule and the nearest right word.

A file is a list of rules, or a mapping with `title`, `rules` and the `histories` that the rules' cases run on.
`load_pack("data-trust")` reads one that we ship, `load_file(path)` one of yours, and `read_rule(mapping)` a single rule
from a form or a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from rules.conditions import compiled
from rules.errors import ConditionError, DetectorError, RuleFileError, RulesError, suggest
from rules.registry import REGISTRY, Detector, Registry
from rules.schema import ENGINE_NAME, PLACEHOLDER, Rule
from rules.yaml_text import Document, parse

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a rule: where (keys and indices from the rule's top), and what to write instead.

    `column` counts within the value; `at_key` says that the key itself is wrong.
    """

    path: tuple[str | int, ...]
    message: str
    column: int | None = None
    at_key: bool = False

    def __str__(self) -> str:
        """Say it in one line."""
        where = ".".join(map(str, self.path))
        return f"{where}: {self.message}" if where else self.message


class RuleError(RulesError, ValueError):
    """A rule is wrong; `problems` lists everything that is."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Pack:
    """Rules that belong together, and the histories of their cases as plain tables."""

    name: str
    title: str
    rules: tuple[Rule, ...]
    histories: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def packs() -> list[str]:
    """Return the names of the packs that we ship."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in files("rules.packs").iterdir() if entry.name.endswith(".yaml")
    )


def load_pack(name: str, registry: Registry = REGISTRY) -> Pack:
    """Load a pack that we ship."""
    if name not in packs():
        raise RuleFileError([f"there is no pack {name!r}{suggest(name, packs())}"])
    return load_text(files("rules.packs").joinpath(f"{name}.yaml").read_text("utf-8"), f"{name}.yaml", registry)


def load_file(path: Path, registry: Registry = REGISTRY) -> Pack:
    """Load a rule file."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RuleFileError([f"{path}: is no UTF-8 text: save it as UTF-8"]) from error
    return load_text(text, str(path), registry)


def load_text(text: str, source: str, registry: Registry = REGISTRY) -> Pack:
    """Load the text of a rule file; `source` is what errors call it."""
    document = parse(text, source)
    problems = [*_shape(document)]
    if problems:
        raise RuleFileError(problems)
    top = document.data if isinstance(document.data, dict) else {"rules": document.data}
    prefix: Path_ = ("rules",) if isinstance(document.data, dict) else ()
    rules: list[Rule] = []
    for index, entry in enumerate(top["rules"]):
        try:
            rules.append(read_rule(entry, registry))
        except RuleError as error:
            named = entry.get("name") if isinstance(entry, dict) else None
            problems += [
                _line(document, (*prefix, index), named or f"rule {index + 1}", problem) for problem in error.problems
            ]
    problems += _names_and_histories(document, prefix, rules, top.get("histories", {})) if not problems else []
    if problems:
        raise RuleFileError(problems)
    name = Path(source).stem
    return Pack(name, top.get("title", name), tuple(rules), top.get("histories", {}))


def _shape(document: Document) -> Iterator[str]:
    data = document.data
    if isinstance(data, dict):
        known = ("title", "rules", "histories")
        for key in data:
            if key not in known:
                yield f"{document.place((key,), key=True)}: there is no {key!r} here{suggest(str(key), known)}"
        data = data.get("rules")
    if not isinstance(data, list):
        yield f"{document.place(())}: a rule file is a list of rules, or a mapping with `rules` and `histories`"
    histories = document.data.get("histories", {}) if isinstance(document.data, dict) else {}
    if not isinstance(histories, dict) or not all(isinstance(tables, dict) for tables in histories.values()):
        yield f"{document.place(('histories',))}: histories are mappings of as_of and tables, by name"


def _names_and_histories(
    document: Document, prefix: Path_, rules: list[Rule], histories: Mapping[str, Any]
) -> list[str]:
    problems = []
    for index, rule in enumerate(rules):
        if rule.name in [other.name for other in rules[:index]]:
            problem = Problem(("name",), f"{rule.name!r} is taken by a rule above: a name is an identity")
            problems.append(_line(document, (*prefix, index), rule.name, problem))
        for number, case in enumerate(rule.cases):
            if case.history not in histories:
                message = f"there is no history {case.history!r} in this file{suggest(case.history, histories)}"
                problem = Problem(("cases", number, "history"), message)
                problems.append(_line(document, (*prefix, index), rule.name, problem))
    return problems


def _line(document: Document, rule_path: Path_, name: str, problem: Problem) -> str:
    place = document.place((*rule_path, *problem.path), problem.column, key=problem.at_key)
    return f"{place}: {name}: {problem}"


def read_rule(data: object, registry: Registry = REGISTRY) -> Rule:
    """Check one rule given as a mapping: its words, its detector's parameters, its condition, its placeholders."""
    try:
        rule = Rule.model_validate(data)
    except ValidationError as error:
        raise RuleError([_problem(Rule, details) for details in error.errors()]) from error
    try:
        found = registry.get(rule.detector)
    except DetectorError as error:
        raise RuleError([Problem(("detector",), str(error))]) from error
    problems = [*_params(rule, found), *_meaning(rule, found), *_condition(rule)]
    if problems:
        raise RuleError(problems)
    return rule


def _params(rule: Rule, found: Detector) -> list[Problem]:
    try:
        found.params.model_validate(rule.params)
    except ValidationError as error:
        problems = [_problem(found.params, details) for details in error.errors()]
        return [replace(problem, path=("params", *problem.path)) for problem in problems]
    return []


def _meaning(rule: Rule, found: Detector) -> Iterator[Problem]:
    if rule.name == ENGINE_NAME:
        yield Problem(("name",), f"{ENGINE_NAME} is what the engine reports under: choose another name")
    if rule.scope.subject not in found.subjects:
        yield Problem(("scope", "subject"), f"{found.name} tests {', '.join(found.subjects)}: choose one of them")
    if rule.materiality is not None and found.effect != "metric":
        message = f"{found.name} measures effects in {found.effect}, not in the metric's unit: leave materiality out"
        yield Problem(("materiality",), message)
    facts = {"title", *found.facts}
    for name in PLACEHOLDER.findall(rule.annotations.summary or ""):
        if name not in facts:
            message = f"{found.name} gives no fact {name!r}{suggest(name, facts)}"
            yield Problem(("annotations", "summary"), message)


def _condition(rule: Rule) -> Iterator[Problem]:
    try:
        if rule.scope.when is not None:
            compiled(rule.scope.when)
    except ConditionError as error:
        yield Problem(("scope", "when"), str(error), error.column if error.line == 1 else None)


def _problem(model: type[BaseModel], details: ErrorDetails) -> Problem:
    """Turn pydantic's words into ours, with the nearest right word where one was mistyped."""
    steps = details["loc"]
    path = tuple(step for place, step in enumerate(steps) if not _is_action_type(steps, place))
    kind, given = details["type"], details["input"]
    if kind == "extra_forbidden":
        message = f"there is no {path[-1]!r} here{suggest(str(path[-1]), _fields_at(model, steps[:-1]))}"
        return Problem(path, message, at_key=True)
    if kind == "missing":
        return Problem(path, "is missing")
    message = details["msg"].removeprefix("Value error, ")
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        context = details.get("ctx", {})
        words = str(context.get("expected") or context.get("expected_tags", "")).replace("'", "").replace(" or ", ", ")
        tag = given.get("type") if isinstance(given, dict) else given
        message = f"{tag!r} is not known here{suggest(str(tag), words.split(', '))}"
    return Problem(path, message)


def _is_action_type(steps: Path_, place: int) -> bool:
    """Tell whether a step is pydantic's name for the kind of an action, which no key in the file stands for."""
    return place > 1 and steps[place - 2] == "actions" and isinstance(steps[place - 1], int)


def _fields_at(model: type[BaseModel], steps: Path_) -> set[str]:
    """Return the keys that are allowed at a place inside a model."""
    models = {model}
    for place, step in enumerate(steps):
        if _is_action_type(steps, place):
            models = {each for each in models if get_args(each.model_fields["type"].annotation) == (step,)}
        elif isinstance(step, str):
            fields = {name: info.annotation for each in models for name, info in _named(each)}
            models = set(_models(fields.get(step)))
    return {name for each in models for name, _ in _named(each)}


def _named(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, info in model.model_fields.items():
        yield info.alias or name, info


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and get_origin(annotation) is None:
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
