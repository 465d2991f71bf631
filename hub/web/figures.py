"""Figures of the web process in the format that Prometheus reads; no label holds anything about people."""

from __future__ import annotations

from http import HTTPMethod

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

METHODS = frozenset(HTTPMethod)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Figures:
    """Counts requests by route, not by address: an address would hold ids and never end."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """Other areas add their own collectors here."""
        self._seconds = Histogram(
            "plumbline_request_seconds",
            "Time to answer a request.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._replies = Counter(
            "plumbline_replies", "Replies given.", ("method", "route", "status"), registry=self.registry
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one reply; methods that somebody made up count as one, or they would never end either."""
        method = method if method in METHODS else "other"
        self._replies.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """Write all figures."""
        return generate_latest(self.registry)
