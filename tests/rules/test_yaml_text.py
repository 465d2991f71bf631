"""The YAML of rule files."""

from __future__ import annotations

import pytest

from rules.errors import RuleFileError
from rules.yaml_text import LARGEST, parse


def data(text: str) -> object:
    return parse(text, "f.yaml").data


def test_words_stay_words() -> None:
    words = {"on": "off", "yes": "no", "day": "2026-03-31", "time": "12:30", "octal": "010", "sign": "+1", "v": "1.2.3"}
    assert data("{on: off, yes: no, day: 2026-03-31, time: 12:30, octal: 010, sign: +1, v: 1.2.3}") == words


def test_json_types_are_read() -> None:
    text = "[1, -2, 0, 1.5, -1e3, 2E-2, true, false, null, ~, '1', \"true\", , text]".replace(", ,", ",")
    assert data(text) == [1, -2, 0, 1.5, -1000.0, 0.02, True, False, None, None, "1", "true", "text"]
    assert data("a:\n") == {"a": None}
    assert data("") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "f.yaml:2:1: this key is there already"),
        ("a: &x 1\nb: *x", "f.yaml:2:4: aliases are not read"),
        (
            "- !!python/object/apply:os.system [ls]",
            "f.yaml:1:3: the tag tag:yaml.org,2002:python/object/apply:os.system",
        ),
        ("- !!str 1", "f.yaml:1:3: the tag tag:yaml.org,2002:str is not read"),
        ("? [a]\n: 1", "f.yaml:1:3: a key is one word"),
        ("a: [1", "f.yaml:1:6: expected"),
        ("a: b: c", "f.yaml:1:5: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: but found another document"),
        ("\x00", "f.yaml"),
        ("[" * 5000, "f.yaml"),
        ("x" * (LARGEST + 1), "f.yaml: longer than 1000000 characters: split it"),
    ],
)
def test_what_is_not_read_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        parse(text, "f.yaml")
    assert str(caught.value).startswith(message)


def test_a_place_is_a_line_and_a_column() -> None:
    document = parse("rules:\n  - name: a\n    list: [x, 'y']\n", "f.yaml")
    assert document.place(()) == "f.yaml:1:1"
    assert document.place(("rules", 0)) == "f.yaml:2:5"
    assert document.place(("rules", 0, "name")) == "f.yaml:2:11"
    assert document.place(("rules", 0, "name"), key=True) == "f.yaml:2:5"
    assert document.place(("rules", 0, "list", 1)) == "f.yaml:3:15"
    assert document.place(("rules", 0, "list", 1), 1) == "f.yaml:3:16"
    assert document.place(("rules", 0, "name"), 3) == "f.yaml:2:13"
    assert document.place(("rules", 0, "nowhere", 3)) == "f.yaml:2:5"
    assert document.place(("rules", 7)) == "f.yaml:1:1"
    assert parse("", "f.yaml").place(("a",)) == "f.yaml:1:1"
