"""A sheet as a table: which row names the columns, what each column is, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.sdk.errors import ConfigError
from connectors.spreadsheet.amounts import Mark
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import Cells, Survey
from connectors.spreadsheet.parsing.model import column_name
from connectors.spreadsheet.periods import Calendar, DateOrder, FiscalYear, Period
from connectors.spreadsheet.values import text_of
from connectors.spreadsheet.words import is_exact, plain, role_of

NUMBERS = ("value", "target", "numerator", "denominator")
MOST_TOLD = 6
"""Of a kind, in what is told about a sheet."""


class UnansweredError(ConfigError):
    """A sheet can be read in more than one way: the message asks, and `field` is the entry that answers."""


@dataclass(frozen=True)
class PeriodColumn:
    """A column that holds one period's numbers."""

    column: int
    period: Period
    role: str
    """value or target."""
    label: str


@dataclass(frozen=True)
class Table:
    """How one sheet is read."""

    file: str
    survey: Survey
    sheet: str
    """Its name; empty for a text file, which has no sheets."""
    layout: str
    """long, wide, or the table of an audit workbook that it is."""
    first_header: int
    last_header: int
    """Rows, as people count them."""
    labels: Mapping[int, str]
    roles: Mapping[str, int]
    periods: Sequence[PeriodColumn] = ()
    mark: Mark | None = None
    calendar: Calendar = field(default_factory=Calendar)
    notes: Sequence[str] = ()
    ignored_columns: Sequence[int] = ()

    @property
    def own(self) -> dict[int, str]:
        """The columns that are kept as they are, by their names in lower case."""
        taken = {*self.roles.values(), *self.ignored_columns, *(each.column for each in self.periods)}
        return {column: " ".join(name.lower().split()) for column, name in self.labels.items() if column not in taken}

    @property
    def place(self) -> str:
        """How people find the sheet."""
        return f"{self.file}, sheet {self.sheet}" if self.sheet else self.file

    def below(self) -> Iterable[Cells]:
        """Give the rows under the column names that were looked at."""
        return (row for row in self.survey.head if row.number > self.last_header)


def calendar_of(config: SpreadsheetConfig) -> Calendar:
    """Give what the configuration says about dates."""
    fiscal = config.fiscal_year
    order: DateOrder | None = None if config.dates == "auto" else config.dates
    named = FiscalYear(fiscal.first_month, fiscal.named_after) if fiscal else None
    return Calendar(order, named, config.languages)


def labels_of(rows: Sequence[Cells]) -> dict[int, str]:
    """Name the columns after the lowest heading that each has."""
    found: dict[int, str] = {}
    for row in rows:
        for column, cell in enumerate(row.cells):
            if text := " ".join(text_of(cell).split()):
                found[column] = text
    return found


def roles_in(labels: Mapping[int, str], config: SpreadsheetConfig) -> dict[str, list[int]]:
    """Find the columns that may have each role; what the configuration names counts alone."""
    found: dict[str, list[int]] = {}
    named = {plain(name): role for role, name in config.columns.items()}
    for column, label in labels.items():
        role = named.get(plain(label)) or role_of(label)
        if role is not None and (role not in config.columns or plain(label) == plain(config.columns[role])):
            found.setdefault(role, []).append(column)
    for role, columns in found.items():
        exact = [column for column in columns if is_exact(labels[column], role)]
        found[role] = exact or columns
    if "period_start" in found and not config.columns.get("period"):
        found.pop("period", None)
    return found


def settle_roles(labels: Mapping[int, str], found: Mapping[str, list[int]], place: str) -> dict[str, int]:
    """Give each role its column; asks where two could have it."""
    for role, columns in found.items():
        if len(columns) > 1:
            names = " and ".join(f"{column_name(column)} {labels[column]!r}" for column in columns)
            raise UnansweredError(
                f"{place}: the columns {names} can both be the {role}. Which one is it? "
                f"Set `columns: {{{role}: ...}}` to its name; if both bear one name, rename one.",
                field="columns",
            )
    roles = {role: columns[0] for role, columns in found.items()}
    if "year" in roles and not {"period", "period_start"} & roles.keys():
        roles["period"] = roles.pop("year")
    return roles


def refuse_doubles(labels: Mapping[int, str], place: str) -> None:
    """Ask where two columns that are kept have one name."""
    names = [" ".join(label.lower().split()) for label in labels.values()]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise UnansweredError(
            f"{place} has more than one column {', '.join(double)}: rename or remove one.", field="columns"
        )


def settle_writing(table: Table, config: SpreadsheetConfig, dates: Sequence[int], numbers: Sequence[int]) -> Table:
    """Find out how numbers and dates are written: as configured, else as the columns show; asks if nothing is told."""
    mark: Any = _agreed(table, numbers, _MARKS) if config.decimal == "auto" else config.decimal
    calendar = table.calendar
    if calendar.order is None:
        order: Any = _agreed(table, dates, _ORDERS)
        calendar = replace(calendar, order=order)
    return replace(table, mark=mark, calendar=calendar)


@dataclass(frozen=True)
class _Ways:
    """Two ways of writing, and the question which one is meant."""

    one: str
    other: str
    either: str
    setting: str
    question: str


_MARKS = _Ways(
    "point",
    "comma",
    "either number",
    "decimal",
    "numbers such as {0!r} can be read with a thousands separator or with a fraction. Set `decimal: point` if "
    "fractions are written 1.5, or `decimal: comma` if they are written 1,5.",
)
_ORDERS = _Ways(
    "dmy",
    "mdy",
    "either date",
    "dates",
    "dates such as {0!r} can be read with the day or with the month first. Set `dates: dmy` or `dates: mdy`.",
)


def _agreed(table: Table, columns: Sequence[int], ways: _Ways) -> str | None:
    """Say which of two ways all columns agree on, None if they do not; asks if no cell can be read without it."""
    shown: Counter[str] = Counter()
    filled = 0
    for column in columns:
        if column < len(table.survey.columns):
            said = table.survey.columns[column]
            above = [row for row in table.survey.head if row.number <= table.last_header]
            filled += said["filled"] - sum(1 for row in above if text_of(_at(row, column)))
            shown.update(said["shows"])
    if bool(shown[ways.one]) != bool(shown[ways.other]):
        return ways.one if shown[ways.one] else ways.other
    if table.survey.whole and not shown[ways.one] and shown[ways.either] >= max(filled, 1):
        texts = (text_of(_at(row, column)) for row in table.below() for column in columns)
        raise UnansweredError(
            f"{table.place}: {ways.question.format(next(filter(None, texts), ''))}", field=ways.setting
        )
    return None


def _at(row: Cells, column: int) -> Any:  # noqa: ANN401 - a cell
    return row.cells[column] if column < len(row.cells) else None
