"""Instants: aware UTC datetimes in Python, integer microseconds on SQLite, timestamptz on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, DateTime
from sqlalchemy.types import TypeDecorator, TypeEngine

from rules.calendars import instant as to_micros
from rules.calendars import moment as from_micros

if TYPE_CHECKING:
    from sqlalchemy import Dialect

__all__ = ["EPOCH", "Clock", "Instant", "from_micros", "to_micros", "utc_now"]

Clock = Callable[[], datetime]
"""Where the time comes from; passed in, so that any run can be replayed exactly."""
EPOCH = from_micros(0)


def utc_now() -> datetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


class Instant(TypeDecorator[datetime]):
    """The one instant type of the database: mixed text formats doubled rows when it was tried."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the database's own instants where it has exact ones."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401  # int or datetime, by dialect
        """Refuse naive datetimes: nobody knows which zone they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: give it a time zone before it is stored")
        return value.astimezone(UTC) if dialect.name == "postgresql" else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401  # as above
        """Give back UTC, whatever the session's zone is."""
        if value is None:
            return None
        return value.astimezone(UTC) if dialect.name == "postgresql" else from_micros(value)
