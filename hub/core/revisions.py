"""Which revision the tables are at and which one this version needs, without loading the tool that migrates them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from hub.core.database import Database

VERSIONS = Path(__file__).parents[1] / "migrations" / "versions"


def newest_revision() -> str:
    """Give the revision that this version of the program needs: migrations are numbered, one after the other."""
    return max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))


def current_revision(database: Database) -> str | None:
    """Give the revision of the database; None where nothing was migrated yet."""
    with database.read() as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return found
