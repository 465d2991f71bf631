"""Long tables: one row is one observation."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.spreadsheet.amounts import UnreadableError
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import Cells
from connectors.spreadsheet.periods import Grain, Period
from connectors.spreadsheet.rows import FILL_IN, CellError, Data, Part, Rows, content_of
from connectors.spreadsheet.tables import Table
from connectors.spreadsheet.values import ending, instant_of, period_of, text_of
from connectors.spreadsheet.words import PART_OF_YEAR, is_total, plain

MOST_STARTS = 65_536
"""Texts of periods that are remembered: tables have few and repeat them."""


class LongRows(Rows):
    """One row is one observation."""

    def __init__(self, table: Table, config: SpreadsheetConfig) -> None:
        super().__init__(table, config)
        roles = table.roles
        self.texts = [role for role in ("reported_by", "source", "note", "unit", "owner") if role in roles]
        self.numbers = [(role, roles[role]) for role in ("value", "numerator", "denominator") if role in roles]
        self.metric_column = roles.get("metric")
        self.period_role = "period_start" if "period_start" in roles else "period"
        self.period_column = roles.get(self.period_role)
        self.simple = {"segment", "org_unit", "year"}.isdisjoint(roles) and not config.segment
        self.starts: dict[str, str] = {}
        self.part_of_year = PART_OF_YEAR.get(plain(table.labels.get(self.period_column or 0, "")))

    def observation(self, row: Cells) -> Iterable[Part]:
        """Give the one observation of a row; nothing for a sum."""
        cells = row.cells
        if self.simple and self.metric_column is not None and self.period_column is not None and not row.broken:
            width = len(cells)
            metric = cells[self.metric_column] if self.metric_column < width else ""
            start = cells[self.period_column] if self.period_column < width else ""
            metric = metric.strip() if isinstance(metric, str) else text_of(metric)
            about = (metric, self.start(row, start if isinstance(start, str) else text_of(start)), "", "")
        else:
            start = self.start(row, self.period_text(row))
            about = (self.metric(row), start, self.segment(row), self.text(row, "org_unit"))
        if not row.broken and (is_total(about[0]) or self.says_nothing(row, about)):
            return ()
        return ((about, content_of(row), lambda: self.read(row, about)),)

    def start(self, row: Cells, text: str) -> str:
        """Name the period that a row is about, however it is written; nothing where it cannot be read."""
        # In a workbook one text may be two dates: shown as a day here and as a month there.
        found = self.starts.get(text) if self.text_file else None
        if found is None:
            try:
                found = self.period(row, ("", text)).start if text else ""
            except CellError:
                found = ""
            if len(self.starts) < MOST_STARTS:
                self.starts[text] = found
        return found

    def says_nothing(self, row: Cells, about: tuple[str, ...]) -> bool:
        """Say whether a row is a sum without a metric, or a remark: text with neither period nor value."""
        if about[0] and about[1]:
            return False
        filled = [text for cell in row.cells if (text := text_of(cell))]
        value = self.cell(row, "value")
        if any(map(is_total, filled)):
            return True
        return len(filled) == 1 and (value is None or value == "") and len(row.cells) > 1

    def target(self, row: Cells) -> Iterable[Part]:
        """Give the target of a row."""
        if not text_of(self.cell(row, "target")) and not isinstance(self.cell(row, "target"), list):
            return
        for about, _, _ in self.observation(row):
            yield about, content_of(row), lambda about=about: self.read_target(row, about)  # type: ignore[misc]  # bound now

    def period_text(self, row: Cells) -> str:
        if self.period_column is None:
            return self.config.period or ""
        text = text_of(self.cell(row, self.period_role))
        year = self.text(row, "year") if "year" in self.roles else ""
        if year and self.part_of_year and text.isdigit():
            return self.part_of_year.format(year=year, number=int(text))
        return f"{text} {year}" if year and text else text

    def read(self, row: Cells, about: tuple[str, ...]) -> Data:
        """Read an observation."""
        data = self.beginning(row, about)
        if "unit" in self.roles:
            data["unit"] = self.text(row, "unit") or None
        for role, column in self.numbers:
            self.amount(data, row, role, column)
        self.more(data, row)
        return data

    def read_target(self, row: Cells, about: tuple[str, ...]) -> Data:
        """Read a target."""
        data = self.beginning(row, about)
        self.amount(data, row, "target", self.roles["target"])
        if "recorded_at" in self.roles:
            data["recorded_at"] = self.instant(row, "recorded_at")
        return data

    def beginning(self, row: Cells, about: tuple[str, ...]) -> Data:
        self.whole(row)
        if not about[0]:
            raise CellError(self.column("metric"), UnreadableError("it is empty", FILL_IN))
        period = self.period(row, about)
        data: Data = {"metric": about[0], "period_start": period.start, "segment": about[2], "org_unit": about[3]}
        if period.end is not None:
            data["period_end"] = period.end
        return data

    def period(self, row: Cells, about: tuple[str, ...]) -> Period:
        cell = self.cell(row, self.period_role) if "year" not in self.roles else about[1]
        if self.period_column is None:
            cell = self.config.period
        try:
            period = period_of(cell, self.table.calendar, year=self.config.year)
            grain = self.config.grain
            if period is not None:
                return ending(period, grain) if grain and period.grain is Grain.DAY else period
        except UnreadableError as error:
            raise CellError(self.column(self.period_role), error) from None
        raise CellError(self.column(self.period_role), UnreadableError("it is empty", FILL_IN))

    def more(self, data: Data, row: Cells) -> None:
        for role in ("period_end", "recorded_at"):
            if role in self.roles:
                said = self.instant(row, role)
                data[role] = said if said is not None or role not in data else data[role]
        for role in self.texts:
            if role != "unit":
                data[role] = self.text(row, role) or None
        if "target" in self.roles:
            data["target"] = self.text(row, "target") or None
        self.keep_own(data, row)

    def instant(self, row: Cells, role: str) -> str | None:
        cell = self.cell(row, role)
        if cell is None or cell == "":
            return None
        try:
            if isinstance(cell, str):
                period = period_of(cell, self.table.calendar)
                return None if period is None else (period.end or period.start)
            return instant_of(cell)
        except UnreadableError as error:
            raise CellError(self.column(role), error) from None
