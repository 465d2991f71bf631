"""Read a tool: page by page, records and cursor in one transaction, so that a run that dies goes on where it stood."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from connectors.sdk.errors import AuthError, ConfigError, RecordError, TransientError
from connectors.sdk.process import ConnectorProcess
from connectors.sdk.protocol import Checkpoint, Cursor, Record, Rejected, Stream
from hub.connections import service as connections
from hub.connections.models import Connection
from hub.connections.places import Meter, Place, using
from hub.core.errors import ConflictError
from hub.core.privacy import PeopleData
from hub.core.sealing import Sealer
from hub.syncing import service
from hub.syncing.mapping import Mapping
from hub.syncing.models import QuarantineKind, StreamState, SyncMode
from hub.syncing.people import mask_people, mask_raw
from hub.syncing.service import Counts, Origin, Report, SupersededError

MOST_IN_PAGE = 2000
"""Records of one transaction: a connector that gives more before its checkpoint is stored in parts."""
FETCHED_AT_ONCE = 100

Progress = Callable[[str, int], None]
"""Told after each page: the stream, and how many records of it were read."""


class PausedError(ConflictError):
    """A paused connection is not read."""

    slug, title = "connection-paused", "This connection is paused"


@dataclass
class Page:
    """What was read since the last commit."""

    began_at: datetime
    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records) + len(self.rejected)


def sync(
    place: Place, connection_id: int, *, full: bool = False, progress: Progress = lambda _stream, _read: None
) -> Report:
    """Read what changed, or everything; raises ConnectorError, and SupersededError where a newer run has begun."""
    with _running(place, connection_id, SyncMode.FULL if full else SyncMode.CHANGES) as reader:
        reader.progress = progress
        for stream in reader.tool.discover():
            reader.read(stream, full=full)
    return reader.report


def fetch(place: Place, connection_id: int, keys: dict[str, list[str]]) -> Report:
    """Read named records again, by stream."""
    with _running(place, connection_id, SyncMode.FETCH) as reader:
        streams = {stream.name: stream for stream in reader.tool.discover()}
        for name, of_stream in keys.items():
            if name in streams:
                reader.fetch(streams[name], of_stream)
    return reader.report


@dataclass
class Reader:
    """One run over one connection."""

    place: Place
    tool: ConnectorProcess
    connection: Connection
    run: str
    began_at: datetime
    mapping: Mapping
    people: PeopleData
    report: Report
    mode: SyncMode
    progress: Progress = lambda _stream, _read: None

    def read(self, stream: Stream, *, full: bool) -> None:
        """Read one stream from its cursor to its end, and look for what is gone where that is due."""
        with self.place.transaction() as session:
            cursor, census = service.take_over(
                session, self.connection.id, stream.name, run=self.run, full=full, now=self.began_at
            )
        page = Page(self.place.clock())
        for item in self.tool.read(stream, cursor):
            if isinstance(item, Record):
                page.records.append(item)
            elif isinstance(item, Rejected):
                page.rejected.append(item)
            if isinstance(item, Checkpoint) or len(page) >= MOST_IN_PAGE:
                self._store(stream, page, item.cursor if isinstance(item, Checkpoint) else None)
                page = Page(self.place.clock())
        self._store(stream, page, None)
        if census:
            self._look_for_gone(stream)
        with self.place.transaction() as session:
            state = self._hold(session, stream)
            service.end_reading(state, began_at=self.began_at, with_census=census)
            self.report.cursor[stream.name] = state.cursor
            if full:
                service.supersede_unseen(session, self.connection.id, stream.name, since=self.began_at)

    def fetch(self, stream: Stream, keys: Sequence[str]) -> None:
        """Read records by key; one that cannot be read is put aside, and the others are read."""
        for start in range(0, len(keys), FETCHED_AT_ONCE):
            page = Page(self.place.clock())
            wanted = list(keys[start : start + FETCHED_AT_ONCE])
            while wanted:
                try:
                    page.records = list(self.tool.fetch(stream, wanted))
                    break
                except RecordError as error:
                    if error.key not in wanted:
                        raise
                    wanted.remove(error.key)
                    page.rejected.append(_rejected(error, stream))
            self._store(stream, page, None)

    def _look_for_gone(self, stream: Stream) -> None:
        """Compare with the tool's census. A search index lags, so what is missing there is asked for by key."""
        there = set(self.tool.keys(stream))
        with self.place.reading() as session:
            kept = set(service.list_keys(session, self.connection.id, stream.name))
            waiting = service.waiting_keys(session, self.connection.id, stream.name)
        self.fetch(stream, sorted(kept - there) + sorted(there - kept - waiting))

    def _store(self, stream: Stream, page: Page, cursor: Cursor | None) -> None:
        if not len(page) and cursor is None:
            return
        self.place.failpoint("syncing.page_read")
        columns = self.mapping.person_columns(stream.name)
        with self.place.transaction() as session:
            state = self._hold(session, stream)
            records = mask_people(session, self.people, page.records, columns)
            stored = service.store_records(session, self.connection.id, stream, records, read_at=page.began_at)
            for rejected in page.rejected:
                self._put_aside(session, rejected, columns)
            put_aside = len(page.rejected)
            layout = self.mapping.layout_of(stream)
            if layout is not None:
                origin = Origin(self.connection, stream.name, layout, self.place.clock())
                put_aside += service.observe(session, origin, stored.kept)
            if cursor is not None:
                service.move_cursor(state, cursor)
        self.place.failpoint("syncing.page_committed")
        counts = self.report.streams.setdefault(stream.name, Counts())
        counts.read += len(page)
        counts.created += stored.created
        counts.updated += stored.updated
        counts.deleted += stored.deleted
        counts.quarantined += put_aside
        self.progress(stream.name, counts.read)

    def _hold(self, session: Session, stream: Stream) -> StreamState:
        if self.mode == SyncMode.FETCH:
            return service.lock_stream(session, self.connection.id, stream.name)
        return service.hold_stream(session, self.connection.id, stream.name, run=self.run)

    def _put_aside(self, session: Session, rejected: Rejected, columns: frozenset[str]) -> None:
        service.quarantine(
            session,
            self.connection.id,
            rejected.stream,
            kind=QuarantineKind.UNREADABLE,
            record_key=rejected.key,
            place=rejected.place,
            reason=rejected.reason,
            remedy=rejected.remedy,
            now=self.place.clock(),
            raw=mask_raw(session, self.people, rejected.raw, columns),
        )


@contextmanager
def _running(place: Place, connection_id: int, mode: SyncMode) -> Iterator[Reader]:
    """Open a run, and write down how it ended."""
    began_at = place.clock()
    with place.transaction() as session:
        connection = session.get_one(Connection, connection_id)
        if connection.removed_at is not None:
            raise PausedError(f"{connection.key} was removed.")
        if connection.paused_at is not None:
            raise PausedError(f"{connection.key} is paused: {connection.paused_reason} Resume it first.")
        run = service.begin_run(session, connection_id, mode, now=began_at)
        mapping = service.find_mapping(session, connection_id)
        people = PeopleData.load(session, place.settings, Sealer.from_settings(place.settings))
    report, meter = Report(connection.key), Meter(place.clock)
    try:
        with using(place, connection_id) as tool, meter.running(tool):
            yield Reader(place, tool, connection, run, began_at, mapping, people, report, mode)
    except Exception as error:
        _end(place, report, meter, Ended(run, connection_id, mode, began_at, error))
        raise
    _end(place, report, meter, Ended(run, connection_id, mode, began_at))


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    run: str
    connection_id: int
    mode: SyncMode
    began_at: datetime
    failure: Exception | None = None


def _end(place: Place, report: Report, meter: Meter, ended: Ended) -> None:
    spent, now = meter.spent, place.clock()
    report.requests, report.bytes, report.seconds = spent.requests, spent.bytes, spent.seconds
    with place.transaction() as session:
        service.end_run(session, ended.run, report.streams, spent, now=now, error=ended.failure)
        if not isinstance(ended.failure, SupersededError):
            _note_health(session, ended, now)


def _note_health(session: Session, ended: Ended, now: datetime) -> None:
    failure = ended.failure
    if ended.mode != SyncMode.FETCH:
        connections.note_read(session, ended.connection_id, started_at=ended.began_at, error=failure)
    if isinstance(failure, AuthError | ConfigError):
        connections.stop_broken_connection(session, ended.connection_id, reason=str(failure), now=now)
    elif isinstance(failure, TransientError) and failure.retry_after:
        until = now + timedelta(seconds=failure.retry_after)
        connections.hold_back(session, ended.connection_id, until=until, reason=str(failure))


def _rejected(error: RecordError, stream: Stream) -> Rejected:
    return Rejected(
        stream=stream.name,
        key=error.key,
        place=error.place or str(error.key),
        reason=str(error),
        remedy="Repair it where it comes from, then read it again.",
    )
