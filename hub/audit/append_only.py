"""Triggers that make the tables of the audit trail append-only, also for the application itself."""

from __future__ import annotations

from collections.abc import Mapping

_REFUSED: Mapping[str, tuple[str, ...]] = {
    "audit_entry": ("UPDATE", "DELETE"),
    "audit_link": ("UPDATE", "DELETE"),
    "audit_checkpoint": ("UPDATE", "DELETE"),
    "audit_personal": ("UPDATE",),  # DELETE is erasure
}
_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION plumbline_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' is refused';
END $$
"""


def _sqlite_triggers(table: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} is refused'); END"
        for verb in _REFUSED[table]
    )


def _postgresql_triggers(table: str) -> tuple[str, ...]:
    verbs = " OR ".join((*_REFUSED[table], "TRUNCATE"))
    trigger = (
        f"CREATE TRIGGER {table}_append_only BEFORE {verbs} ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION plumbline_append_only()"
    )
    return (_POSTGRESQL_FUNCTION, trigger)


APPEND_ONLY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sqlite": {table: _sqlite_triggers(table) for table in _REFUSED},
    "postgresql": {table: _postgresql_triggers(table) for table in _REFUSED},
}
"""Dialect -> table -> statements, run once when the table is made: by create_all, and by the migration that makes it.

On PostgreSQL the function `plumbline_append_only()` outlives its tables; a downgrade drops it last.
"""
