"""What syncing tells the areas above it."""

from __future__ import annotations

from typing import ClassVar

from hub.work.events import Event


class RecordsChanged(Event):
    """Records of one page are new, changed or gone; what they say now is in the records."""

    name: ClassVar[str] = "record.changed"

    connection_id: int
    stream: str
    keys: tuple[str, ...]
