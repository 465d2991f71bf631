"""Make the columns that rules read: what was known at one instant, taken from every area that knows something.

Areas above fill their own tables by the function that they export as `history`; `install` puts those functions on the
database, so that whoever holds a session can build a history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.core.instants import to_micros
from hub.metrics import history_tables as tables
from hub.metrics.models import Series
from hub.metrics.read_columns import read_observations
from rules.history import History

HOOKS = "metrics.history"
"""Key in Session.info of the functions by which areas fill their tables."""


@dataclass(frozen=True)
class Known:
    """What a history is asked for: as known at `as_of`, about these series."""

    as_of: datetime
    series: Mapping[int, str]
    """Id -> public id, in the order of the rows of the series table."""

    @property
    def instant(self) -> int:
        """Give as_of in microseconds."""
        return to_micros(self.as_of)


@dataclass(frozen=True)
class Filled:
    """What an area adds to a history."""

    tables: Mapping[str, Any] = field(default_factory=dict)
    """Field of rules.history.History -> table."""
    series: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Column of the series table -> public id of a series -> its value there, such as the owner."""
    more: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)


Hook = Callable[[Session, Known], Filled]


def install(info: dict[str, Any], hooks: Iterable[Hook]) -> None:
    """Let sessions of a database (its `info`) build histories with what these functions know."""
    info[HOOKS] = tuple(hooks)


def build_history(session: Session, as_of: datetime, series_ids: Iterable[int] | None = None) -> History:
    """Build what was known at an instant, about some series or (None) all.

    Subjects are named by public id, so that a renamed key does not make a new finding; the key is among their labels.
    Org units are no subjects: they are named by key, as in a rule's condition and in its pilot.
    """
    chosen = None if series_ids is None else sorted(set(series_ids))
    rows = tables.read_series(session, chosen)
    known = Known(as_of, dict(zip(rows.id, rows.public_id, strict=True)))
    hooks: Sequence[Hook] = session.info.get(HOOKS, ())
    filled = [hook(session, known) for hook in hooks]
    units = tables.OrgUnitTree.read(session)
    made: dict[str, Any] = {
        "series": tables.series_table(rows, units, {name: said for one in filled for name, said in one.series.items()}),
        "observations": read_observations(session, list(known.series), known.instant, everything=chosen is None),
        "targets": tables.targets_table(session, known.series, as_of, everything=chosen is None),
        "definitions": tables.definitions_table(session, set(rows.metric_id), as_of),
        "org_units": units.table(),
        "people": tables.people_table(session, units, as_of),
        "calendars": tables.all_calendars(session),
        "more": {name: entries for one in filled for name, entries in one.more.items()},
    }
    for one in filled:
        made |= one.tables
    return History(as_of=known.instant, **made)


def related_series(session: Session, series_ids: Iterable[int]) -> frozenset[int]:
    """Give these series and all that rules compare them with: guardrails, systems of record, peers, both ways."""
    asked = frozenset(series_ids)
    rows = session.execute(select(Series.id, Series.guardrail_id, Series.system_of_record_id, Series.peers)).all()
    peers = {row.peers for row in rows if row.id in asked and row.peers}
    together = [{row.id, row.guardrail_id, row.system_of_record_id} - {None} for row in rows]
    related = (
        group for row, group in zip(rows, together, strict=True) if group & asked or (row.peers and row.peers in peers)
    )
    return asked.union(*related)
