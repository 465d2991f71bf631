"""A tool whose records a test edits while they are read; it plays `ConnectorProcess`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.sdk.errors import RecordError
from connectors.sdk.network import Cost
from connectors.sdk.protocol import Checkpoint, Cursor, Record, Rejected, Stream
from hub.connections.service.configured import Configured

ISSUES = Stream(
    name="issues", title="Issues", json_schema={"type": "object"}, primary_key=("id",), writable=("points",)
)
ROWS = Stream(
    name="rows",
    title="Rows",
    json_schema={"type": "object", "properties": {"metric": {}, "period_start": {}, "value": {}}},
    primary_key=("id",),
)


@dataclass
class HonestSource:
    """Records in the order of their last change, read in pages; the cursor is the number of the last change seen."""

    stream: Stream = ISSUES
    page_size: int = 3
    records: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    changes: int = 0
    before_page: Callable[[int], None] = lambda _page: None
    fails_with: Exception | None = None
    calls: list[str] = field(default_factory=list)
    requests: int = 0
    hidden_from_census: set[str] = field(default_factory=set)

    @property
    def cost(self) -> Cost:
        """Requests so far, as a connector's process tells them."""
        return Cost(requests=self.requests)

    def put(self, key: str, **data: Any) -> None:  # noqa: ANN401  # whatever a record says
        """Add or change a record."""
        self.changes += 1
        self.records[key] = (self.changes, data)

    def remove(self, key: str) -> None:
        """Delete a record; no reading of changes ever tells."""
        del self.records[key]

    def discover(self) -> list[Stream]:
        return [self.stream]

    def read(self, _stream: Stream, cursor: Cursor | None) -> Iterator[Record | Rejected | Checkpoint]:
        self.calls.append("read")
        if self.fails_with is not None:
            raise self.fails_with
        seen, page = int(str((cursor or {}).get("seen", 0))), 0
        while True:
            self.before_page(page)
            changed = sorted((number, key) for key, (number, _) in self.records.items() if number > seen)
            if not changed:
                return
            for number, key in changed[: self.page_size]:
                seen = number
                yield self._item(key)
            self.requests += 1
            page += 1
            yield Checkpoint(stream=self.stream.name, cursor={"seen": seen})

    def fetch(self, _stream: Stream, keys: Sequence[str]) -> Iterator[Record]:
        self.calls.append(f"fetch {len(keys)}")
        for key in keys:
            item = (
                self._item(key)
                if key in self.records
                else Record(stream=self.stream.name, key=key, data={}, deleted=True)
            )
            if isinstance(item, Rejected):
                raise RecordError(item.reason, stream=self.stream.name, key=key, place=item.place)
            yield item

    def keys(self, _stream: Stream) -> Iterator[str]:
        self.calls.append("census")
        yield from (key for key in self.records if key not in self.hidden_from_census)

    def _item(self, key: str) -> Record | Rejected:
        number, data = self.records[key]
        if key in self.broken:
            return Rejected(
                stream=self.stream.name,
                key=key,
                place=f"file.csv, row {key}",
                reason="'abc' is no number",
                remedy="Write a number.",
                raw={"value": "abc", "reported_by": "Ada Lovelace"},
            )
        return Record(
            stream=self.stream.name,
            key=key,
            data=data,
            version=str(number),
            changed_at=datetime.fromtimestamp(number, UTC),
            place=f"file.csv, row {key}",
        )


@dataclass
class OneTool:
    """Lends one tool, whatever is asked for."""

    tool: Any

    @contextmanager
    def lend(self, _configured: Configured) -> Iterator[Any]:
        yield self.tool
