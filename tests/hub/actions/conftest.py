"""The desk at which one live rule is asked (tests/hub/desk.py)."""

from tests.hub.desk import desk, late

__all__ = ["desk", "late"]
