"""What the rows of all layouts share: finding cells, saying which of them could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import JsonValue

from connectors.spreadsheet.amounts import UnreadableError
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import Cells
from connectors.spreadsheet.parsing.model import column_name
from connectors.spreadsheet.tables import Table
from connectors.spreadsheet.values import amount_of, text_of
from connectors.spreadsheet.words import is_total

FILL_IN = "Fill it in, or remove the row if it is a title or a total."
Data = dict[str, JsonValue]
Part = tuple[tuple[str, ...], str, Callable[[], Data]]
"""What it is about, its content, and how it is read."""
Reader = Callable[[Cells], Iterable[Part]]


class CellError(Exception):
    """Which cell of a row was not read, why, and what to do about it."""

    def __init__(self, column: str, error: UnreadableError) -> None:
        super().__init__(f"{column}: {error}")
        self.column, self.error = column, error


def content_of(row: Cells) -> str:
    """Tell two contents of a row apart, wherever it stands."""
    return repr(row.cells) if row.broken is None else row.broken


class Rows:
    """What all layouts share."""

    def __init__(self, table: Table, config: SpreadsheetConfig) -> None:
        self.table, self.config = table, config
        self.own = list(table.own.items())
        self.roles = table.roles
        self.text_file = not table.sheet
        self.fraction = config.percent == "fraction"
        named = {"sheet": table.sheet, "file": table.file}
        self.named_segment = named[config.segment] if config.segment else ""
        self.width = max([*table.labels, *table.roles.values()], default=0) + 1
        if config.hidden == "skip":
            hidden = table.survey.hidden_columns
            self.own = [(column, label) for column, label in self.own if column not in hidden]

    def cell(self, row: Cells, role: str) -> Any:  # noqa: ANN401 - a cell
        column = self.roles.get(role)
        return None if column is None or column >= len(row.cells) else row.cells[column]

    def text(self, row: Cells, role: str) -> str:
        return text_of(self.cell(row, role))

    def metric(self, row: Cells) -> str:
        return self.text(row, "metric") if "metric" in self.roles else (self.config.metric or "")

    def segment(self, row: Cells) -> str:
        return self.text(row, "segment") if "segment" in self.roles else self.named_segment

    def column(self, role: str) -> str:
        return self.name(self.roles[role]) if role in self.roles else role

    def name(self, column: int) -> str:
        """Name a column as people find it: by its heading, in a workbook also by its letter."""
        label = self.table.labels.get(column, "").lower()
        return label if self.text_file and label else f"{column_name(column)} {label}".rstrip()

    def amount(self, data: Data, row: Cells, key: str, column: int) -> None:
        cell = row.cells[column] if column < len(row.cells) else None
        try:
            amount = amount_of(cell, self.table.mark, fraction=self.fraction)
        except UnreadableError as error:
            raise CellError(self.name(column), error) from None
        data[key] = None if amount is None else amount.value
        if amount is not None and amount.unit and key in {"value", "target"} and not data.get("unit"):
            data["unit"] = amount.unit

    def keep_own(self, data: Data, row: Cells) -> None:
        for column, label in self.own:
            data[label] = (text_of(row.cells[column]) or None) if column < len(row.cells) else None

    def whole(self, row: Cells) -> None:
        """Refuse a row whose cells cannot be told apart."""
        if row.broken:
            remedy = 'Save the file as CSV UTF-8; put cells that hold quotes or line breaks into "...".'
            raise CellError("(whole row)", UnreadableError(row.broken, remedy))
        if self.text_file and len(row.cells) > self.width and any(row.cells[self.width :]):
            surplus = f"{len(row.cells)} cells under {self.width} column names"
            raise CellError("(whole row)", UnreadableError(surplus, 'Put cells that hold the delimiter into "...".'))

    def is_sum(self, row: Cells) -> bool:
        return is_total(self.metric(row)) or (
            "metric" not in self.roles and any(is_total(text_of(c)) for c in row.cells[:2])
        )
