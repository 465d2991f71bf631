"""Rich text as the sandbox takes and gives it: which documents it accepts, and plain text out of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

INLINE = {"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status"}
LISTS = {"bulletList", "orderedList"}
SIMPLE = {"paragraph", "heading", "codeBlock", "rule", "blockquote", "panel"} | LISTS
CHILDREN = {
    "doc": SIMPLE | {"table"},
    "paragraph": INLINE,
    "heading": INLINE,
    "codeBlock": {"text"},
    "blockquote": {"paragraph"} | LISTS,
    "panel": {"paragraph", "heading"} | LISTS,
    "bulletList": {"listItem"},
    "orderedList": {"listItem"},
    "listItem": {"paragraph", "codeBlock"} | LISTS,
    "table": {"tableRow"},
    "tableRow": {"tableCell", "tableHeader"},
    "tableCell": SIMPLE,
    "tableHeader": SIMPLE,
}
MARKS = {"strong", "em", "code", "link", "strike", "underline", "textColor", "subsup"}
HEADINGS = range(1, 7)


def is_document(value: Any) -> bool:  # noqa: ANN401 - whatever a client sent
    """Say whether this is an Atlassian Document of the nodes that the sandbox knows."""
    return isinstance(value, dict) and value.get("type") == "doc" and value.get("version") == 1 and _well_formed(value)


def _well_formed(node: dict[str, Any]) -> bool:
    kind = node.get("type")
    if kind == "text":
        return isinstance(node.get("text"), str) and node["text"] != "" and _marks(node.get("marks", []))
    if kind == "heading" and node.get("attrs", {}).get("level") not in HEADINGS:
        return False
    content = node.get("content", [])
    allowed = CHILDREN.get(str(kind), set())
    return isinstance(content, list) and all(
        isinstance(child, dict) and child.get("type") in allowed and _well_formed(child) for child in content
    )


def _marks(marks: Any) -> bool:  # noqa: ANN401 - whatever a client sent
    return isinstance(marks, list) and all(
        isinstance(mark, dict)
        and mark.get("type") in MARKS
        and (mark["type"] != "link" or isinstance(mark.get("attrs", {}).get("href"), str))
        for mark in marks
    )


def plain(value: Any) -> str:  # noqa: ANN401 - a document or a string
    """Write rich text as the version 2 API and webhooks do: a string."""
    if not isinstance(value, dict):
        return value or ""
    return "\n".join(_lines(value)).strip()


def _lines(node: dict[str, Any]) -> Iterator[str]:
    kind, content = node.get("type"), node.get("content", [])
    if kind in {"paragraph", "heading", "codeBlock"}:
        yield "".join(_inline(child) for child in content)
    elif kind == "tableRow":
        yield "|" + "|".join(" ".join(_lines(cell)) for cell in content) + "|"
    else:
        for child in content:
            yield from _lines(child)


def _inline(node: dict[str, Any]) -> str:
    text = "\n" if node.get("type") == "hardBreak" else str(node.get("text", ""))
    links = [mark["attrs"]["href"] for mark in node.get("marks", []) if mark["type"] == "link"]
    return f"[{text}|{links[0]}]" if links else text


def document(text: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a document or a string
    """Write rich text as the version 3 API does: a document."""
    if text is None or isinstance(text, dict):
        return text
    lines = [line for line in str(text).split("\n") if line]
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines],
    }
