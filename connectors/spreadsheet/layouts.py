"""Finds the table in a sheet: long, wide, or a table of an audit workbook. What can be two things is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.opening import Cells, Opened, Survey
from connectors.spreadsheet.parsing.model import column_name
from connectors.spreadsheet.records import subjects
from connectors.spreadsheet.streams import AUDIT, OBSERVATIONS
from connectors.spreadsheet.tables import (
    NUMBERS,
    Table,
    UnansweredError,
    calendar_of,
    labels_of,
    refuse_doubles,
    roles_in,
    settle_roles,
    settle_writing,
)
from connectors.spreadsheet.wide import find_wide
from connectors.spreadsheet.words import plain

LOOKED_AT = 40
"""Rows in which the column names have to stand."""
DATES = ("period", "period_start", "period_end", "recorded_at")


class NoTableError(UnansweredError):
    """Nothing in a sheet looks like a table of numbers."""


def understand(name: str, opened: Opened, config: SpreadsheetConfig) -> tuple[list[Table], list[str]]:
    """Find the tables of a file, and say what was left out; raises UnansweredError."""
    chosen, left_out = _chosen(name, opened, config)
    named = {plain(_table_name(opened, name, survey)) for survey in chosen}
    audit = config.layout == "audit" or (config.layout == "auto" and len(named & AUDIT.keys()) > 1)
    tables: list[Table] = []
    missing: list[NoTableError] = []
    for survey in chosen:
        sheet = "" if opened.format == "csv" else survey.name
        try:
            if audit:
                tables.append(_audit_table(name, sheet, survey, _table_name(opened, name, survey), config))
            else:
                tables.append(_find_table(name, sheet, survey, config))
        except NoTableError as error:
            missing.append(error)
    if not tables:
        raise missing[0] if missing else NoTableError(f"{name} holds no table.", field="path")
    left_out += [str(error) for error in missing]
    _refuse_twins(tables, config)
    return tables, left_out


def _chosen(name: str, opened: Opened, config: SpreadsheetConfig) -> tuple[list[Survey], list[str]]:
    if opened.format == "csv":
        return list(opened.sheets), []
    if config.sheets:
        found = {survey.name: survey for survey in opened.sheets}
        if missing := [sheet for sheet in config.sheets if sheet not in found]:
            there = ", ".join(found)
            raise UnansweredError(f"{name} has no sheet {', '.join(missing)}; it has {there}.", field="sheets")
        return [found[sheet] for sheet in config.sheets], []
    hidden = [
        f"{name}, sheet {each.name}: it is hidden; name it in `sheets` to read it"
        for each in opened.sheets
        if each.hidden
    ]
    visible = [survey for survey in opened.sheets if not survey.hidden and survey.rows]
    if not visible:
        raise NoTableError(f"{name} holds no visible sheet with anything in it.", field="sheets")
    return visible, hidden


def _table_name(opened: Opened, name: str, survey: Survey) -> str:
    return name.rpartition(".")[0] or name if opened.format == "csv" else survey.name


def _find_table(name: str, sheet: str, survey: Survey, config: SpreadsheetConfig) -> Table:
    rows = _candidates(survey, config)
    place = f"{name}, sheet {sheet}" if sheet else name
    if not survey.head:
        raise NoTableError(f"{place} is empty: a row has to name the columns.", field="path")
    if config.layout in {"auto", "long"}:
        for row in rows:
            if table := _long_table(name, sheet, survey, row, config):
                return table
    if config.layout in {"auto", "wide"} and (table := find_wide(name, sheet, survey, rows, config)):
        return table
    raise _no_table(place, rows, config)


def _candidates(survey: Survey, config: SpreadsheetConfig) -> Sequence[Cells]:
    rows = [row for row in survey.head if row.broken is None]
    if config.header_row is not None:
        return [row for row in rows if row.number == config.header_row]
    return rows[:LOOKED_AT]


def _long_table(name: str, sheet: str, survey: Survey, row: Cells, config: SpreadsheetConfig) -> Table | None:
    labels = labels_of([row])
    found = roles_in(labels, config)
    has_metric = "metric" in found or config.metric is not None
    has_period = bool({"period", "period_start", "year"} & found.keys()) or config.period is not None
    if not ("value" in found and has_metric and has_period):
        return None
    table = Table(name, survey, sheet, "long", row.number, row.number, labels, {}, calendar=calendar_of(config))
    refuse_doubles(labels, table.place)
    roles = settle_roles(labels, found, table.place)
    table = Table(
        name, survey, sheet, "long", row.number, row.number, _all_named(labels, survey), roles, calendar=table.calendar
    )
    dates = [column for role, column in roles.items() if role in DATES]
    return settle_writing(table, config, dates, [column for role, column in roles.items() if role in NUMBERS])


def _all_named(labels: dict[int, str], survey: Survey) -> dict[int, str]:
    """Name also the columns that have cells and no name, so that none is lost."""
    width = max((len(row.cells) for row in survey.head), default=0) if survey.name else 0
    last = max(labels, default=-1)
    return {column: labels.get(column) or f"column {column + 1}" for column in range(min(width, last + 1))} or labels


def _audit_table(name: str, sheet: str, survey: Survey, called: str, config: SpreadsheetConfig) -> Table:
    place = f"{name}, sheet {sheet}" if sheet else name
    kind = plain(called)
    if kind not in AUDIT:
        tables = ", ".join(sorted(AUDIT))
        raise NoTableError(f"{place} is no table of an audit workbook; those are called {tables}.", field="sheets")
    if not survey.head:
        raise NoTableError(f"{place} is empty.", field="sheets")
    row = next(iter(_candidates(survey, config)), survey.head[0])
    labels = labels_of([row])
    refuse_doubles(labels, place)
    columns = AUDIT[kind].columns
    roles = {key: column for column, label in labels.items() if (key := plain(label).replace(" ", "_")) in columns}
    if missing := [column for column in AUDIT[kind].required if column not in roles]:
        named = ", ".join(labels.values()) if roles else "none that is known"
        raise UnansweredError(
            f"{place} has no column {', '.join(missing)}; its row {row.number} names: {named}.", field="layout"
        )
    table = Table(name, survey, sheet, kind, row.number, row.number, labels, roles, calendar=calendar_of(config))
    dates = [column for role, column in roles.items() if columns[role] == "date"]
    return settle_writing(table, config, dates, [column for role, column in roles.items() if columns[role] == "number"])


def _no_table(place: str, rows: Sequence[Cells], config: SpreadsheetConfig) -> NoTableError:
    """Say what is missing in the row that comes closest to naming columns."""
    best = max(rows, key=lambda row: (len(roles_in(labels_of([row]), config)), -row.number), default=None)
    if best is None:
        row = config.header_row
        said = f"there is nothing readable in row {row}" if row else "the column names are unreadable"
        return NoTableError(f"{place}: {said}. Set `header_row` to the row of the column names.", field="header_row")
    labels = labels_of([best])
    found = roles_in(labels, config).keys()
    named = ", ".join(labels.values())
    missing = [name for name in ("metric", "period", "value") if not _is_there(name, found, config)]
    question = {
        "metric": "Which column names the metric? Set `columns: {metric: ...}`, or `metric` if all rows are about one.",
        "period": "Which column names the period? Set `columns: {period: ...}`, or `period` if all rows are about one.",
        "value": "Which column holds the value? Set `columns: {value: ...}`.",
    }
    asked = (
        " ".join(question[name] for name in missing) if found else "Set `header_row`, and `columns` to what they are."
    )
    # a row without a single known name is none of ours: what it says may be anything, also a secret
    seen = f"its row {best.number} names: {named}" if found else f"row {best.number} names none that is known"
    return NoTableError(
        f"{place} has no column {', '.join(missing)}; {seen}. {asked}",
        field="columns" if missing != ["period"] else "period",
    )


def _is_there(role: str, found: Collection[str], config: SpreadsheetConfig) -> bool:
    if role == "period":
        return not {"period", "period_start", "year"}.isdisjoint(found) or config.period is not None
    return role in found or (role == "metric" and config.metric is not None)


def _refuse_twins(tables: Sequence[Table], config: SpreadsheetConfig) -> None:
    """Ask where two sheets speak of the same metric and period: they cannot both be right."""
    if config.segment == "sheet":
        return
    seen: dict[tuple[str, ...], Table] = {}
    for table in tables:
        if table.layout not in {"long", "wide", OBSERVATIONS}:
            continue
        for subject in subjects(table, config):
            other = seen.setdefault(subject, table)
            if other is not table:
                raise UnansweredError(
                    f"{table.file}: the sheets {other.sheet} and {table.sheet} both give {subject[0]} for "
                    f"{subject[1]}. "
                    "Set `segment: sheet` if each sheet is about another part of the organisation, "
                    "or name the sheets to read in `sheets`.",
                    field="segment",
                )


def describe(table: Table) -> str:
    """Say what was understood of a sheet and what was left out."""
    named = [f"{role} = {_column(table, column)}" for role, column in table.roles.items()]
    if table.periods:
        first, last = table.periods[0], table.periods[-1]
        named.append(
            f"{len(table.periods)} columns of periods, {column_name(first.column)} {first.label!r} = "
            f"{first.period.start} to {column_name(last.column)} {last.label!r} = {last.period.start}"
        )
    if own := table.own:
        named.append("kept as text: " + ", ".join(own.values()))
    rows = (
        table.first_header if table.first_header == table.last_header else f"{table.first_header}-{table.last_header}"
    )
    return f"{table.place}: {table.layout}, columns named in row {rows}; " + "; ".join([*named, *table.notes])


def _column(table: Table, column: int) -> str:
    return f"{column_name(column)} {table.labels.get(column, '')!r}"
