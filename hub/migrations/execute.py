"""What migrations may call: kept as it is for ever, because old migrations do."""

from __future__ import annotations

from sqlalchemy import Connection


def execute_on(connection: Connection, dialect: str, statement: str) -> None:
    """Run a statement of one kind of database only there."""
    if connection.dialect.name == dialect:
        connection.exec_driver_sql(statement)
