"""A small file to try the connector on; see `connectors.sdk.testing`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.sdk.testing import Sample

CONTENT = """metric,period_start,value,recorded_at,team
revenue,2026-01-01,1250.5,2026-02-03T08:00:00Z,north
revenue,2026-02-01,1300,2026-03-03T08:00:00Z,north
revenue,2026-02-01,1310,2026-03-05T08:00:00Z,north
churn,2026-01-01,,,
churn,2026-02-01,"1,234",,
"""
LONG_AGO = 1_767_225_600
"""A file that was just written may change again unseen, so this one was written in January 2026."""


@contextmanager
def sample() -> Iterator[Sample]:
    """Write the file for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.csv"
        path.write_text(CONTENT, encoding="utf-8")
        os.utime(path, (LONG_AGO, LONG_AGO))
        yield Sample({"path": str(path)})
