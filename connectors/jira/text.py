"""Tickets and comments in the words of the site: Atlassian Documents for Cloud, wiki text for Data Center."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from pydantic import JsonValue

from connectors.jira.marker import LINE
from connectors.sdk.protocol import TicketDraft

Document = dict[str, JsonValue]
Rich = Document | str

MARKUP = re.compile(r"([\\{}\[\]|*_+^~!?#@-])")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What XML cannot hold; Jira answers 400 or 500 to some of them."""


class Writer(Protocol):
    """Writes rich text in one of the two forms."""

    def ticket(self, draft: TicketDraft, marker: str) -> Rich:
        """Write the body of a ticket, the marker in its last line."""

    def note(self, text: str, marker: str) -> Rich:
        """Write a comment, the marker in its last line."""


class AdfWriter:
    """Atlassian Document Format: what version 3 of the API takes."""

    def ticket(self, draft: TicketDraft, marker: str) -> Rich:
        """Write the body of a ticket, the marker in its last line."""
        blocks = [_paragraph(_text(text)) for text in _lines(*draft.paragraphs)]
        if draft.table:
            blocks.append(_table(draft.table))
        blocks.append(_paragraph(_text("Closed when: ", "strong"), _text(_clean(draft.closes_when) or "-")))
        if draft.link:
            blocks.append(_paragraph(_link(draft.link_title or draft.link, draft.link)))
        return _document([*blocks, _paragraph(_text(LINE + marker))])

    def note(self, text: str, marker: str) -> Rich:
        """Write a comment, the marker in its last line."""
        return _document([*(_paragraph(_text(line)) for line in _lines(text)), _paragraph(_text(LINE + marker))])


class WikiWriter:
    """Wiki markup: what version 2 of the API takes."""

    def ticket(self, draft: TicketDraft, marker: str) -> Rich:
        """Write the body of a ticket, the marker in its last line."""
        blocks = [_escaped(text) for text in _lines(*draft.paragraphs)]
        if draft.table:
            head, *rows = draft.table
            lines = ["||" + "||".join(_cell(cell) for cell in head) + "||"]
            lines += ["|" + "|".join(_cell(cell) for cell in row) + "|" for row in rows]
            blocks.append("\n".join(lines))
        blocks.append(f"*Closed when:* {_escaped(draft.closes_when)}")
        if draft.link:
            blocks.append(f"[{_escaped(draft.link_title or draft.link)}|{draft.link}]")
        return "\n\n".join([*blocks, LINE + marker])

    def note(self, text: str, marker: str) -> Rich:
        """Write a comment, the marker in its last line."""
        return "\n\n".join([*(_escaped(line) for line in _lines(text)), LINE + marker])


def plain(value: object) -> str:
    """Read rich text of either form as plain lines."""
    if isinstance(value, Mapping):
        return "\n".join(_read(value)).strip()
    return value if isinstance(value, str) else ""


def one_line(text: str) -> str:
    """Fit a text into a summary: one line, at most 255 characters."""
    line = " ".join(_clean(text).split())
    return line if len(line) <= 255 else line[:254] + "\u2026"  # noqa: PLR2004 - Jira's limit


def _clean(text: str) -> str:
    return CONTROL.sub("", text).strip()


def _lines(*texts: str) -> Iterator[str]:
    """Cut texts into paragraphs; an empty one is not allowed in a document."""
    for text in texts:
        yield from (line.strip() for line in _clean(text).splitlines() if line.strip())


def _document(blocks: Sequence[Document]) -> Document:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def _paragraph(*content: Document) -> Document:
    return {"type": "paragraph", "content": list(content)}


def _text(text: str, *marks: str) -> Document:
    node: Document = {"type": "text", "text": text}
    return {**node, "marks": [{"type": mark} for mark in marks]} if marks else node


def _link(title: str, address: str) -> Document:
    return {"type": "text", "text": title, "marks": [{"type": "link", "attrs": {"href": address}}]}


def _table(rows: Sequence[Sequence[str]]) -> Document:
    kinds = ["tableHeader", *(["tableCell"] * (len(rows) - 1))]
    return {
        "type": "table",
        "content": [
            {"type": "tableRow", "content": [_document_cell(kind, cell) for cell in row]}
            for kind, row in zip(kinds, rows, strict=True)
        ],
    }


def _document_cell(kind: str, text: str) -> Document:
    cleaned = " ".join(_clean(text).split())
    return {"type": kind, "content": [_paragraph(_text(cleaned)) if cleaned else _paragraph()]}


def _escaped(text: str) -> str:
    return MARKUP.sub(r"\\\1", " ".join(_clean(text).split()))


def _cell(text: str) -> str:
    return _escaped(text) or " "


def _read(node: Mapping[str, Any]) -> Iterator[str]:
    content = node.get("content") or ()
    if node.get("type") in {"paragraph", "heading", "codeBlock"}:
        yield "".join("\n" if part.get("type") == "hardBreak" else str(part.get("text", "")) for part in content)
    elif node.get("type") == "tableRow":
        yield " | ".join(" ".join(_read(cell)) for cell in content)
    else:
        for part in content:
            yield from _read(part)
