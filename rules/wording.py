"""Numbers and times as people say them in a finding."""

from __future__ import annotations

from rules.durations import DAY, HOUR, MINUTE


def spoken(microseconds: int) -> str:
    """Return a length of time in its largest whole unit: 16 days, 1 hour, 5 minutes."""
    for size, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        count = microseconds // size
        if count:
            return f"{count} {word}" + ("" if count == 1 else "s")
    return "less than a minute"
