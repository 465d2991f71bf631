"""Lengths of time as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from rules.durations import DAY, HOUR, MINUTE, PATTERN, SECOND, Duration
from rules.errors import DurationError

durations = st.one_of(
    st.builds(Duration, business_days=st.integers(1, 5000)),
    st.builds(
        Duration,
        months=st.integers(0, 500),
        days=st.integers(0, 10_000),
        microseconds=st.integers(0, 100_000).map(lambda seconds: seconds * SECOND),
    ),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14d", Duration(days=14)),
        ("2bd", Duration(business_days=2)),
        ("1w", Duration(days=7)),
        ("90m", Duration(microseconds=90 * MINUTE)),
        ("36h", Duration(microseconds=36 * HOUR)),
        ("30s", Duration(microseconds=30 * SECOND)),
        ("PT5M", Duration(microseconds=5 * MINUTE)),
        ("P3M", Duration(months=3)),
        ("P1Y2M", Duration(months=14)),
        ("P2W", Duration(days=14)),
        ("P1DT12H", Duration(days=1, microseconds=12 * HOUR)),
        ("PT1H2M3S", Duration(microseconds=HOUR + 2 * MINUTE + 3 * SECOND)),
        ("0d", Duration()),
    ],
)
def test_each_spelling_is_read(text: str, expected: Duration) -> None:
    assert Duration.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "14", "d", "-1d", "1.5d", "14 d", "P", "PT", "P1", "1M", "1d2h", "PT1D", "٣d", "1D"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(DurationError, match="14d, 2bd, 1w, 90m"):
        Duration.parse(text)


@given(durations)
def test_writing_and_reading_give_the_same_duration(duration: Duration) -> None:
    assert Duration.parse(str(duration)) == duration
    assert re.fullmatch(PATTERN, str(duration))


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (Duration(), "0d"),
        (Duration(days=7), "7d"),
        (Duration(business_days=2), "2bd"),
        (Duration(microseconds=DAY), "24h"),
        (Duration(microseconds=90 * MINUTE), "90m"),
        (Duration(microseconds=90 * SECOND), "90s"),
        (Duration(months=3), "P3M"),
        (Duration(months=1, days=2), "P1M2D"),
        (Duration(days=1, microseconds=HOUR), "P1DT3600S"),
    ],
)
def test_the_shortest_spelling_is_written(duration: Duration, text: str) -> None:
    assert str(duration) == text


def test_a_duration_is_true_where_it_is_longer_than_nothing() -> None:
    assert not Duration()
    for longer in (Duration(months=1), Duration(days=1), Duration(business_days=1), Duration(microseconds=1)):
        assert longer


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(DurationError, match="never negative"):
        Duration(days=-1)


def test_a_century_is_the_longest() -> None:
    assert Duration(days=36_525)
    with pytest.raises(DurationError, match="longer than a century"):
        Duration(days=36_526)
    with pytest.raises(DurationError, match="longer than a century"):
        Duration.parse("999999999h")


def test_business_days_do_not_mix_with_other_units() -> None:
    with pytest.raises(DurationError, match="do not mix"):
        Duration(business_days=1, days=1)


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    length: Duration


def test_a_model_takes_the_text_and_writes_it_back() -> None:
    model = Model.model_validate({"length": "2bd"})
    assert model.length == Duration(business_days=2)
    assert model.model_dump(mode="json") == {"length": "2bd"}
    assert Model(length=model.length) == model


@pytest.mark.parametrize("wrong", [14, None, "two weeks"])
def test_a_model_refuses_what_is_no_duration(wrong: object) -> None:
    with pytest.raises(ValidationError, match="is no duration"):
        Model.model_validate({"length": wrong})


def test_the_json_schema_accepts_what_is_read_and_nothing_else() -> None:
    schema = Model.model_json_schema()["properties"]["length"]
    assert schema["type"] == "string"
    for example in schema["examples"]:
        assert re.fullmatch(schema["pattern"], example)
        assert Duration.parse(example)
    assert not re.fullmatch(schema["pattern"], "P")
    assert not re.fullmatch(schema["pattern"], "14")
