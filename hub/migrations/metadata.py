"""Know every table: the models of every folder of the hub, loaded."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData

from hub.core.database import Base

HUB = Path(__file__).parents[1]


def load_metadata() -> MetaData:
    """Import every models.py of the hub and give the metadata that holds all their tables.

    Not by the list of areas: core and web have tables and are no areas, and nobody shall forget one.
    """
    for path in sorted(HUB.glob("*/models.py")):
        import_module(f"hub.{path.parent.name}.models")
    return Base.metadata
