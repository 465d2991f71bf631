"""What can go wrong on the way, switchable per operation and count: the tests' levers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A way to fail. AFTER means that the request was applied all the same."""

    DROP_BEFORE = "drop_before"
    """The connection closes; nothing was applied."""
    APPLY_THEN_DROP = "apply_then_drop"
    """The request is applied; the connection closes without a reply."""
    THROTTLE = "throttle"
    """429, with Retry-After if `retry_after` is set; nothing was applied."""
    ERROR_BEFORE = "error_before"
    """`status` is answered; nothing was applied."""
    ERROR_AFTER = "error_after"
    """The request is applied; `status` is answered."""
    SLOW = "slow"
    """The reply to an applied request comes after `seconds`."""
    TRUNCATED = "truncated"
    """The request is applied; the connection closes in the middle of the reply's body."""
    HALF_JSON = "half_json"
    """The request is applied; the reply is complete, but its JSON stops in the middle."""
    HTML = "html"
    """The request is applied; the reply is a page, status 200."""


EVERY = "*"
BEFORE = frozenset({Kind.DROP_BEFORE, Kind.THROTTLE, Kind.ERROR_BEFORE})


@dataclass
class Fault:
    """One planned failure; `operation` is an endpoint of `api.blueprint` or `EVERY`."""

    operation: str
    kind: Kind
    times: int = 1
    status: int = 503
    retry_after: str | None = None
    seconds: float = 1.0


class Faults:
    """The planned failures, first planned first used."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, fault: Fault) -> None:
        """Fail the next `times` calls of the operation."""
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        """Forget all plans."""
        with self._lock:
            self._planned.clear()

    def take(self, operation: str) -> Fault | None:
        """Use up one planned failure of this operation, if there is one."""
        with self._lock:
            for fault in self._planned:
                if fault.operation in {operation, EVERY}:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._planned.remove(fault)
                    return fault
        return None

    def planned(self) -> list[Fault]:
        """List what is still to come."""
        with self._lock:
            return list(self._planned)
