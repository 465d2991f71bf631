"""From a connector's JSON Schema to the entries of its form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hub.connections.configuration import REFERENCES
from hub.connections.entries import (
    Choice,
    Entry,
    Group,
    Kept,
    Lines,
    Number,
    Pairs,
    Secret,
    Sent,
    Several,
    Switch,
    Text,
    Variants,
)

Schema = Mapping[str, Any]
ELSEWHERE = frozenset({"mapping"})
"""Entries that the hub reads itself and that have a page of their own."""
MOST_ITEMS = 50


class Drawing:
    """Draws the entries of one schema, as many items of its lists as a form or a stored configuration has."""

    def __init__(self, schema: Schema, sent: Sent, stored: Any = None, *, keep: bool = True) -> None:  # noqa: ANN401  # JSON
        self._root = schema
        self._keep = keep
        self._sent = sent
        self._stored = stored

    def draw(self) -> Group:
        """Give the whole form."""
        return Group("", "", required=True, parts=tuple(self._parts(self._root, "", self._stored)))

    def _parts(self, schema: Schema, name: str, stored: Any, leave_out: str = "") -> Iterator[tuple[str, Entry]]:  # noqa: ANN401  # JSON
        required = schema.get("required", ())
        for key, part in schema.get("properties", {}).items():
            if key == leave_out:
                continue
            place = f"{name}.{key}" if name else key
            inner = stored.get(key) if isinstance(stored, Mapping) else None
            if place in ELSEWHERE:
                yield key, Kept(place, place, value=inner)
            else:
                yield key, self._entry(part, place, key, inner, required=key in required)

    def _entry(self, given: Schema, name: str, key: str, stored: Any, *, required: bool) -> Entry:  # noqa: ANN401  # JSON
        schema = self._plain(given)
        label = str(given.get("title") or key.replace("_", " ").capitalize())
        about: dict[str, Any] = {
            "name": name,
            "label": _sentence(label),
            "hint": str(given.get("description", "")),
            "required": required,
        }
        if _is_secret(schema):
            return Secret(**about, stored=stored is not None, keep=self._keep)
        if is_reference(stored):
            return Kept(**about, value=stored)
        found = _scalar(schema, about, given.get("default"))
        if found is None and schema.get("type") == "array":
            found = self._list(schema, about, stored)
        elif found is None and schema.get("type") == "object":
            found = self._object(schema, about, name, stored)
        return found or self._variants(schema, about, name, stored) or Kept(**about, value=stored)

    def _list(self, schema: Schema, about: dict[str, Any], stored: Any) -> Entry:  # noqa: ANN401  # JSON
        items = self._plain(schema.get("items", {}))
        if items.get("type") == "string" and not _is_secret(items):
            return Lines(**about)
        name, there = about["name"], len(stored) if isinstance(stored, list) else 0
        sent = [int(found[1]) + 1 for one in self._sent if (found := re.match(re.escape(name) + r"\.(\d{1,3})\b", one))]
        most = min(int(schema.get("maxItems", MOST_ITEMS)), MOST_ITEMS)
        count = min(max([there, *sent]) + 1, most)
        return Several(
            **about,
            is_full=count == most,
            items=tuple(
                self._entry(
                    {**items, "title": f"{about['label']} {number + 1}"},
                    f"{name}.{number}",
                    str(number),
                    stored[number] if number < there else None,
                    required=False,
                )
                for number in range(count)
            ),
        )

    def _object(self, schema: Schema, about: dict[str, Any], name: str, stored: Any) -> Entry:  # noqa: ANN401  # JSON
        if "properties" in schema:
            return Group(**about, parts=tuple(self._parts(schema, name, stored)))
        texts = schema.get("additionalProperties")
        if isinstance(texts, Mapping) and self._plain(texts).get("type") == "string":
            return Pairs(**about)
        return Kept(**about, value=stored)

    def _variants(self, schema: Schema, about: dict[str, Any], name: str, stored: Any) -> Entry | None:  # noqa: ANN401  # JSON
        chosen_by = schema.get("discriminator", {})
        if not chosen_by.get("mapping"):
            return None
        word, groups = chosen_by["propertyName"], {}
        for tag, reference in chosen_by["mapping"].items():
            option = self._plain({"$ref": reference})
            inner = stored if isinstance(stored, Mapping) and stored.get(word) == tag else None
            parts = tuple(self._parts(option, f"{name}.{tag}", inner, leave_out=word))
            groups[tag] = Group(f"{name}.{tag}", tag, str(option.get("description", "")), required=True, parts=parts)
        return Variants(**about, word=word, groups=groups)

    def _plain(self, schema: Schema) -> Schema:
        """Follow references, and leave out that something may be null: a form says that by saying nothing."""
        while "$ref" in schema or "anyOf" in schema:
            if "$ref" in schema:
                target: Any = self._root
                for part in str(schema["$ref"]).removeprefix("#/").split("/"):
                    target = target[part]
                schema = target
                continue
            options = [option for option in schema["anyOf"] if option.get("type") != "null"]
            if len(options) != 1:
                return {}
            schema = options[0]
        return schema


def _scalar(schema: Schema, about: dict[str, Any], default: object) -> Entry | None:
    usual = "" if default is None else str(default)
    if "enum" in schema or "const" in schema:
        words = tuple(map(str, schema.get("enum", (schema.get("const"),))))
        return Choice(**about, default=usual, words=words)
    match schema.get("type"):
        case "boolean":
            return Switch(**about, default="on" if default else "")
        case "integer" | "number" as kind:
            return Number(**about, default=usual, whole=kind == "integer")
        case "string":
            return Text(**about, default=usual, is_path=schema.get("format") == "path")
    return None


def is_reference(value: object) -> bool:
    """Say whether a stored value names a variable or file of the server."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in REFERENCES


def _is_secret(schema: Schema) -> bool:
    return bool(schema.get("writeOnly")) or schema.get("format") == "password"


def _sentence(label: str) -> str:
    """Write a title such as `Base Url` as people do: `Base URL`."""
    first, *rest = label.replace("Url", "URL").replace("Id", "ID").split()
    return " ".join([first, *(word if word.isupper() else word.lower() for word in rest)])
