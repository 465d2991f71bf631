"""Rows as records: what each is about, whether it has changed, what it says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import JsonValue

from connectors.sdk.protocol import Key, Record, Rejected
from connectors.spreadsheet.amounts import UnreadableError
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import Cells
from connectors.spreadsheet.parsing.model import column_name
from connectors.spreadsheet.periods import Grain, Period
from connectors.spreadsheet.streams import AUDIT, OBSERVATIONS, AuditTable, Kind
from connectors.spreadsheet.tables import PeriodColumn, Table
from connectors.spreadsheet.values import amount_of, ending, instant_of, period_of, text_of, utc
from connectors.spreadsheet.wide import read_heading
from connectors.spreadsheet.words import PART_OF_YEAR, is_total, plain

DIGEST = 8
"""Bytes kept of each row: among a million rows a change is overlooked with a chance of 1 in 10 million million."""
FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "y", "x", "ja", "wahr", "oui", "vrai", "s\u00ed", "si"), True),
    **dict.fromkeys(("false", "0", "no", "n", "nein", "falsch", "non", "faux"), False),
}
MOST_STARTS = 65_536
"""Texts of periods that are remembered: tables have few and repeat them."""
FILL_IN = "Fill it in, or remove the row if it is a title or a total."
Data = dict[str, JsonValue]


class CellError(Exception):
    """Which cell of a row was not read, why, and what to do about it."""

    def __init__(self, column: str, error: UnreadableError) -> None:
        super().__init__(f"{column}: {error}")
        self.column, self.error = column, error


class Item(NamedTuple):
    """A row, or one period's part of it, and what it is about; read only if it has changed."""

    about: tuple[str, ...]
    occurrence: int
    """Which of the rows about this it is."""
    key: Key
    """Names the row by what it is about and not by its number: rows move."""
    content: bytes
    """Tells key and content apart from any other."""
    row: Cells
    table: Table
    stream: str
    reading: Callable[[], Data]

    def read(self) -> Record | Rejected:
        """Read the cells; what cannot be read says where, why and what to do."""
        place = f"{self.table.place}, row {self.row.number}"
        try:
            data = self.reading()
        except CellError as error:
            return Rejected(
                stream=self.stream,
                key=self.key if all(self.about[:2]) else None,
                place=f"{place}, column {error.column}",
                reason=error.error.reason,
                remedy=error.error.remedy,
                raw=[text_of(cell) if isinstance(cell, list) else cell for cell in self.row.cells],
            )
        data["_file"], data["_sheet"], data["_occurrence"] = self.table.file, self.table.sheet, self.occurrence
        recorded: Any = data.get("recorded_at")
        # Not validated here: it is made of values that were, it is checked again where it arrives, and validating a
        # million rows takes as long as reading them.
        return Record.model_construct(
            stream=self.stream,
            key=self.key,
            data=data,
            deleted=False,
            version=self.content.hex(),
            changed_at=utc(recorded),
            place=place,
        )


def items(table: Table, name: str, rows: Iterable[Cells], config: SpreadsheetConfig) -> Iterator[Item]:
    """Yield what the rows of a table give to the stream of table `name`, each with its key and digest."""
    reader = _reader(table, name, config)
    if reader is None:
        return
    stream = AUDIT[name].stream
    seen: set[int] = set()
    again: Counter[int] = Counter()
    heading = hashlib.blake2b(
        repr((table.labels, table.roles, table.mark, table.calendar)).encode(), digest_size=DIGEST
    )
    salt = heading.digest().hex()
    named = "".join(f"{len(part)}:{part}" for part in (table.file, table.sheet, stream))
    for row in rows:
        if row.number <= table.last_header or (row.hidden and config.hidden == "skip"):
            continue
        for about, content, read in reader(row):
            subject = f"{named}{about!r}"
            key = hashlib.blake2b(subject.encode(errors="replace"), digest_size=16)
            digest = hash(key.digest())
            occurrence = 1
            if digest in seen:
                again[digest] += 1
                occurrence += again[digest]
                key.update(str(occurrence).encode())
            seen.add(digest)
            whole = hashlib.blake2b(
                f"{salt}{subject}{occurrence}{content}".encode(errors="replace"), digest_size=DIGEST
            )
            yield Item(about, occurrence, key.hexdigest(), whole.digest(), row, table, stream, read)


def gives(table: Table, name: str, config: SpreadsheetConfig) -> bool:
    """Say whether a table gives anything to the stream of table `name`."""
    return _reader(table, name, config) is not None


def subjects(table: Table, config: SpreadsheetConfig) -> Iterator[tuple[str, ...]]:
    """Yield what the observations at the top of a table are about."""
    reader = _reader(table, OBSERVATIONS, config)
    for row in table.below() if reader is not None else ():
        yield from (about for about, _, _ in reader(row) if all(about[:2]))  # type: ignore[misc]  # not None here


def skipped(table: Table, config: SpreadsheetConfig) -> list[int]:
    """Give the rows under the names that hold no observation: titles, sums, remarks."""
    reader = _reader(table, OBSERVATIONS, config) or _reader(table, table.layout, config)
    return [row.number for row in table.below() if reader is not None and not list(reader(row))]


Part = tuple[tuple[str, ...], str, Callable[[], Data]]
"""What it is about, its content, and how it is read."""
Reader = Callable[[Cells], Iterable[Part]]


def _content(row: Cells) -> str:
    """Tell two contents of a row apart, wherever it stands."""
    return repr(row.cells) if row.broken is None else row.broken


def _reader(table: Table, name: str, config: SpreadsheetConfig) -> Reader | None:
    """Choose how a table's rows give what a stream wants; None if they give nothing to it."""
    if table.layout == "wide":
        return _WideRows(table, config).reader(name)
    if table.layout == "long" or (table.layout == OBSERVATIONS and name == OBSERVATIONS):
        long = _LongRows(table, config)
        return {OBSERVATIONS: long.observation, "targets": long.target if "target" in table.roles else None}.get(name)
    return _AuditRows(table, AUDIT[name]).row if table.layout == name else None


class _Rows:
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


class _LongRows(_Rows):
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
        return ((about, _content(row), lambda: self.read(row, about)),)

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
            yield about, _content(row), lambda about=about: self.read_target(row, about)  # type: ignore[misc]  # bound now

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


class _WideRows(_Rows):
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
            yield ("", "", "", ""), _content(row), lambda: self.refuse_broken(row)
        if row.broken or self.leave_out(row):
            return
        if self.begins_another(row):
            yield (self.metric(row), "", "", ""), _content(row), self.refuse_rest
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


class _AuditRows(_Rows):
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
        return ((about, _content(row), lambda: self.read(row, about)),)

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
