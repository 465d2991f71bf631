"""What the ledger tells the areas above it."""

from __future__ import annotations

from typing import ClassVar

from hub.work.events import Event


class ObservationsRecorded(Event):
    """New versions of observations or targets were recorded; once per batch."""

    name: ClassVar[str] = "observations.recorded"

    series_ids: tuple[int, ...]
