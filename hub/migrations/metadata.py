"""Know every table: the models of all areas, loaded."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData

from hub.core.database import Base


def load_metadata() -> MetaData:
    """Import the models of every area and give the metadata that holds all their tables."""
    # while areas are still being added: every models.py that is there and can be imported
    for path in sorted(Path(__file__).parents[1].glob("*/models.py")):
        try:
            import_module(f"hub.{path.parent.name}.models")
        except ModuleNotFoundError as error:
            print(f"load_metadata leaves out {path.parent.name}: {error}")  # noqa: T201
    _leave_out_dangling(Base.metadata)
    return Base.metadata


def _leave_out_dangling(metadata: MetaData) -> None:
    while dangling := [
        table
        for table in metadata.tables.values()
        if any(key.target_fullname.split(".")[0] not in metadata.tables for key in table.foreign_keys)
    ]:
        for table in dangling:
            print(f"load_metadata leaves out table {table.name}: it points at a table that is not there yet")  # noqa: T201
            metadata.remove(table)
