"""The one list of areas. Adding an area is one line here and one folder beside this file."""

from __future__ import annotations

from collections.abc import Iterable

from hub.actions import AREA as ACTIONS
from hub.audit import AREA as AUDIT
from hub.connections import AREA as CONNECTIONS
from hub.core.area import Area, resolve
from hub.core.database import Database
from hub.findings import AREA as FINDINGS
from hub.metrics import AREA as METRICS
from hub.ownership import AREA as OWNERSHIP
from hub.people import AREA as PEOPLE
from hub.strategy import AREA as STRATEGY
from hub.syncing import AREA as SYNCING
from hub.work import AREA as WORK

AREAS: tuple[Area, ...] = (
    PEOPLE,
    CONNECTIONS,
    METRICS,
    OWNERSHIP,
    STRATEGY,
    SYNCING,
    FINDINGS,
    ACTIONS,
    AUDIT,
    WORK,
)


def let_history_be_built(database: Database, areas: Iterable[Area] = AREAS) -> None:
    """Let sessions of this database build histories for rules, with what every area knows."""
    from hub.metrics.history import install  # noqa: PLC0415  # a web process never needs the columns, nor NumPy

    install(database.info, [resolve(area.history) for area in areas if area.history])
