"""The handlers of all areas by kind, each imported when its first item comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hub.core.area import Area, Schedule, resolve
from hub.work.context import Handler


class Handlers(Mapping[str, Handler]):
    """Kind of work -> function; a kind that two areas claim is an error of the program."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._names: dict[str, str] = {}
        for area in areas:
            for kind, name in area.handlers.items():
                if kind in self._names:
                    raise ValueError(f"work of the kind {kind!r} is handled by {self._names[kind]} and by {name}")
                self._names[kind] = name

    def __getitem__(self, kind: str) -> Handler:
        """Import the handler of a kind."""
        handler: Handler = resolve(self._names[kind])
        return handler

    def __iter__(self) -> Iterator[str]:
        """Go through the kinds."""
        return iter(self._names)

    def __len__(self) -> int:
        """Count the kinds."""
        return len(self._names)


def subscribers_of(areas: Iterable[Area]) -> dict[str, tuple[str, ...]]:
    """Put the areas' subscriptions together: name of an event -> kinds of work that it makes."""
    table: dict[str, tuple[str, ...]] = {}
    for area in areas:
        for event, kinds in area.subscriptions.items():
            table[event] = (*table.get(event, ()), *kinds)
    return table


def schedules_of(areas: Iterable[Area]) -> list[Schedule]:
    """List the schedules that areas declare."""
    return [schedule for area in areas for schedule in area.schedules]
