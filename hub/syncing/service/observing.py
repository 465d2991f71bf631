"""Turn records into observations: find or found their series, read the cells, put aside what cannot be used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from hub.metrics.service import ObservationDraft, record_observations
from hub.syncing.mapping import Role
from hub.syncing.models import QuarantineKind, Record
from hub.syncing.service.cells import UnusableError, read_cells, read_text
from hub.syncing.service.quarantining import quarantine, supersede
from hub.syncing.service.storing import Known
from hub.syncing.service.subjects import Found, Origin, Subject, find_series, known_units, subject_of

WHAT_IT_IS_ABOUT: tuple[Role, ...] = ("metric", "org_unit", "segment", "period_start")
Statement = tuple[int, datetime, datetime | None]
"""Series, start of the period, when the source says it was recorded."""


def observe(session: Session, origin: Origin, records: Sequence[Known]) -> int:
    """Record what records say, in the transaction that keeps them; give how many had to be put aside."""
    usable, put_aside = _sort_out(session, origin, [record for record in records if not record.ours])
    found = find_series(session, origin, usable)
    said: list[tuple[Known, Subject, ObservationDraft]] = []
    for record, subject in usable:
        try:
            said.append((record, subject, _read(origin, record, found[subject])))
        except UnusableError as error:
            put_aside += 1
            _put_aside(session, origin, record, error, found[subject])
    disputed = _disputed([draft for _, _, draft in said])
    drafts, good = [], []
    for record, subject, draft in said:
        if _statement(draft) in disputed:
            put_aside += 1
            _put_aside(session, origin, record, _dispute(origin, disputed[_statement(draft)]), found[subject])
        else:
            drafts.append(draft)
            good.append(record.key)
    supersede(session, origin.connection.id, origin.stream, good, now=origin.now)
    drafts += _withdrawals(session, origin, records)
    if drafts:
        record_observations(session, drafts, now=origin.now)
    return put_aside


def _statement(draft: ObservationDraft) -> Statement:
    return draft.series_id, draft.period_start, draft.recorded_at


def _disputed(drafts: Iterable[ObservationDraft]) -> dict[Statement, list[float | None]]:
    """Find the periods about which rows read together say different things at one time: none of them is believed."""
    values: dict[Statement, list[float | None]] = {}
    for draft in drafts:
        told = values.setdefault(_statement(draft), [])
        if draft.value not in told:
            told.append(draft.value)
    return {statement: told for statement, told in values.items() if len(told) > 1}


def _dispute(origin: Origin, told: Iterable[float | None]) -> UnusableError:
    values = " and ".join("nothing" if value is None else f"{value:g}" for value in told)
    remedy = "Keep one of the rows, or tell them apart by segment, org unit or recorded_at; then retry what waits."
    return UnusableError(origin.layout.column("value"), f"rows about one period say {values}", remedy)


def _sort_out(session: Session, origin: Origin, records: Iterable[Known]) -> tuple[list[tuple[Known, Subject]], int]:
    """Find out which series each row is about."""
    units = known_units(session, origin, records)
    usable, put_aside = [], 0
    for record in records:
        if record.deleted:
            continue
        try:
            usable.append((record, subject_of(origin, record.data, units)))
        except UnusableError as error:
            put_aside += 1
            _put_aside(session, origin, record, error, error)
    return usable, put_aside


def _read(origin: Origin, record: Known, found: Found | UnusableError) -> ObservationDraft:
    if isinstance(found, UnusableError):
        raise found
    series, calendar = found
    if series.connection_id != origin.connection.id:
        reason = f"series {series.key} is fed by another connection"
        remedy = "Let one connection feed it, or give these rows a segment of their own."
        raise UnusableError(origin.layout.column("metric"), reason, remedy)
    return read_cells(origin.layout, record, series.id, series.cadence, calendar)


def _put_aside(
    session: Session, origin: Origin, record: Known, error: UnusableError, found: Found | UnusableError
) -> None:
    quarantine(
        session,
        origin.connection.id,
        origin.stream,
        kind=QuarantineKind.UNREADABLE,
        record_key=record.key,
        place=record.place or record.key,
        field=error.column,
        reason=str(error),
        remedy=error.remedy,
        now=origin.now,
        series_id=None if isinstance(found, UnusableError) else found[0].id,
        raw=dict(record.data),
    )


def _withdrawals(session: Session, origin: Origin, records: Iterable[Known]) -> list[ObservationDraft]:
    """Take back what a row said that is gone, unless another row still speaks of the same period."""
    gone = [record for record in records if record.deleted and record.before is not None and not record.ours]
    drafts = []
    for record in gone:
        before = Known(record.id, record.public_id, record.key, record.before or {}, record.place)
        try:
            units = known_units(session, origin, [before])
            subject = subject_of(origin, before.data, units)
            draft = _read(origin, before, find_series(session, origin, [(before, subject)])[subject])
        except UnusableError:
            continue  # it never was an observation
        if not _is_said_elsewhere(session, origin, before):
            drafts.append(
                ObservationDraft(draft.series_id, draft.period_start, None, draft.period_end, source=record.public_id)
            )
    return drafts


def _is_said_elsewhere(session: Session, origin: Origin, before: Known) -> bool:
    layout = origin.layout
    same = [
        func.coalesce(cast(Record.data[tuple(layout.column(role).split("."))].as_string(), String), "")
        == (read_text(layout, before.data, role) or "")
        for role in WHAT_IT_IS_ABOUT
        if role != "metric" or layout.metric is None
    ]
    other = session.scalar(
        select(Record.id)
        .where(
            Record.connection_id == origin.connection.id,
            Record.stream == origin.stream,
            Record.deleted.is_(False),
            *same,
        )
        .limit(1)
    )
    return other is not None
