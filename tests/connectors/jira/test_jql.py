"""JQL is built by quoting only (R34): whatever a value holds, it stays one value."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from connectors.jira import jql
from connectors.jira.sandbox.jql import Facts, Token, parse, tokens

HOSTILE = [
    '"',
    "\\",
    '\\"',
    '" OR project = "HR',
    "a\\",
    "') OR 1=1 --",
    "\x00\x1f\x7f\u0085\u2028\ud7ff",
    "line\nbreak\ttab\r",
    "\\u0022",
    "ORDER BY created",
    "\U0001f600 \u202e",
]


@given(value=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
@example(value=HOSTILE[0])
@example(value=HOSTILE[3])
@example(value=HOSTILE[4])
@example(value=HOSTILE[6])
@example(value=HOSTILE[8])
def test_any_text_is_quoted_into_exactly_one_token_that_means_the_text(value: str) -> None:
    assert tokens(jql.quote(value)) == [Token("quoted", value)]


@given(values=st.lists(st.sampled_from(HOSTILE) | st.text(max_size=20), min_size=1, max_size=5))
def test_a_list_of_any_texts_has_exactly_these_values(values: list[str]) -> None:
    found = tokens(jql.any_of(values))
    assert [token.text for token in found if token.kind == "quoted"] == values
    assert len(found) == 2 * len(values) + 1


@given(value=st.sampled_from(HOSTILE) | st.text(max_size=40))
def test_a_phrase_is_one_quoted_text_inside_the_quotes(value: str) -> None:
    (token,) = tokens(jql.phrase(value))
    inner = token.text[1:-1]
    assert token.text[0] == token.text[-1] == '"'
    assert re.fullmatch(r'(?:[^"\\]|\\.)*', inner, re.DOTALL)
    assert re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) == value


@given(value=st.sampled_from(HOSTILE) | st.text(max_size=40))
def test_no_value_widens_a_query(value: str) -> None:
    query = parse(
        f"labels = {jql.quote(value)}", now=datetime(2026, 1, 1, tzinfo=UTC), time_zone="UTC", projects=["HR"]
    )
    other: Facts = {"labels": (value + "x",), "project": ("HR",)}
    same: Facts = {"labels": (value,), "project": ("HR",)}
    assert not query.matches(other)
    assert query.matches(same)
    assert query.order == ()
