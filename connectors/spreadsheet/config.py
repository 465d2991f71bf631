"""What an admin writes to connect a spreadsheet. Every question that the connector asks names one of these entries."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from connectors.sdk.protocol import ConnectorConfig
from connectors.spreadsheet.periods import Grain

Layout = Literal["auto", "long", "wide", "audit"]


class FiscalYearConfig(ConnectorConfig):
    """What "FY25" means."""

    first_month: int = Field(ge=1, le=12, description="4 = the year begins in April")
    named_after: Literal["start", "end"] = Field(
        default="end", description="the calendar year that FY25 is named after: the one it begins or ends in"
    )


class SpreadsheetConfig(ConnectorConfig):
    """A file, a folder whose files have one layout, or a link."""

    path: Path | None = Field(
        default=None, description="a CSV, TSV, XLSX or ODS file, or a folder: all such files in it, none outside it"
    )
    url: SecretStr | None = Field(
        default=None,
        description="instead of a path: an https address of such a file, or a Google Sheets link that anyone may open",
    )
    layout: Layout = Field(
        default="auto",
        description="long = one row an observation; wide = metrics down, periods across; audit = one sheet per table",
    )
    sheets: tuple[str, ...] = Field(default=(), description="sheets to read; none named = all that are not hidden")
    header_row: int | None = Field(default=None, ge=1, description="row of the column names, if it is not found")
    columns: dict[str, str] = Field(
        default_factory=dict, description="what a column is -> its name, such as `value: Istwert`, if it is not found"
    )
    metric: str | None = Field(default=None, description="the metric of all rows, where no column names one")
    period: str | None = Field(default=None, description="the period of all rows, where no column names one")
    year: int | None = Field(default=None, ge=1900, le=2100, description="of periods that do not say it, such as Oct")
    segment: Literal["sheet", "file"] | None = Field(
        default=None, description="name each row's segment after its sheet or file, where both hold the same metrics"
    )
    grain: Grain | None = Field(default=None, description="the period that a last day such as 31.03.2026 stands for")
    delimiter: Literal["auto", ",", ";", "\t", "|"] = Field(default="auto", description="what separates cells of text")
    encoding: Literal["auto", "utf-8", "utf-16", "cp1252", "cp1250", "cp1251", "iso8859-15", "mac_roman"] = Field(
        default="auto", description="how letters are written in a text file; auto = UTF-8, else Windows-1252"
    )
    decimal: Literal["auto", "point", "comma"] = Field(
        default="auto", description="how fractions are written; auto = as the column shows, and asked where it does not"
    )
    dates: Literal["auto", "dmy", "mdy"] = Field(
        default="auto", description="whether day or month comes first in 03/04/2026; auto = as the column shows"
    )
    languages: tuple[str, ...] = Field(default=(), description="of month names, such as de; none named = all known")
    fiscal_year: FiscalYearConfig | None = Field(default=None, description="needed to read FY25 or 2024/25")
    percent: Literal["points", "fraction"] = Field(default="points", description="read 12 % as 12, or as 0.12")
    hidden: Literal["read", "skip"] = Field(default="read", description="what to do with hidden rows and columns")
    write_back: tuple[str, ...] = Field(
        default=(), description="names of the columns that Plumbline may fill in, in an XLSX file; none = nothing"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either `path` or `url`")
        return self
