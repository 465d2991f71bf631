"""Types of what comes in, for the pydantic models of API and forms: bounded, so that no database chokes on them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

UNREADABLE = frozenset({"Cc", "Zl", "Zp", "Cs"})
"""Categories of Unicode that no line has: control characters, separators of lines and paragraphs, half characters."""
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows (Unicode's Bidi_Control): a name could look like another."""
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


LEFT_OUT: Any = Field(default=None, json_schema_extra=_without_default)
"""Default of a field that a change may leave out and may not set to null; `model_fields_set` tells."""


class Input(BaseModel):
    """Base of every input: a field that is not known is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid")


def _check_instant(value: datetime) -> datetime:
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        utc = LAST
    if not FIRST <= utc < LAST:
        raise ValueError(f"give an instant between {FIRST.year} and {LAST.year}")
    return utc


def _check_line(value: str) -> str:
    if any(character in TURNING or unicodedata.category(character) in UNREADABLE for character in value):
        raise ValueError("give one line without control characters")
    return value


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("give a time zone such as Europe/Berlin") from error
    return value


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_check_line)
]
"""One line of text, not empty, that reads as it is written."""
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$", max_length=80)]
"""A key that people choose for files and commands."""
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$", max_length=254)]
Reference = Annotated[str, Field(min_length=1, max_length=80)]
"""A public id, or a key where the field says so."""
Instant = Annotated[AwareDatetime, AfterValidator(_check_instant)]
"""An instant with its offset, between 1970 and 2200."""
Zone = Annotated[str, Field(max_length=60), AfterValidator(_check_zone)]
"""An IANA time zone."""
Number = Annotated[float, Field(allow_inf_nan=False)]
"""A number that can be counted with."""
