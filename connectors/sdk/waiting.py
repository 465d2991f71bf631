"""How long to wait before a read is repeated: what the tool asks for, never less."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connectors.sdk.network import Timing

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
"""Seconds; a tool that asks for more is asked again by a later run, not by a sleeping process."""
LONGEST_CREDIBLE = 24 * 3600.0
"""Tools have been seen to name absurd resets; after a day we ask again and are told again."""


def retry_after(headers: Mapping[str, str], timing: Timing) -> float | None:
    """Read Retry-After as seconds from now (number or HTTP date); None if absent or unreadable."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    seconds = _number(value)
    if seconds is None:
        seconds = _seconds_until(value, headers.get("Date", ""), timing)
    if seconds is None or math.isnan(seconds) or seconds < 0:
        return None
    return min(seconds, LONGEST_CREDIBLE)


def pause(attempt: int, asked: float | None, timing: Timing) -> float | None:
    """Choose the pause before attempt + 1: what was asked plus jitter, else growing with full jitter; None = too long.

    Jitter only ever adds to what the tool asked for.
    """
    growing = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1))
    if asked is None:
        return growing * timing.chance()
    return None if asked > LONGEST_PAUSE else asked + FIRST_PAUSE * timing.chance()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _seconds_until(text: str, sent: str, timing: Timing) -> float | None:
    """Measure from the tool's own Date where it gives one: its clock may differ from ours."""
    until = _instant(text)
    if until is None:
        return None
    start = _instant(sent) or datetime.fromtimestamp(timing.wall(), UTC)
    return max(0.0, (until - start).total_seconds())


def _instant(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
