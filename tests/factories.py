"""The cast: one small organisation that every test knows, and the clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TODAY = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
"""A Tuesday morning: where every test's clock starts."""


@dataclass
class SettableClock:
    """A clock that stands still until a test moves it."""

    now: datetime = TODAY

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def set(self, now: datetime) -> None:
        """Jump to an instant."""
        self.now = now

    def advance(self, **span: float) -> datetime:
        """Move on by a span given as for timedelta (`days=1`), and tell the new time."""
        self.now += timedelta(**span)
        return self.now


@dataclass(frozen=True)
class Cast:
    """Ids of the one organisation, by key: a company with two units, four persons, two metrics."""

    org_units: dict[str, int] = field(default_factory=dict)
    """acme, and under it sales and support."""
    persons: dict[str, int] = field(default_factory=dict)
    """ada owns (sales), bo is steward (sales), cy works in support, dee leads acme."""


def build_cast(session: Session, *, now: datetime) -> Cast:
    """Write the cast into an empty database."""
    from sqlalchemy import insert

    from hub.core.ids import new_public_id
    from hub.people.models import OrgUnit, Person

    cast = Cast()
    for key, name, parent in (("acme", "Acme", None), ("sales", "Sales", "acme"), ("support", "Support", "acme")):
        values = {
            "public_id": new_public_id("org"),
            "key": key,
            "name": name,
            "parent_id": cast.org_units[parent] if parent else None,
            "function": key if parent else None,
        }
        cast.org_units[key] = session.scalars(insert(OrgUnit).values(values).returning(OrgUnit.id)).one()
    for key, org_unit in (("ada", "sales"), ("bo", "sales"), ("cy", "support"), ("dee", "acme")):
        values = {
            "public_id": new_public_id("per"),
            "key": key,
            "name": key.title(),
            "email": f"{key}@acme.example",
            "org_unit_id": cast.org_units[org_unit],
            "active": True,
        }
        cast.persons[key] = session.scalars(insert(Person).values(values).returning(Person.id)).one()
    return cast
