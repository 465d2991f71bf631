"""The last known value of many series at once, out of their columns: what lists show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from hub.core.instants import from_micros, to_micros
from hub.metrics.read_columns import read_observations


@dataclass(frozen=True)
class Latest:
    """The value of the last period that has one."""

    period_start: datetime
    period_end: datetime
    value: float
    recorded_at: datetime


def latest_of(session: Session, series_ids: Iterable[int], *, known_on: datetime) -> dict[int, Latest]:
    """Give the last known value of some series; those without any are left out."""
    ids = sorted(set(series_ids))
    seen = read_observations(session, ids, to_micros(known_on), everything=False).latest
    valued = seen.take(~np.isnan(seen.value))
    counts = np.diff(valued.offsets)
    last = valued.offsets[1:] - 1
    return {
        ids[place]: Latest(
            period_start=from_micros(int(valued.start[row])),
            period_end=from_micros(int(valued.end[row])),
            value=float(valued.value[row]),
            recorded_at=from_micros(int(valued.recorded_at[row])),
        )
        for place, row in enumerate(last.tolist())
        if counts[place]
    }
