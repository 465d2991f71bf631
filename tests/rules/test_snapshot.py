"""Tested cases between runs."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from rules.alerts import Candidate
from rules.errors import DetectorError
from rules.snapshot import Cases


def cases(*subjects: str, slot: str = "", version: str = "1", p: float = 0.5) -> Cases:
    size = len(subjects)
    candidate = Candidate(title="t", org_units=("de",), calendar="", summary="s", facts={"n": 1}, evidence=({"a": 1},))
    return Cases(
        "rule",
        version,
        subject=np.array(subjects, dtype=object),
        slot=np.full(size, slot, dtype=object),
        score=np.arange(size, dtype=np.float64),
        effect=np.full(size, np.nan),
        p=np.full(size, p),
        holds=np.ones(size, dtype=np.bool_),
        start=np.arange(size),
        end=np.arange(size) + 1,
        as_of=np.full(size, 9),
        candidates={size - 1: candidate.model_copy(update={"summary": subjects[-1]})} if size else {},
    )


def test_parts_are_joined_and_sorted_with_what_is_said_about_them() -> None:
    joined = Cases.join("rule", "1", [cases("c", "a"), cases("b"), cases("a", slot="x")])
    assert list(zip(joined.subject, joined.slot, strict=True)) == [("a", ""), ("a", "x"), ("b", ""), ("c", "")]
    assert {row: found.summary for row, found in joined.candidates.items()} == {0: "a", 1: "a", 2: "b"}
    assert joined.score.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert len(Cases.join("rule", "1", [])) == 0


def test_a_case_that_was_tested_twice_is_an_error() -> None:
    with pytest.raises(DetectorError, match="'a' was tested twice for slot 'x'"):
        Cases.join("rule", "1", [cases("a", slot="x"), cases("b", "a", slot="x")])


def test_subjects_can_be_left_out() -> None:
    left = cases("a", "b", "c").without({"a", "z"})
    assert left.subject.tolist() == ["b", "c"]
    assert {row: found.summary for row, found in left.candidates.items()} == {1: "c"}


def test_json_gives_the_same_cases_back() -> None:
    for p in (0.25, float("nan")):
        given = Cases.join("rule", "7", [cases("b", "a", p=p)])
        text = orjson.dumps(given.to_json())
        assert b"NaN" not in text
        back = Cases.from_json(orjson.loads(text))
        assert back is not None
        assert orjson.dumps(back.to_json()) == text
        assert (back.rule, back.version) == ("rule", given.version)
        assert back.p.dtype == np.float64
        assert back.start.dtype == np.int64
        assert back.holds.dtype == np.bool_
        assert back.candidates == given.candidates


def test_json_of_one_case_is_plain() -> None:
    (row,) = cases("a").to_json()
    assert row == {
        "rule": "rule",
        "version": "1",
        "subject": "a",
        "slot": "",
        "score": 0.0,
        "effect": None,
        "p": 0.5,
        "holds": True,
        "start": 0,
        "end": 1,
        "as_of": 9,
        "candidate": {
            "title": "t",
            "org_units": ["de"],
            "calendar": "",
            "summary": "a",
            "facts": {"n": 1},
            "evidence": [{"a": 1}],
            "known_at": -(2**63),
        },
    }


def test_no_rows_are_no_cases() -> None:
    assert Cases.from_json([]) is None
    assert Cases.empty("rule", "1").to_json() == []
