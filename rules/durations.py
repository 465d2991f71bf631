"""Lengths of time as people write them: `14d`, `2bd`, `1w`, `90m`, `36h`, `30s`, or ISO 8601 (`P3M`, `PT5M`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.errors import DurationError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
"""Microseconds. A calendar day may have 23 or 25 hours: only a `Calendar` adds days to an instant."""

_SHORT = re.compile(r"(?P<count>\d{1,9})(?P<unit>bd|[smhdw])", re.ASCII)
_ISO = re.compile(
    r"P(?=\d|T\d)(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
_CLOCK = {"h": HOUR, "m": MINUTE, "s": SECOND}
_LONGEST_DAYS = 36_525  # a century: far beyond any promise, and safe inside datetime's years 1 to 9999
PATTERN = rf"^(?:{re.sub(r'[?]P<[a-z]+>', '', _SHORT.pattern)}|{re.sub(r'[?]P<[a-z]+>', '', _ISO.pattern)})$"
"""Regular expression of every accepted spelling, for JSON Schema."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time whose parts stay apart, because a month, a day and a business day depend on where they start.

    Add one to an instant with `Calendar.add`. `microseconds` holds hours, minutes and seconds together.
    """

    months: int = 0
    days: int = 0
    business_days: int = 0
    microseconds: int = 0

    def __post_init__(self) -> None:
        """Refuse negative lengths and lengths beyond a century."""
        parts = (self.months, self.days, self.business_days, self.microseconds)
        if min(parts) < 0:
            raise DurationError("a duration is never negative: write the length and say `before` or `after` elsewhere")
        if self.months * 31 + self.days + self.business_days * 2 + self.microseconds // DAY > _LONGEST_DAYS:
            raise DurationError(f"{self} is longer than a century: use at most 100 years")
        if self.business_days and sum(map(bool, parts)) > 1:
            raise DurationError("business days do not mix with other units: write either `2bd` or `P2DT3H`")

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read one of the spellings above; anything else is a `DurationError` that shows them."""
        short = _SHORT.fullmatch(text)
        if short:
            return cls._short(int(short["count"]), short["unit"])
        iso = _ISO.fullmatch(text)
        if not iso:
            raise DurationError(f"{text!r} is no duration: write for example 14d, 2bd, 1w, 90m, 36h, PT5M or P3M")
        part = {name: int(value or 0) for name, value in iso.groupdict().items()}
        return cls(
            months=part["years"] * 12 + part["months"],
            days=part["weeks"] * 7 + part["days"],
            microseconds=part["hours"] * HOUR + part["minutes"] * MINUTE + part["seconds"] * SECOND,
        )

    @classmethod
    def _short(cls, count: int, unit: str) -> Duration:
        if unit == "bd":
            return cls(business_days=count)
        if unit in "dw":
            return cls(days=count * (7 if unit == "w" else 1))
        return cls(microseconds=count * _CLOCK[unit])

    def __bool__(self) -> bool:
        """Tell whether it is longer than nothing."""
        return bool(self.months or self.days or self.business_days or self.microseconds)

    def __str__(self) -> str:
        """Return the shortest spelling that `parse` reads back as the same value."""
        if self.business_days:
            return f"{self.business_days}bd"
        if not self.months and not self.microseconds:
            return f"{self.days}d"
        if not self.months and not self.days:
            unit = next(unit for unit, size in _CLOCK.items() if self.microseconds % size == 0)
            return f"{self.microseconds // _CLOCK[unit]}{unit}"
        date = (f"{self.months}M" if self.months else "") + (f"{self.days}D" if self.days else "")
        return f"P{date}" + (f"T{self.microseconds // SECOND}S" if self.microseconds else "")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's own signature
        """Let pydantic fields take the text and write it back."""
        from pydantic_core import core_schema  # noqa: PLC0415 - calendars work without pydantic

        def read(value: object) -> Duration:
            if isinstance(value, Duration):
                return value
            if isinstance(value, str):
                return cls.parse(value)
            raise DurationError(f"{value!r} is no duration: write a text such as 14d, 2bd or PT5M")

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the text in JSON Schema."""
        return {"type": "string", "pattern": PATTERN, "examples": ["14d", "2bd", "1w", "90m", "PT5M"]}
