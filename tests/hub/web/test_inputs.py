"""What comes in is bounded before it meets a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from hub.web.inputs import Email, Instant, Key, Line, Zone


def read(kind: Any, value: object) -> object:  # noqa: ANN401  # an annotated type
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Instant, "2026-03-03T09:00:00"),
        (Instant, "0001-01-01T00:00:00+14:00"),
        (Instant, "9999-12-31T23:59:59-14:00"),
        (Instant, "1969-12-31T23:59:59Z"),
        (Instant, 1e300),
        (Zone, "Mars/Olympus"),
        (Zone, "/etc/localtime"),
        (Zone, ""),
        (Line, "   "),
        (Line, "x" * 201),
        (Line, "Ada\nadmin"),
        (Line, "Ada\u2028admin"),
        (Line, "Ada\u0085admin"),
        (Line, "Ada \u202enimda"),
        (Line, "Ada \u2067nimda"),
        (Line, "Ada\x00"),
        (Key, "a b"),
        (Key, "-x"),
        (Key, "x\n"),
        (Email, "ada"),
        (Email, "ada@acme"),
        (Email, "a@b.c\n"),
        (Email, "a@b@c.d"),
    ],
)
def test_what_cannot_be_used_is_refused(kind: object, value: object) -> None:
    with pytest.raises(ValidationError):
        read(kind, value)


def test_an_instant_is_read_as_utc() -> None:
    assert read(Instant, "2026-03-03T09:00:00+01:00") == datetime(2026, 3, 3, 8, tzinfo=UTC)


def test_a_line_loses_the_blanks_around_it() -> None:
    assert read(Line, "  Ada  ") == "Ada"


def test_a_line_is_in_any_script() -> None:
    for name in ("\u05e2\u05d3\u05d4", "\u0639\u0627\u062f\u0629", "\u827e\u8fbe", "\u0646\u200c\u0648"):
        assert read(Line, name) == name
