"""Wide tables: one row is one metric, one column a period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from connectors.spreadsheet.amounts import UnreadableError
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import Cells
from connectors.spreadsheet.periods import Period
from connectors.spreadsheet.rows import FILL_IN, CellError, Data, Part, Reader, Rows, content_of
from connectors.spreadsheet.streams import OBSERVATIONS
from connectors.spreadsheet.tables import PeriodColumn, Table
from connectors.spreadsheet.values import text_of
from connectors.spreadsheet.wide import read_heading


class WideRows(Rows):
    """One row is one metric, one column a period."""

    def __init__(self, table: Table, config: SpreadsheetConfig) -> None:
        super().__init__(table, config)
        self.ended = False
        count = Counter(self.subject(row) for row in self._of_this_table() if self.metric(row))
        self.twice = {subject for subject, times in count.items() if times > 1}
        self.ended = False

    def _of_this_table(self) -> Iterator[Cells]:
        for row in self.table.below():
            if not self.leave_out(row) and not self.begins_another(row):
                yield row

    def subject(self, row: Cells) -> tuple[str, str, str]:
        return self.metric(row), self.segment(row), self.text(row, "org_unit")

    def reader(self, name: str) -> Reader | None:
        """Choose what a row gives to a stream."""
        return {OBSERVATIONS: self.values, "targets": self.targets, "metrics": self.about_metric}.get(name)

    def values(self, row: Cells) -> Iterable[Part]:
        """Give one observation a period."""
        if row.broken:
            yield ("", "", "", ""), content_of(row), lambda: self.refuse_broken(row)
        if row.broken or self.leave_out(row):
            return
        if self.begins_another(row):
            yield (self.metric(row), "", "", ""), content_of(row), self.refuse_rest
            return
        for each in self.table.periods:
            if each.role == "value" and self.filled(row, each.column):
                yield self.part(row, each, "value")

    def targets(self, row: Cells) -> Iterable[Part]:
        """Give the targets by period, or the one that stands beside them all."""
        if self.leave_out(row) or self.begins_another(row):
            return
        for each in self.table.periods:
            if each.role == "target" and self.filled(row, each.column):
                yield self.part(row, each, "target")
        column = self.roles.get("target")
        if column is not None and self.filled(row, column):
            first, last = self.table.periods[0].period, self.table.periods[-1].period
            whole = PeriodColumn(column, Period(first.start, last.end, first.grain), "target", "target")
            yield self.part(row, whole, "target")

    def about_metric(self, row: Cells) -> Iterable[Part]:
        """Give what stands beside a metric: unit, owner, and your own columns."""
        if self.leave_out(row) or self.begins_another(row) or not self.metric(row):
            return
        beside = [(column, cell) for column, cell in enumerate(row.cells) if not self.is_period(column)]
        yield (self.metric(row),), repr(beside), lambda: self.read_metric(row)

    def is_period(self, column: int) -> bool:
        return any(each.column == column for each in self.table.periods)

    def leave_out(self, row: Cells) -> bool:
        """Leave out sums, remarks and sections, and headings that are repeated."""
        if self.ended or row.broken:
            return True
        if self.is_sum(row):
            return True
        filled = [each.column for each in self.table.periods if self.filled(row, each.column)]
        column = self.roles.get("target")
        if not filled and not (column is not None and self.filled(row, column)):
            return True
        return (
            all(
                " ".join(text_of(row.cells[each]).split()).lower() == self.table.labels.get(each, "").lower()
                for each in filled
            )
            and len(filled) > 1
        )

    def begins_another(self, row: Cells) -> bool:
        """Say whether a row is the headings of a second table."""
        cells = [row.cells[each.column] for each in self.table.periods if self.filled(row, each.column)]
        texts = [cell for cell in cells if isinstance(cell, str) or (isinstance(cell, list) and cell[0] == "date")]
        if len(texts) > 1 and len(texts) == len(cells):
            self.ended = all(read_heading(cell, self.table.calendar, 2000).is_time for cell in texts)
        return self.ended

    def refuse_broken(self, row: Cells) -> Data:
        """Put a row aside whose cells cannot be told apart."""
        self.whole(row)
        return {}

    def refuse_rest(self) -> Data:
        """Put aside what begins here."""
        remedy = "Give each table a sheet of its own."
        raise CellError("(whole row)", UnreadableError("a second table begins here; its rows are not read", remedy))

    def filled(self, row: Cells, column: int) -> bool:
        cell = row.cells[column] if column < len(row.cells) else None
        return cell is not None and cell != "" and not (isinstance(cell, str) and not cell.strip())

    def part(self, row: Cells, each: PeriodColumn, key: str) -> Part:
        cell = row.cells[each.column]
        metric, segment, unit = self.subject(row)
        about = (metric, each.period.start, segment, unit)
        content = repr((cell, metric, self.text(row, "unit"), each.period.end, row.broken))
        return about, content, lambda: self.read_part(row, each, key, about)

    def read_part(self, row: Cells, each: PeriodColumn, key: str, about: tuple[str, ...]) -> Data:
        """Read one number."""
        self.whole(row)
        if not about[0]:
            raise CellError(self.column("metric"), UnreadableError("it is empty", FILL_IN))
        if self.subject(row) in self.twice:
            remedy = "Give them different names, or a column named Segment that tells them apart."
            raise CellError(self.column("metric"), UnreadableError(f"more than one row is called {about[0]!r}", remedy))
        data: Data = {"metric": about[0], "period_start": about[1], "segment": about[2], "org_unit": about[3]}
        if each.period.end is not None:
            data["period_end"] = each.period.end
        data["unit"] = self.text(row, "unit") or None
        self.amount(data, row, key, each.column)
        return data

    def read_metric(self, row: Cells) -> Data:
        """Read what stands beside a metric."""
        self.whole(row)
        data: Data = {"metric": self.metric(row)}
        for role in ("unit", "owner", "segment", "org_unit", "source", "note"):
            if role in self.roles:
                data[role] = self.text(row, role) or None
        self.keep_own(data, row)
        return data
