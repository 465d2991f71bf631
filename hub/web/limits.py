"""How much one caller may ask of the API in a minute (R36); counted in this process, so it costs no query."""

from __future__ import annotations

import threading
from datetime import datetime

from hub.core.errors import TooManyRequestsError

REQUESTS_PER_MINUTE = 1200
MOST_CALLERS = 10_000
"""Callers remembered at once; past it the count starts anew, which is cheaper than running out of memory."""
WINDOW_SECONDS = 60


class Limiter:
    """Counts requests per caller in windows of a minute."""

    def __init__(self, per_window: int = REQUESTS_PER_MINUTE) -> None:
        self._per_window = per_window
        self._window = 0
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def count(self, caller: str, now: datetime) -> None:
        """Count one request; refuse it when the caller has used up this minute."""
        window, second = divmod(int(now.timestamp()), WINDOW_SECONDS)
        with self._lock:
            if window != self._window or len(self._counts) >= MOST_CALLERS:
                self._window, self._counts = window, {}
            self._counts[caller] = self._counts.get(caller, 0) + 1
            used = self._counts[caller]
        if used > self._per_window:
            raise TooManyRequestsError(
                f"More than {self._per_window} requests in a minute: wait, then go on.",
                retry_after=WINDOW_SECONDS - second,
            )
