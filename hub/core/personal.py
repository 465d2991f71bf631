"""A person's data, found by the field inventory: what is about them, and their names replaced wherever they stand.

A personal column is about somebody if it points at them, holds their public id, or names them. Names are replaced by
one stand-in, so that statistics stay whole; references stay, and lead to a person without a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    LargeBinary,
    Table,
    Text,
    TypeDecorator,
    cast,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from hub.core.inventory import PEOPLE_TABLES, SEALED

PERSON = "person"
_PLAIN = re.compile(r"[A-Za-z0-9 @._:-]{3,}")
Found = dict[str, list[dict[str, Any]]]
"""Table -> its rows about somebody."""


@dataclass(frozen=True)
class Subject:
    """Whose data it is, and all the names under which that may be."""

    id: int
    public_id: str
    names: frozenset[str]
    """Names and addresses, of today and of earlier, and what tools call the person."""
    pseudonyms: frozenset[str]
    """What stands for these names in data."""
    stand_in: str
    """What takes the place of the names when they are erased."""

    @cached_property
    def _names(self) -> re.Pattern[str]:
        return _any_of(self.names)

    @cached_property
    def _words(self) -> re.Pattern[str]:
        return _any_of(self.words)

    @property
    def words(self) -> frozenset[str]:
        """Give everything that says whom a text is about."""
        return self.names | self.pseudonyms | {self.public_id}

    def is_meant_by(self, value: Any) -> bool:  # noqa: ANN401  # a text or any JSON
        """Say whether a value is about this person."""
        if isinstance(value, Mapping):
            return any(self.is_meant_by(part) for part in value.values())
        if isinstance(value, list):
            return any(self.is_meant_by(part) for part in value)
        return isinstance(value, str) and self._words.search(value) is not None

    def hide(self, value: Any) -> Any:  # noqa: ANN401  # a text or any JSON
        """Give a value with the stand-in in place of every name."""
        if isinstance(value, str):
            return self._names.sub(self.stand_in, value)
        if isinstance(value, Mapping):
            return {name: self.hide(part) for name, part in value.items()}
        return [self.hide(part) for part in value] if isinstance(value, list) else value


def _any_of(words: Collection[str]) -> re.Pattern[str]:
    if not words:
        return re.compile(r"(?!)")  # finds nothing: an empty choice would be found everywhere
    spelled = {spelling for word in words for spelling in (word, json.dumps(word)[1:-1])}  # a text may be JSON
    longest_first = sorted(spelled, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)


def find_rows(session: Session, subject: Subject, columns: Mapping[Table, Collection[Column[Any]]]) -> Found:
    """Give every row about somebody, without its secrets, hashes and packed columns."""
    found: Found = {}
    for table, personal in columns.items():
        points = or_(false(), *_pointing(subject, personal))
        shown = [column for column in table.columns if _is_readable(column)]
        rows = session.execute(
            select(points.label("points"), *shown)
            .where(or_(points, *_naming(subject.words, personal)))
            .order_by(*table.primary_key.columns)
        )
        texts = [column.name for column in personal if _holds_text(column)]
        found[str(table.name)] = [
            {str(column.name): row[column.name] for column in shown}
            for row in rows.mappings()
            if row["points"] or any(subject.is_meant_by(row[name]) for name in texts)
        ]
    return {name: rows for name, rows in found.items() if rows}


def replace_names(
    session: Session, subject: Subject, columns: Mapping[Table, Collection[Column[Any]]]
) -> dict[str, list[tuple[Any, ...]]]:
    """Replace somebody's names in all texts of these columns; give the primary keys of what was changed, by table."""
    changed: dict[str, list[tuple[Any, ...]]] = {}
    for table, personal in columns.items():
        texts = [column for column in personal if _holds_text(column)]
        conditions = list(_naming(subject.names, texts))
        if not conditions:
            continue
        keys = list(table.primary_key.columns)
        for row in session.execute(select(*keys, *texts).where(or_(*conditions))).all():
            key, values = tuple(row[: len(keys)]), zip(texts, row[len(keys) :], strict=True)
            hidden = {column.name: subject.hide(value) for column, value in values if subject.hide(value) != value}
            if hidden:
                mine = [column == part for column, part in zip(keys, key, strict=True)]
                session.execute(table.update().where(*mine).values(hidden))
                changed.setdefault(table.name, []).append(key)
    return changed


def _pointing(subject: Subject, columns: Collection[Column[Any]]) -> Iterator[ColumnElement[bool]]:
    for column in columns:
        if any(key.target_fullname == f"{PERSON}.id" for key in column.foreign_keys):
            yield column == subject.id
        elif column.table.name == PERSON:
            yield column.table.c.id == subject.id


def _naming(words: Collection[str], columns: Collection[Column[Any]]) -> Iterator[ColumnElement[bool]]:
    for column in columns:
        if not _holds_text(column):
            continue
        text = func.lower(cast(column, Text))
        yield from (text.contains(clue, autoescape=True) for word in words for clue in _clues(word))


def _clues(word: str) -> Collection[str]:
    """Give what to look for so that a name is found however it is written; Python looks closely afterwards.

    SQLite lowers the case of ASCII only and keeps JSON in ASCII, so the longest plain part of a name is looked for;
    a name in another script in each of its spellings.
    """
    plain = word if _PLAIN.fullmatch(word) else max(_PLAIN.findall(word), key=len, default="")
    if plain:
        return (plain.lower(),)
    cased = {word, word.lower(), word.upper(), word.title()}
    return cased | {json.dumps(one)[1:-1].lower() for one in cased}


def _holds_text(column: Column[Any]) -> bool:
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    points = any(key.target_fullname.split(".")[0] in PEOPLE_TABLES for key in column.foreign_keys)
    return not points and not isinstance(kind, LargeBinary) and _is_readable(column) and _is_textual(kind)


def _is_textual(kind: Any) -> bool:  # noqa: ANN401  # a type of a column
    return isinstance(kind, JSON) or kind.python_type is str


def _is_readable(column: Column[Any]) -> bool:
    hashed = column.name.endswith("_hash") or column.name == "lookup"
    return not (hashed or column.info.get(SEALED) or isinstance(column.type, LargeBinary))
