"""JSON in and out by orjson: strict UTF-8, no NaN, no deep nesting, and no NUL, which no database takes."""

from __future__ import annotations

from typing import Any

import orjson
from flask.json.provider import JSONProvider


class StrictJson(JSONProvider):
    """What Flask reads and writes JSON with."""

    def dumps(self, obj: Any, **_options: Any) -> str:  # noqa: ANN401  # the signature is Flask's
        """Write JSON."""
        return dumps(obj).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:  # noqa: ANN401  # as above
        """Read JSON; ValueError says that it is none."""
        value = orjson.loads(s)
        if b"\\u0000" in (s if isinstance(s, bytes) else s.encode()) and _has_nul(value):
            raise ValueError("a text holds the character NUL")
        return value


def dumps(value: Any) -> bytes:  # noqa: ANN401  # any JSON value
    """Write JSON; instants as ISO 8601."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


def _has_nul(value: Any) -> bool:  # noqa: ANN401  # any JSON value
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one:
                return True
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
    return False
