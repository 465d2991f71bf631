"""Wide tables: metrics down, periods across, perhaps under two or three rows of headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from connectors.spreadsheet.amounts import TwoReadingsError, UnreadableError, is_number_like
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import Cells, Survey
from connectors.spreadsheet.parsing.model import column_name
from connectors.spreadsheet.periods import Calendar, Grain, NoYearError, Period, order_of
from connectors.spreadsheet.tables import (
    PeriodColumn,
    Table,
    UnansweredError,
    calendar_of,
    labels_of,
    roles_in,
    settle_roles,
    settle_writing,
)
from connectors.spreadsheet.values import ending, ends_month, period_of, text_of
from connectors.spreadsheet.words import is_total, split_heading

DEEPEST = 3
"""Rows of headings."""
YEARS = range(1990, 2101)
YEAR_IN_TEXT = re.compile(r"(?<!\d)((?:19|20)\d{2})(?!\d)")
SHORT_YEAR = re.compile(r"([^\W\d_]+)\.?\s+([0-3]?\d)")


@dataclass(frozen=True)
class Heading:
    """What one heading over a column says about time."""

    period: Period | None = None
    role: str | None = None
    lacks_year: bool = False
    question: TwoReadingsError | None = None

    @property
    def is_time(self) -> bool:
        """Whether it is about time at all."""
        return self.period is not None or self.lacks_year or self.question is not None


def read_heading(cell: Any, calendar: Calendar, year: int | None = None) -> Heading:  # noqa: ANN401 - a cell
    """Read a heading; what is not about time is no error."""
    inner = cell[2] if isinstance(cell, list) and cell[0] == "merged" else cell
    if not isinstance(inner, str) and not _may_be_time(inner):
        return Heading()
    role = None
    if isinstance(inner, str):
        inner, role = split_heading(inner)
        if not inner.strip() or is_number_like(inner):
            return Heading(role=role)
    try:
        return Heading(period_of(inner, calendar, year=year), role)
    except NoYearError:
        return Heading(role=role, lacks_year=True)
    except TwoReadingsError as question:
        return Heading(role=role, question=question)
    except UnreadableError:
        return Heading(role=role)


def _may_be_time(cell: Any) -> bool:  # noqa: ANN401 - a cell
    if isinstance(cell, list):
        return bool(cell[0] == "date")
    return isinstance(cell, int) and not isinstance(cell, bool) and _like_a_year(cell)


def _like_a_year(number: int) -> bool:
    return number in YEARS or (number // 100 in YEARS and 1 <= number % 100 <= 12)  # noqa: PLR2004 - months


def find_wide(name: str, sheet: str, survey: Survey, rows: Sequence[Cells], config: SpreadsheetConfig) -> Table | None:
    """Find the table; None if no row holds two periods. Raises UnansweredError."""
    calendar = _ordered(calendar_of(config), rows)
    counts = [sum(read_heading(cell, calendar).is_time for cell in row.cells) for row in rows]
    most = max(counts, default=0)
    if most == 0 or (most == 1 and config.layout != "wide" and not _names_metric(rows[counts.index(1)], config)):
        return None
    headings = _levels(rows, counts.index(most), calendar)
    labels = labels_of(headings)
    table = Table(name, survey, sheet, "wide", headings[0].number, headings[-1].number, labels, {}, calendar=calendar)
    periods, notes, ignored = _periods(table, headings, rows, config)
    if not periods:
        return None
    taken = {each.column for each in periods} | set(ignored)
    beside = {column: label for column, label in labels.items() if column not in taken}
    found = roles_in(beside, config)
    found.pop("value", None)
    for role in ("period", "year", "period_start", "period_end"):
        found.pop(role, None)
    roles = settle_roles(beside, found, table.place)
    first = min(each.column for each in periods)
    if "metric" not in roles and config.metric is None:
        roles["metric"] = _metric_column(table, first, {*roles.values(), *taken})
    sums = [column for column, label in beside.items() if is_total(label) and column not in roles.values()]
    if left_out := sorted({*ignored, *sums}):
        named = ", ".join(f"{column_name(column)} {labels.get(column, '')!r}" for column in left_out)
        notes.append(f"left out: columns {named}")
    table = replace(table, roles=roles, periods=periods, notes=notes, ignored_columns=left_out)
    numbers = [each.column for each in periods] + [roles[role] for role in ("target",) if role in roles]
    return settle_writing(table, config, [], numbers)


def _ordered(calendar: Calendar, rows: Sequence[Cells]) -> Calendar:
    """Let headings that can be read in one way only decide for the others."""
    if calendar.order is not None:
        return calendar
    shown = {order_of(cell.strip()) for row in rows for cell in row.cells if isinstance(cell, str)}
    if "dmy" in shown and "mdy" not in shown:
        return replace(calendar, order="dmy")
    return replace(calendar, order="mdy") if "mdy" in shown and "dmy" not in shown else calendar


def _names_metric(row: Cells, config: SpreadsheetConfig) -> bool:
    return "metric" in roles_in(labels_of([row]), config)


def _levels(rows: Sequence[Cells], first: int, calendar: Calendar) -> list[Cells]:
    """Give the rows of headings: the one with the periods, and what goes on under it."""
    columns = [column for column, cell in enumerate(rows[first].cells) if read_heading(cell, calendar).is_time]
    levels = [rows[first]]
    for row in rows[first + 1 : first + DEEPEST]:
        cells = [row.cells[column] for column in columns if column < len(row.cells)]
        texts = [cell for cell in cells if cell is not None]
        headings = [read_heading(cell, calendar) for cell in texts]
        if not texts or not any(heading.is_time or heading.role for heading in headings):
            break
        if any(
            isinstance(cell, int | float) and not heading.is_time for cell, heading in zip(texts, headings, strict=True)
        ):
            break
        levels.append(row)
    return levels


def _periods(
    table: Table, levels: Sequence[Cells], rows: Sequence[Cells], config: SpreadsheetConfig
) -> tuple[list[PeriodColumn], list[str], list[int]]:
    above = [row for row in rows if row.number < levels[0].number]
    said = _year_said(table, above, config)
    found, ignored, notes = [], [], []
    for column in range(max(len(row.cells) for row in levels)):
        if config.hidden == "skip" and column in table.survey.hidden_columns:
            continue
        cells = [row.cells[column] for row in levels if column < len(row.cells)]
        year = _year_above(above, column, table.calendar) or said
        heading = _combined(cells, table.calendar, year)
        label = " ".join(dict.fromkeys(filter(None, (" ".join(text_of(cell).split()) for cell in cells))))
        if heading is None:
            if any(read_heading(cell, table.calendar).is_time for cell in cells):
                ignored.append(column)
        elif heading.question is not None:
            raise UnansweredError(f"{table.place}: {heading.question}", field=heading.question.setting)
        elif heading.lacks_year:
            raise UnansweredError(
                f"{table.place}: the heading {label!r} does not say which year. Set `year`, or write it beside.",
                field="year",
            )
        elif heading.period is not None:
            found.append(PeriodColumn(column, heading.period, heading.role or "value", label))
    if said is not None and config.year is None and any(not YEAR_IN_TEXT.search(each.label) for each in found):
        notes.append(f"periods without a year are of {said}, as the title says")
    _refuse_days_for_years(table, found)
    found, coarse = _of_one_grain(found)
    return _settle_ends(table, found, config), notes, ignored + coarse


def _combined(cells: Sequence[Any], calendar: Calendar, year: int | None) -> Heading | None:
    """Read the headings of one column together, from the top; None if one of them is about something else."""
    period: Period | None = None
    role: str | None = None
    lacking = False
    for cell in cells:
        if not text_of(cell):
            continue
        context = int(period.start[:4]) if period is not None and period.grain is Grain.YEAR else year
        heading = read_heading(cell, calendar, context)
        if heading.question is not None:
            return heading
        if not heading.is_time and heading.role is None:
            return None
        period, role = heading.period or period, heading.role or role
        lacking = heading.lacks_year or (lacking and heading.period is None)
    if period is None and not lacking:
        return None
    return Heading(period, role, lacks_year=lacking)


def _year_above(above: Sequence[Cells], column: int, calendar: Calendar) -> int | None:
    """Find the year that stands over a column, or to the left of it with nothing between."""
    for row in reversed(above[-DEEPEST:]):
        headings = [read_heading(cell, calendar) for cell in row.cells[: column + 1]]
        years = [each.period for each in headings if each.period is not None and each.period.grain is Grain.YEAR]
        if years:
            return int(years[-1].start[:4])
    return None


def _year_said(table: Table, above: Sequence[Cells], config: SpreadsheetConfig) -> int | None:
    """Find the one year that the titles and the sheet's name speak of."""
    if config.year is not None:
        return config.year
    texts = [text_of(cell) for row in above for cell in row.cells] + [table.sheet]
    years = {int(year) for text in texts for year in YEAR_IN_TEXT.findall(text)}
    return years.pop() if len(years) == 1 else None


def _refuse_days_for_years(table: Table, found: Sequence[PeriodColumn]) -> None:
    """Ask where "Oct 24, Oct 25" can be two days or two years."""
    short = [match for each in found if (match := SHORT_YEAR.fullmatch(each.label))]
    numbers = [int(match[2]) for match in short]
    one_month = len(short) > 1 and len({match[1].lower() for match in short}) == 1
    if one_month and all(after == before + 1 for before, after in pairwise(numbers)):
        raise UnansweredError(
            f"{table.place}: the headings {short[0][0]!r} and {short[1][0]!r} can be two days or two years. "
            "Write the year with four digits.",
            field="columns",
        )


def _of_one_grain(found: Sequence[PeriodColumn]) -> tuple[list[PeriodColumn], list[int]]:
    """Keep the periods of the usual length: a quarter or year among months sums them up."""
    if not found:
        return [], []
    order = list(Grain)
    usual = Counter(each.period.grain for each in found)
    grain = max(usual, key=lambda each: (usual[each], -order.index(each)))
    kept = [each for each in found if each.period.grain is grain]
    return kept, [each.column for each in found if each.period.grain is not grain]


def _settle_ends(table: Table, found: Sequence[PeriodColumn], config: SpreadsheetConfig) -> list[PeriodColumn]:
    """Read last days as the periods they end; ask which, where more than months can be meant."""
    twice = [key for key, count in Counter((each.period, each.role) for each in found).items() if count > 1]
    if twice:
        labels = [each.label for each in found if (each.period, each.role) == twice[0]]
        raise UnansweredError(
            f"{table.place}: two columns are headed {labels[0]!r} and {labels[1]!r}. Which is meant? "
            "Rename one, for example to what it is: Actual or Target.",
            field="columns",
        )
    grain = config.grain
    if grain is None and len(found) > 1 and all(ends_month(each.period) for each in found):
        if not _month_by_month(sorted({each.period.start for each in found})):
            raise UnansweredError(
                f"{table.place}: the headings are last days of months, from {found[0].label!r} on. Of what? "
                "Set `grain` to day, month, quarter or year.",
                field="grain",
            )
        grain = Grain.MONTH
    if grain is None:
        return list(found)
    days = [each for each in found if each.period.grain is Grain.DAY]
    try:
        ended = {each.column: ending(each.period, grain) for each in days}
    except UnreadableError as error:
        raise UnansweredError(f"{table.place}: {error}", field="grain") from None
    return [replace(each, period=ended.get(each.column, each.period)) for each in found]


def _month_by_month(days: Sequence[str]) -> bool:
    firsts = [date.fromisoformat(day) + timedelta(days=1) for day in days]
    months = [first.year * 12 + first.month for first in firsts]
    return all(after == before + 1 for before, after in pairwise(months))


def _metric_column(table: Table, first_period: int, taken: set[int]) -> int:
    """Find the column of names: the one left of the periods that holds texts; asks if there are more."""
    below = list(table.below())
    holding = []
    for column in range(first_period):
        texts = [row.cells[column] for row in below if column < len(row.cells) and isinstance(row.cells[column], str)]
        if column not in taken and sum(not is_number_like(text) for text in texts) > 0:
            holding.append(column)
    if len(holding) == 1:
        return holding[0]
    named = ", ".join(f"{column_name(column)} {table.labels.get(column, '')!r}" for column in holding) or "none"
    raise UnansweredError(
        f"{table.place}: which column names the metric? Columns with texts left of the periods: {named}. "
        "Set `columns: {metric: ...}` to its name.",
        field="columns",
    )
