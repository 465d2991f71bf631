"""Line charts: data in an attribute that `static/plumbline.js` hands to uPlot, and the same numbers as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hub.web.json import dumps


@dataclass(frozen=True)
class Line:
    """One line of a chart; None and NaN leave a gap."""

    label: str
    values: Sequence[float | None]
    role: Literal["actual", "target", "other"] = "actual"


@dataclass(frozen=True)
class LineChart:
    """Lines over time. `title` says what is seen, for those who cannot see it."""

    title: str
    unit: str
    times: Sequence[datetime]
    lines: Sequence[Line]

    def __post_init__(self) -> None:
        for line in self.lines:
            if len(line.values) != len(self.times):
                raise ValueError(f"line {line.label!r} has {len(line.values)} values for {len(self.times)} times")

    @property
    def data(self) -> str:
        """Give what the script draws: seconds since 1970, and one list per line."""
        lines = [
            {"label": line.label, "role": line.role, "values": [_gap(value) for value in line.values]}
            for line in self.lines
        ]
        times = [moment.timestamp() for moment in self.times]
        return dumps({"unit": self.unit, "times": times, "lines": lines}).decode()

    @property
    def rows(self) -> list[tuple[datetime, list[float | None]]]:
        """Give the same numbers as rows of a table, newest first."""
        rows = [(moment, [_gap(line.values[place]) for line in self.lines]) for place, moment in enumerate(self.times)]
        return rows[::-1]


def _gap(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
