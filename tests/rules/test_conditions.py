"""Conditions: CEL over one typed subject."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from rules.conditions import Condition, compiled
from rules.errors import ConditionError
from rules.schema import Subject


def answers(text: str, **columns: list[object]) -> list[bool]:
    size = len(next(iter(columns.values()))) if columns else 1
    return [bool(answer) for answer in Condition(text).select(columns, size)]


def test_a_condition_is_asked_of_each_subject() -> None:
    text = 'subject.function in ["sales", "finance"] && !subject.retired'
    functions: list[object] = ["sales", "finance", "law", "sales"]
    assert answers(text, function=functions, retired=[False, True, False, False]) == [True, False, False, True]


def test_every_field_can_be_asked_with_its_type() -> None:
    literals = {
        "str": '""',
        "bool": "false",
        "tuple[str, ...]": "[]",
        "tuple[float, ...]": "[]",
        "dict[str, str]": "{}",
    }
    for name, field in Subject.model_fields.items():
        annotation = field.annotation
        kind = annotation.__name__ if annotation in (str, bool) else str(annotation)
        literal = literals.get(kind, '""')
        assert Condition(f"subject.{name} == {literal}").fields == (name,)


def test_lists_and_labels_can_be_asked() -> None:
    assert answers("subject.thresholds.exists(t, t > 3.0)", thresholds=[(1.0, 4.0), ()]) == [True, False]
    assert answers('"emea" in subject.org_path', org_path=[("de", "emea"), ("us",)]) == [True, False]
    assert answers('has(subject.labels.tier) && subject.labels["tier"] == "1"', labels=[{"tier": "1"}, {}]) == [
        True,
        False,
    ]


def test_a_condition_is_evaluated_once_for_each_distinct_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    condition = Condition("subject.function == 'sales' && subject.thresholds == [] && subject.labels == {}")
    asked: list[object] = []
    ask = condition._ask

    def watched(values: Mapping[str, Any]) -> bool:
        asked.append(values)
        return ask(values)

    monkeypatch.setattr(condition, "_ask", watched)
    columns: dict[str, list[object]] = {
        "function": ["sales", "law"] * 500,
        "thresholds": [()] * 1000,
        "labels": [{}] * 1000,
    }
    assert condition.select(columns, 1000).sum() == 500
    assert len(asked) == 2


def test_a_condition_without_fields_holds_for_all_or_none() -> None:
    assert Condition("1 < 2").select({}, 3).tolist() == [True, True, True]
    assert Condition("1 > 2").select({}, 2).tolist() == [False, False]


def test_only_fields_outside_of_texts_are_read() -> None:
    assert Condition('subject.function == \'subject.unit\' || subject . title == "it\\"s subject.metric"').fields == (
        "function",
        "title",
    )


def test_the_same_text_is_compiled_once() -> None:
    assert compiled("subject.retired") is compiled("subject.retired")


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('subject.functoin == "x"', 1, 9, "there is no subject.functoin; did you mean 'function'? Known: cadence, "),
        ("subject.retired == 3", 1, 17, "found no matching overload"),
        ("subject.function ==", 1, 20, "Syntax error"),
        ("retired", 1, 1, "there is no retired; did you mean 'retired'?"),
        ('true &&\n  subject.x == "a"', 2, 11, "there is no subject.x. Known:"),
        ("subject.function", 1, 1, "a condition is true or false, this one is string"),
        ("subject.thresholds.exists(t, t > 3)", 1, 32, "write 1.0 instead of 1"),
        ("'é' == 'é' && subject.x", 1, 23, "there is no subject.x"),
        ("subject", 1, 1, "there is no subject"),
    ],
)
def test_an_error_points_at_the_column(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        Condition(text)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0 == 1", "divide by zero"),
        ('subject.labels["tier"] == "1"', r"Key not found.*has\(\.\.\.\) asks whether a label is there"),
        ("(" * 100 + "true" + ")" * 100, "recursion limit exceeded"),
        (
            "[{0}].all(a, [{0}].all(b, [{0}].all(c, a + b + c > 0)))".format(",".join(["1"] * 150)),
            "Iteration budget exceeded",
        ),
    ],
)
def test_what_cannot_be_evaluated_ends_with_an_error(text: str, message: str) -> None:
    with pytest.raises(ConditionError, match=message):
        answers(text, labels=[{}])


def test_a_regular_expression_cannot_hang() -> None:
    assert answers('subject.title.matches("^(a+)+$")', title=["a" * 5000 + "b"]) == [False]


def test_the_library_is_loaded_by_the_first_condition_only() -> None:
    code = "import sys, rules.engine, rules.loader; sys.exit('cel_expr_python' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
