"""What a draft becomes: a document that Atlassian's schema accepts, or wiki text that says what it should."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.jira import marker
from connectors.jira.sandbox.documents import is_document
from connectors.jira.text import AdfWriter, WikiWriter, one_line, plain
from connectors.sdk.protocol import TicketDraft
from tests.contract.watch import document_validator

MARKER = "01hzy8t3v5k2m9q4r7w6x1c0"
WORDS = st.text(max_size=30) | st.sampled_from(["", " ", "\n\n", "\x00", "*bold*", "|", "{code}", "[x|http://evil]"])
DRAFTS = st.builds(
    TicketDraft,
    title=WORDS,
    paragraphs=st.lists(WORDS, max_size=4).map(tuple),
    table=st.lists(st.tuples(WORDS, WORDS), max_size=4).map(tuple),
    closes_when=WORDS,
    link=st.none() | st.just("https://plumbline.example.com/f/1"),
    link_title=st.none() | st.just("Finding"),
)


@given(draft=DRAFTS)
def test_every_draft_becomes_a_document_that_the_schema_accepts_with_the_marker_last(draft: TicketDraft) -> None:
    document: Any = AdfWriter().ticket(draft, MARKER)
    assert document_validator().is_valid(document)
    assert plain(document).splitlines()[-1] == f"Plumbline reference: {MARKER}"
    assert marker.in_text(plain(document)) == MARKER


@given(text=WORDS)
def test_every_comment_becomes_a_document_that_the_schema_accepts(text: str) -> None:
    document: Any = AdfWriter().note(text, MARKER)
    assert document_validator().is_valid(document)
    assert marker.in_text(plain(document)) == MARKER


@given(draft=DRAFTS)
def test_the_sandbox_accepts_what_the_schema_accepts(draft: TicketDraft) -> None:
    assert is_document(AdfWriter().ticket(draft, MARKER))


def paragraph(*content: object) -> dict[str, object]:
    return {"type": "paragraph", "content": list(content)}


def text(value: str, *marks: str) -> dict[str, object]:
    return {"type": "text", "text": value, "marks": [{"type": mark} for mark in marks]}


BAD: dict[str, Any] = {
    "a plain string": "Hello",
    "no version": {"type": "doc", "content": []},
    "an empty text": {"type": "doc", "version": 1, "content": [paragraph(text(""))]},
    "text directly under the document": {"type": "doc", "version": 1, "content": [text("x")]},
    "text directly under a list item": {
        "type": "doc",
        "version": 1,
        "content": [{"type": "bulletList", "content": [{"type": "listItem", "content": [text("x")]}]}],
    },
    "a mark that is called strong": {"type": "doc", "version": 1, "content": [paragraph(text("x", "bold"))]},
    "a heading of level seven": {
        "type": "doc",
        "version": 1,
        "content": [{"type": "heading", "attrs": {"level": 7}, "content": [text("x")]}],
    },
}


@pytest.mark.parametrize("case", BAD)
def test_what_atlassians_schema_refuses_the_sandbox_refuses_too(case: str) -> None:
    assert not document_validator().is_valid(BAD[case])
    assert not is_document(BAD[case])


@given(draft=DRAFTS)
def test_wiki_text_ends_with_the_marker_and_cannot_be_broken_out_of(draft: TicketDraft) -> None:
    written = WikiWriter().ticket(draft, MARKER)
    assert isinstance(written, str)
    assert marker.in_text(written) == MARKER
    assert "{code}" not in re.sub(r"\\[{}]", "", written)
    assert "[x|http" not in written


def test_a_wiki_table_keeps_its_cells_whatever_they_hold() -> None:
    draft = TicketDraft(title="t", closes_when="c", table=(("a", "b"), ("1|2", "")))
    written = str(WikiWriter().ticket(draft, MARKER))
    assert "||a||b||" in written
    assert r"|1\|2| |" in written


@given(title=st.text(max_size=400))
def test_a_summary_is_one_line_that_fits(title: str) -> None:
    assert len(one_line(title)) <= 255
    assert len(one_line(title).splitlines()) <= 1


def test_the_last_line_of_ours_counts_and_a_longer_word_is_another_marker() -> None:
    assert marker.in_text(f"Plumbline reference: aaaaaaaa\nquoted\nPlumbline reference: {MARKER}") == MARKER
    assert marker.in_text(f"Plumbline reference: {MARKER}\u00e9") == MARKER
    assert marker.in_text("Plumbline reference: short") is None
    assert marker.in_labels(["plumbline-integrity", "plumbline-ref-x", "PLUMBLINE-REF-" + MARKER]) is None
    assert marker.in_properties({"plumbline.marker": {"value": MARKER}}) is None
