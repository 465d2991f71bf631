"""Audit workbooks: one sheet is one table of the audit folder's format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import JsonValue

from connectors.spreadsheet.amounts import UnreadableError
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import Cells
from connectors.spreadsheet.rows import FILL_IN, CellError, Data, Part, Rows, content_of
from connectors.spreadsheet.streams import AuditTable, Kind
from connectors.spreadsheet.tables import Table
from connectors.spreadsheet.values import amount_of, period_of, text_of

FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "x", "ja", "wahr", "oui", "vrai", "s\u00ed", "si"), True),
    **dict.fromkeys(("false", "0", "no", "n", "nein", "falsch", "non", "faux"), False),
}


class AuditRows(Rows):
    """Rows of one table of an audit workbook."""

    def __init__(self, table: Table, kind: AuditTable) -> None:
        super().__init__(
            table, SpreadsheetConfig.model_construct(percent="points", segment=None, hidden="read", metric=None)
        )
        self.kind = kind
        self.subject = [(column, self.roles.get(column)) for column in kind.subject]

    def row(self, row: Cells) -> Iterable[Part]:
        """Give the one record of a row."""
        about = tuple(
            text_of(row.cells[column]) if column is not None and column < len(row.cells) else ""
            for _, column in self.subject
        )
        return ((about, content_of(row), lambda: self.read(row, about)),)

    def read(self, row: Cells, about: tuple[str, ...]) -> Data:
        """Read a row."""
        self.whole(row)
        data: Data = dict(zip(self.kind.subject, about, strict=True))
        for role, column in self.roles.items():
            cell = row.cells[column] if column < len(row.cells) else None
            data[role] = self.cell_of(cell, self.kind.columns[role], column)
            if data[role] is None and role in self.kind.subject:
                data[role] = ""
        for name in self.kind.required:
            if data.get(name) in {None, ""} and name != "value":
                raise CellError(self.name(self.roles[name]), UnreadableError("it is empty", FILL_IN))
        self.keep_own(data, row)
        return data

    def cell_of(self, cell: Any, kind: Kind, column: int) -> JsonValue:  # noqa: ANN401 - a cell
        try:
            if kind == "number":
                amount = amount_of(cell, self.table.mark)
                return None if amount is None else amount.value
            if kind == "date":
                period = period_of(cell, self.table.calendar)
                return None if period is None else period.start
        except UnreadableError as error:
            raise CellError(self.name(column), error) from None
        text = text_of(cell)
        if kind != "flag" or not text:
            return text or None
        if text.lower() not in FLAGS:
            raise CellError(
                self.name(column), UnreadableError(f"{text!r} is neither true nor false", "Write true or false.")
            )
        return FLAGS[text.lower()]
