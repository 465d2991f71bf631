"""Digests of the audit trail."""

from __future__ import annotations

import hashlib
import json
from typing import Any

START = "0" * 64
"""Digest before the first place of the chain."""


def canonical(value: Any) -> str:  # noqa: ANN401  # any JSON value
    """Write JSON in the one form that is hashed and signed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def commit(salt: str, value: str) -> str:
    """Commit to the personal part of an entry without showing it."""
    return hashlib.sha256(f"{salt}:{value}".encode()).hexdigest()
