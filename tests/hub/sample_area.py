"""An area for tests that run real workers: its work leaves countable traces, and can be slow, deadly or hung."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from hub.core.area import Area
from hub.work.context import Context
from hub.work.models import LeaderLease

AREA = Area(
    name="sample",
    handlers={
        f"sample.{name}": f"tests.hub.sample_area:{name}" for name in ("effect", "slow", "deadly", "hung", "borrow")
    },
)


def effect(context: Context, payload: dict[str, Any]) -> None:
    """Leave one row, in the same transaction as the end of the item: exactly once, whatever is killed when."""
    context.failpoint("sample.begun")
    with context.transaction() as session:
        role = f"effect {payload['number']} {context.attempt}"
        session.execute(insert(LeaderLease).values(role=role, owner="sample", until=context.clock()))
        context.failpoint("sample.written")
        context.finish(session)
    context.failpoint("sample.committed")


def slow(context: Context, payload: dict[str, Any]) -> None:
    """Say that it has begun, and wait for the word to go on."""
    Path(payload["begun"]).write_text(str(os.getpid()), encoding="ascii")
    while not Path(payload["go_on"]).exists():
        time.sleep(0.02)
    effect(context, payload)


def deadly(_context: Context, _payload: dict[str, Any]) -> None:
    """Take the whole process along."""
    os.kill(os.getpid(), signal.SIGKILL)


def hung(_context: Context, _payload: dict[str, Any]) -> None:
    """Never come back."""
    while True:
        time.sleep(1)


def borrow(context: Context, payload: dict[str, Any]) -> None:
    """Show that the process's tools are there."""
    effect(context, {"number": f"{payload['number']} with {context.tools['sample']}"})
