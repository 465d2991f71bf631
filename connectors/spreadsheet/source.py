"""Rows of spreadsheets as records: which are new, which have changed, which are there."""

from __future__ import annotations

import base64
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from connectors.sdk.errors import ConfigError, RecordError, TransientError
from connectors.sdk.network import Network
from connectors.sdk.protocol import Checkpoint, Cursor, Health, Key, Record, Rejected, Source, Spec, Stream
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.layouts import describe, understand
from connectors.spreadsheet.opening import Opened, Wish, opened
from connectors.spreadsheet.places import SETTLING, files, signature
from connectors.spreadsheet.records import DIGEST, Item, gives, items, skipped
from connectors.spreadsheet.streams import AUDIT, OBSERVATIONS, streams_of, table_of
from connectors.spreadsheet.tables import MOST_TOLD, Table

if TYPE_CHECKING:
    from connectors.spreadsheet.links import Link

SAME_INSTANT = 2.0
"""Seconds; a file that was changed this recently can change again without its time of change showing it."""
LARGE = 1 << 20
"""Bytes from which on it is worth looking at the beginning first."""
NOT_OF_MEANING = {"path", "url", "write_back"}
"""Entries of the configuration that do not change what a file's cells mean."""


@dataclass(frozen=True)
class File:
    """A file to read, and the state it is in."""

    name: str
    state: JsonValue
    """None while it may change again unseen."""
    unchanged: bool
    link: Link | None = None
    local: Path | None = None

    @property
    def path(self) -> Path:
        """Where it lies; what is behind a link is fetched now."""
        return self.local or self.link.path()  # type: ignore[union-attr]  # it has either


class SpreadsheetSource(Source[SpreadsheetConfig]):
    """Reads spreadsheets. What a cell means is decided by its column and the configuration, never guessed."""

    spec = Spec(
        kind="spreadsheet",
        title="Spreadsheet",
        summary="Reads CSV, TSV, XLSX and ODS files and Google Sheets links, long, wide or as audit workbooks.",
    )
    config_model = SpreadsheetConfig

    def __init__(self, config: SpreadsheetConfig, network: Network | None = None) -> None:
        super().__init__(config, network)
        self._given: dict[str, tuple[list[int], set[str]]] = {}
        """By file: the state that was last read, and which tables it gives something to."""
        self._link = _link(config, self.network)

    def check(self) -> Health:
        """Look at each file and say what was understood and what was left out; asks where there are two ways."""
        notes: list[str] = []
        found = self._files({})
        for file in found:
            with self._reading(file, rows=False) as (book, tables, left_out):
                notes += [f"{file.name}: {note}" for note in book.notes]
                notes += [line for table in tables for line in self._told(table)]
                notes += [f"not read: {each}" for each in left_out]
        return Health(product=f"{len(found)} file{'s' if len(found) > 1 else ''}", notes=tuple(notes))

    def discover(self) -> Sequence[Stream]:
        """List the streams; no file is opened for it."""
        return streams_of(self.config)

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        """Yield the rows that are new or changed; a checkpoint after each file.

        The cursor holds, by file, its state and the digests of its rows: an unchanged file is not even opened.
        """
        name = known_table(stream)
        before = self._of_same_reading(cursor)
        found = self._files(before)
        states: dict[str, JsonValue] = {file.name: before.get(file.name, {}) for file in found}
        for file in found:
            known: Any = states[file.name]
            if not file.unchanged:
                old, digests = _Digests(known.get("rows", "")), bytearray()
                for item in self._items(file, name):
                    digest = item.content
                    if digest not in old:
                        yield item.read()
                    digests += digest
                known = {"rows": base64.b64encode(digests).decode()}
            states[file.name] = {**known, "state": file.state}
            yield Checkpoint(stream=stream.name, cursor={"as": self._meaning, "files": dict(states)})

    def fetch(self, stream: Stream, keys: Sequence[Key]) -> Iterator[Record]:
        """Read the files again for these rows."""
        name = known_table(stream)
        missing = dict.fromkeys(keys)
        for file in self._files({}) if missing else ():
            for item in self._items(file, name):
                if item.key not in missing:
                    continue
                read = item.read()
                if isinstance(read, Rejected):
                    raise RecordError(
                        f"{read.reason}. {read.remedy}", stream=stream.name, key=item.key, place=read.place
                    )
                del missing[item.key]
                yield read
        yield from (Record(stream=stream.name, key=key, data={}, deleted=True) for key in missing)

    def keys(self, stream: Stream) -> Iterator[Key]:
        """Yield the keys of all rows; a row whose value cannot be read is still there."""
        name = known_table(stream)
        for file in self._files({}):
            yield from (item.key for item in self._items(file, name) if all(item.about[:2]))

    @property
    def _meaning(self) -> JsonValue:
        """What changes the meaning of a file that stays the same."""
        said: JsonValue = self.config.model_dump(mode="json", exclude=NOT_OF_MEANING, exclude_defaults=True)
        return said

    def _of_same_reading(self, cursor: Cursor | None) -> dict[str, Any]:
        known: Any = cursor or {}
        return dict(known.get("files", {})) if known.get("as") == self._meaning else {}

    def _files(self, before: dict[str, Any]) -> list[File]:
        """List the files with their states; `before` saves fetching what has not changed."""
        if self._link is not None:
            known: Any = before.get(self._link.name, {}).get("state")
            state = self._link.state(known)
            unchanged = bool(known) and known["digest"] == state["digest"]
            return [File(self._link.name, state, unchanged, link=self._link)]
        now = self.network.timing.wall()
        found = []
        for path in files(self.config.path or Path(), self.network.file_roots):
            found_now = signature(path)
            unchanged = found_now == before.get(path.name, {}).get("state")
            settled = now - found_now[1] / 1e9 > SAME_INSTANT
            found.append(File(path.name, list(found_now) if settled else None, unchanged, local=path))
        return found

    @contextmanager
    def _reading(
        self, file: File, *, rows: bool, whole: bool = True
    ) -> Iterator[tuple[Opened, list[Table], list[str]]]:
        """Open a file and find its tables; raises TransientError if it changes meanwhile."""
        wish = Wish(self.config.delimiter, self.config.encoding, rows, whole)
        before = signature(file.path)
        with opened(file.path, file.name, wish) as book:
            tables, left_out = understand(file.name, book, self.config)
            yield book, tables, left_out
        if file.local is not None and signature(file.local) != before:
            raise TransientError(f"{file.name} was changed while it was read.", retry_after=SETTLING)

    def _items(self, file: File, name: str) -> Iterator[Item]:
        if not self._may_give(file, name):
            return
        with self._reading(file, rows=True) as (book, tables, _):
            by_place = {table.survey.place: table for table in tables}
            self._given[file.name] = (signature(file.path), {each for each in AUDIT if self._gives(tables, each)})
            if not self._gives(tables, name):
                return
            for place, rows in groupby(book.rows, key=itemgetter(0)):
                if place in by_place:
                    yield from items(by_place[place], name, map(itemgetter(1), rows), self.config)

    def _may_give(self, file: File, name: str) -> bool:
        """Say whether a file is worth reading for a stream: most give nothing to most."""
        state, given = self._given.get(file.name, ([], set()))
        if state == signature(file.path):
            return name in given
        if name == OBSERVATIONS or file.path.stat().st_size < LARGE:
            return True
        with self._reading(file, rows=False, whole=False) as (_, tables, _):
            return self._gives(tables, name)

    def _gives(self, tables: Sequence[Table], name: str) -> bool:
        return any(gives(table, name, self.config) for table in tables)

    def _told(self, table: Table) -> Iterator[str]:
        yield describe(table)
        out = skipped(table, self.config)
        if out:
            more = f" and {len(out) - MOST_TOLD} more" if len(out) > MOST_TOLD else ""
            numbers = ", ".join(map(str, out[:MOST_TOLD]))
            yield f"{table.place}: left out as sums, headings or remarks: rows {numbers}{more}"
        if table.survey.hidden_rows or table.survey.hidden_columns:
            done = "left out" if self.config.hidden == "skip" else "read too; set `hidden: skip` to leave them out"
            yield (
                f"{table.place}: {table.survey.hidden_rows} hidden rows and {len(table.survey.hidden_columns)} hidden "
                f"columns are {done}"
            )


def _link(config: SpreadsheetConfig, network: Network) -> Link | None:
    if config.url is None:
        return None
    from connectors.spreadsheet import links  # noqa: PLC0415 - files need no network

    return links.Link(config.url.get_secret_value(), network)


class _Digests:
    """Digests of the rows of a file: eight bytes each, a million of them in eight megabytes."""

    def __init__(self, text: str) -> None:
        whole = base64.b64decode(text)
        self._sorted = array("Q", sorted(array("Q", whole[: len(whole) // DIGEST * DIGEST])))

    def __contains__(self, digest: bytes) -> bool:
        number = array("Q", digest)[0]
        place = bisect_left(self._sorted, number)
        return place < len(self._sorted) and self._sorted[place] == number


def known_table(stream: Stream) -> str:
    """Name the table that a stream is of; raises ConfigError for a stream of something else."""
    name = table_of(stream)
    if name is None:
        raise ConfigError(f"A spreadsheet has no stream {stream.name}.")
    return name
