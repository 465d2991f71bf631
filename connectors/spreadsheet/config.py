"""What an admin writes to connect a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from connectors.sdk.protocol import ConnectorConfig


class SpreadsheetConfig(ConnectorConfig):
    """A file, or a folder whose files have one layout."""

    path: Path = Field(description="a CSV file, or a folder: all CSV files in it, none outside it")
    delimiter: Literal["auto", ",", ";", "\t", "|"] = Field(
        default="auto", description="what separates cells; auto = the one that is most frequent in the first row"
    )
    decimal: Literal["point", "comma"] = Field(
        default="point", description="how fractions are written; the other mark makes a number unreadable, never bigger"
    )
