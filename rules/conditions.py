"""Conditions of a rule's scope: CEL over one typed `Subject`, checked when it is compiled.

This is the only file that knows the CEL library. It is imported on the first condition. The library bounds recursion,
size and iterations itself, and its regular expressions run in linear time, so a condition cannot hang.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from rules.columns import Flags
from rules.errors import ConditionError, suggest
from rules.schema import Subject

_MESSAGE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_STRINGS = re.compile(r"'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_FIELD = re.compile(r"\bsubject\s*\.\s*(\w+)")


class _Program(Protocol):
    def eval(self, *, data: Mapping[str, object]) -> Any: ...  # noqa: ANN401 - the library's own value type


class Condition:
    """A compiled condition; `fields` are the fields of the subject that it reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._program = _compile(text)
        self.fields = tuple(sorted(set(_FIELD.findall(_STRINGS.sub("''", text))) & set(Subject.model_fields)))

    def select(self, columns: Mapping[str, Sequence[Any]], size: int) -> Flags:
        """Return for each of `size` subjects whether the condition holds, asking once for each distinct subject."""
        if not self.fields:
            return np.full(size, self._ask({}), dtype=np.bool_)
        answers: dict[Any, bool] = {}
        asked = zip(*(columns[name] for name in self.fields), strict=True)
        return np.fromiter((self._remembered(values, answers) for values in asked), dtype=np.bool_, count=size)

    def _remembered(self, values: tuple[Any, ...], answers: dict[Any, bool]) -> bool:
        key = tuple(tuple(sorted(value.items())) if isinstance(value, dict) else value for value in values)
        if key not in answers:
            answers[key] = self._ask(dict(zip(self.fields, values, strict=True)))
        return answers[key]

    def _ask(self, values: Mapping[str, Any]) -> bool:
        data = {f"subject.{name}": list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        try:
            answer = self._program.eval(data=data).value()
        except RuntimeError as error:
            raise ConditionError(f"{self.text!r} cannot be evaluated: {_reason(str(error))}") from error
        if not isinstance(answer, bool):
            raise ConditionError(f"{self.text!r} cannot be evaluated: {answer}; has(...) asks whether a label is there")
        return answer


def _compile(text: str) -> _Program:
    try:
        program = _environment().compile(text)
    except RuntimeError as error:
        raise _explain(str(error)) from error
    found = str(program.return_type())
    if found != "BOOL":
        raise ConditionError(f"a condition is true or false, this one is {found.lower()}")
    return typing.cast("_Program", program)


def _explain(message: str) -> ConditionError:
    found = _MESSAGE.search(message)
    if not found:
        return ConditionError(_reason(message))
    line, column, problem = int(found[1]), int(found[2]), found[3]
    unknown = _UNDECLARED.match(problem)
    if unknown:
        name = unknown[1].removeprefix("subject.")
        # The library points at the dot, a person looks for the word after it.
        column += 1 if "." in unknown[1] else 0
        problem = f"there is no {unknown[1]}{suggest(name, Subject.model_fields)}"
    elif "(double, int)" in problem:
        problem = "a number with decimals is compared with a whole one: write 1.0 instead of 1"
    return ConditionError(problem, line=line, column=column)


def _reason(message: str) -> str:
    return message.split(": ", 1)[-1].split(" [", 1)[0]


@lru_cache(maxsize=1)
def _environment() -> Any:  # noqa: ANN401 - the library ships no types
    from cel_expr_python import cel  # noqa: PLC0415 - rules without conditions do not need it

    kinds: dict[Any, Any] = {
        str: cel.Type.STRING,
        bool: cel.Type.BOOL,
        tuple[str, ...]: cel.Type.List(cel.Type.STRING),
        tuple[float, ...]: cel.Type.List(cel.Type.DOUBLE),
        dict[str, str]: cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    }
    fields = Subject.model_fields.items()
    return cel.NewEnv(
        variables={f"subject.{name}": kinds.get(field.annotation, cel.Type.STRING) for name, field in fields}
    )


compiled: Callable[[str], Condition] = lru_cache(maxsize=1024)(Condition)
"""Compile a condition, once for each text."""
