"""What an admin writes to connect a database."""

from pathlib import Path

from pydantic import Field

from connectors.sdk.protocol import ConnectorConfig


class SqlConfig(ConnectorConfig):
    """One query of one SQLite database."""

    path: Path = Field(description="the database file")
    query: str = Field(description="a SELECT; each row is a record")
    key: tuple[str, ...] = Field(min_length=1, description="columns that name a row for good")
    cursor: str = Field(description="a column that grows with every change, such as a time of change")
