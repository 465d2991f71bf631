"""What an area of the hub exports: one frozen description, all parts named by `module:attribute`.

The parts are names, not objects, so that a worker does not import pages and `plumbline --help` imports nothing; a test
resolves every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any


@dataclass(frozen=True)
class Schedule:
    """Work that comes due by itself: a row of the database, so that several schedulers cannot double it."""

    name: str
    kind: str
    every_seconds: int


@dataclass(frozen=True)
class NavigationEntry:
    """One entry of the pages' navigation, shown to those who hold the permission."""

    title: str
    endpoint: str
    permission: str
    order: int
    icon: str = ""


@dataclass(frozen=True)
class Area:
    """One area: the blueprints, work, reactions and duties that the rest of the hub has to know of."""

    name: str
    models: str | None = None
    pages: str | None = None
    """Blueprint of the area's pages."""
    navigation: tuple[NavigationEntry, ...] = ()
    api: str | None = None
    """Blueprint of the area's part of /api/v1."""
    handlers: Mapping[str, str] = field(default_factory=dict)
    """Kind of work item -> function(context, payload)."""
    subscriptions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of an event -> kinds of work item that it makes, one item each, in the publisher's transaction."""
    schedules: tuple[Schedule, ...] = ()
    panels: Mapping[str, str] = field(default_factory=dict)
    """Place on a lower area's page -> function that renders this area's panel there."""
    history: str | None = None
    """Function that fills this area's tables of rules.History."""
    erase: str | None = None
    """Function(session, subject, by=, now=) that erases a person (hub.core.personal) from this area's tables; without
    one, the names in its personal columns are replaced."""
    permissions: tuple[str, ...] = ()
    """Permissions that this area's pages and API ask for; the role table in core.access gives them out."""


def resolve(name: str) -> Any:  # noqa: ANN401  # whatever the area named
    """Import the part that an area named, such as `hub.findings.jobs:evaluate`."""
    return resolve_name(name)
