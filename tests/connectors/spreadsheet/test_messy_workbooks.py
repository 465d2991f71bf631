"""Workbooks as offices make them: read as a person reads them, or asked about."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from connectors.sdk.protocol import Checkpoint, Record, Rejected
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.sink import Spreadsheet
from connectors.spreadsheet.tables import UnansweredError

Fill = Callable[[Any], None]
"""Writes into an xlsxwriter workbook, which ships no types."""


def made(path: Path, fill: Fill, **options: Any) -> Path:  # noqa: ANN401 - whatever the writer takes
    with xlsxwriter.Workbook(path, options) as book:
        fill(book)
    return path


def read(path: Path, stream: str = "rows", **config: Any) -> list[Record | Rejected]:  # noqa: ANN401 - any entry
    source = Spreadsheet(SpreadsheetConfig(path=path, **config))
    chosen = next(each for each in source.discover() if each.name == stream)
    return [item for item in source.read(chosen, None) if not isinstance(item, Checkpoint)]


def numbers(path: Path, stream: str = "rows", **config: Any) -> dict[tuple[str, str], Any]:  # noqa: ANN401 - any entry
    value = "target" if stream == "targets" else "value"
    found = {}
    for item in read(path, stream, **config):
        assert isinstance(item, Record), item
        found[str(item.data["metric"]), str(item.data["period_start"])] = item.data[value]
    return found


def notes(path: Path, **config: Any) -> str:  # noqa: ANN401 - any entry
    return "\n".join(Spreadsheet(SpreadsheetConfig(path=path, **config)).check().notes)


def asked(path: Path, field: str, **config: Any) -> str:  # noqa: ANN401 - any entry
    with pytest.raises(UnansweredError) as question:
        read(path, **config)
    assert question.value.field == field, question.value
    return str(question.value)


def put(sheet: Any, rows: list[list[Any]], first: int = 0, formats: dict[int, Any] | None = None) -> None:  # noqa: ANN401 - the writer's
    for number, row in enumerate(rows, start=first):
        for column, value in enumerate(row):
            if value is not None:
                sheet.write(number, column, value, (formats or {}).get(column))


def test_a_management_report_with_titles_merged_years_sums_and_remarks(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        sheet = book.add_worksheet("KPI Bericht")
        sheet.merge_range("A1:H1", "Vertrieb - Monatsbericht, vertraulich", book.add_format({"bold": True}))
        sheet.write("A2", "Stand: 05.03.2026")
        sheet.merge_range("A4:A5", "Kennzahl")
        sheet.merge_range("B4:B5", "Einheit")
        sheet.merge_range("C4:C5", "Verantwortlich")
        sheet.merge_range("D4:E4", 2025)
        sheet.merge_range("F4:G4", 2026)
        put(sheet, [["Nov", "Dez", "Jan", "Feb", "YTD"]], 4)
        for column, label in enumerate(("Nov", "Dez", "Jan", "Feb", "YTD"), start=3):
            sheet.write(4, column, label)
        for column in range(3):
            sheet.write_blank(4, column, None)
        put(sheet, [["Region Nord"], ["Umsatz", "EUR", "Ada", 1200.5, 1300, 1250, 1400, 2650]], 5)
        put(
            sheet,
            [["Besuche", "Stück", "Ben", 40, 44, None, 51, 51], ["Summe", None, None, 1240.5, 1344, 1250, 1451]],
            7,
        )
        put(sheet, [["Quelle: SAP, ohne Gewähr"]], 11)

    path = made(tmp_path / "bericht.xlsx", fill)
    assert numbers(path) == {
        ("Umsatz", "2025-11-01"): 1200.5,
        ("Umsatz", "2025-12-01"): 1300,
        ("Umsatz", "2026-01-01"): 1250,
        ("Umsatz", "2026-02-01"): 1400,
        ("Besuche", "2025-11-01"): 40,
        ("Besuche", "2025-12-01"): 44,
        ("Besuche", "2026-02-01"): 51,
    }
    metrics = [item.data for item in read(path, "metrics") if isinstance(item, Record)]
    assert [(each["metric"], each["unit"], each["owner"]) for each in metrics] == [
        ("Umsatz", "EUR", "Ada"),
        ("Besuche", "Stück", "Ben"),
    ]
    told = notes(path)
    assert "left out: columns H 'YTD'" in told
    assert "rows 6, 9, 12" in told


def test_plan_and_actual_under_each_month(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        sheet = book.add_worksheet()
        sheet.write("A1", "KPI")
        sheet.merge_range("B1:C1", "Jan 2026")
        sheet.merge_range("D1:E1", "Feb 2026")
        put(sheet, [[None, "Plan", "Ist", "Plan", "Ist"], ["NPS", 40, 38.5, 42, 41]], 1)

    path = made(tmp_path / "plan.xlsx", fill)
    assert numbers(path) == {("NPS", "2026-01-01"): 38.5, ("NPS", "2026-02-01"): 41}
    assert numbers(path, "targets") == {("NPS", "2026-01-01"): 40, ("NPS", "2026-02-01"): 42}


def test_quarters_and_a_year_among_the_months_are_sums(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        heading = ["Measure", "Target", "Jan 25", "Feb 25", "Mar 25", "Q1 25", "2025"]
        put(book.add_worksheet(), [heading, ["Sales", 30, 10, 11, 12, 33, 33]])

    path = made(tmp_path / "sums.xlsx", fill)
    assert list(numbers(path).values()) == [10, 11, 12]
    (target,) = read(path, "targets")
    assert isinstance(target, Record)
    assert (target.data["target"], target.data["period_start"], target.data["period_end"]) == (
        30,
        "2025-01-01",
        "2025-03-31",
    )
    assert "left out: columns F 'Q1 25', G '2025'" in notes(path)


def test_dates_as_headings_mean_what_their_format_shows(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        month, end = book.add_format({"num_format": "mmm yy"}), book.add_format({"num_format": "dd.mm.yyyy"})
        shown, ends = book.add_worksheet("Shown"), book.add_worksheet("Ends")
        shown.write_row(0, 0, ["KPI"])
        ends.write_row(0, 0, ["KPI"])
        for column, (first, last) in enumerate(
            [(date(2026, 1, 15), date(2026, 1, 31)), (date(2026, 2, 15), date(2026, 2, 28))], start=1
        ):
            shown.write_datetime(0, column, first, month)
            ends.write_datetime(0, column, last, end)
        put(shown, [["a", 1, 2]], 1)
        put(ends, [["b", 3, 4]], 1)

    path = made(tmp_path / "dates.xlsx", fill)
    wanted = {("a", "2026-01-01"): 1, ("a", "2026-02-01"): 2, ("b", "2026-01-01"): 3, ("b", "2026-02-01"): 4}
    assert numbers(path) == wanted
    assert numbers(made(tmp_path / "1904.xlsx", fill, date_1904=True)) == wanted


def test_last_days_of_quarters_are_asked_about(tmp_path: Path) -> None:
    path = made(
        tmp_path / "q.xlsx",
        lambda book: put(book.add_worksheet(), [["KPI", "31.03.2026", "30.06.2026"], ["Cash", 1, 2]]),
    )
    assert "Set `grain`" in asked(path, "grain")
    assert list(numbers(path, grain="quarter")) == [("Cash", "2026-01-01"), ("Cash", "2026-04-01")]
    assert list(numbers(path, grain="day")) == [("Cash", "2026-03-31"), ("Cash", "2026-06-30")]


def test_formats_formulas_and_errors_are_what_the_cells_show(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        sheet = book.add_worksheet()
        put(sheet, [["Metric", "Month", "Value"]])
        for row, name in enumerate(("share", "cost", "done", "open", "broken", "text"), start=1):
            sheet.write(row, 0, name)
            sheet.write(row, 1, "Okt 2025")
        sheet.write_number(1, 2, 0.07, book.add_format({"num_format": "0.0%"}))
        sheet.write_number(2, 2, 1200.5, book.add_format({"num_format": "#,##0.00 [$€-407]"}))
        sheet.write_formula(3, 2, "=40+2", None, 42)
        sheet.write_formula(4, 2, "=C2*C3", None, "")
        sheet.write_formula(5, 2, "=1/0", None, "#DIV/0!")
        sheet.write_string(6, 2, "1.234,5")

    share, cost, done, uncalculated, broken, text = read(made(tmp_path / "cells.xlsx", fill))
    for item, value, unit in ((share, 7.0, "%"), (cost, 1200.5, "€"), (done, 42, None), (text, 1234.5, None)):
        assert isinstance(item, Record)
        assert (item.data["value"], item.data.get("unit")) == (value, unit)
    assert isinstance(uncalculated, Rejected)
    assert uncalculated.place == "cells.xlsx, sheet Sheet1, row 5, column C value"
    assert "was not calculated" in uncalculated.reason
    assert "save it" in uncalculated.remedy
    assert isinstance(broken, Rejected)
    assert "#DIV/0!" in broken.reason


def test_results_that_a_program_only_promised_are_not_zero(tmp_path: Path) -> None:
    """A writer that leaves calculating to Excel stores 0 for every formula, and says that it did."""

    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        sheet = book.add_worksheet()
        put(sheet, [["Metric", "Month", "Value"], ["a", "Okt 2025"]])
        sheet.write_formula(1, 2, "=SUM(D1:D9)")

    (item,) = read(made(tmp_path / "promised.xlsx", fill))
    assert isinstance(item, Rejected)
    assert "was not calculated" in item.reason


def test_one_number_over_two_months_is_put_aside_and_a_merged_name_counts_for_its_rows(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        sheet = book.add_worksheet()
        put(sheet, [["Metric", "Month", "Value"], [None, "Jan 2026", 1], [None, "Feb 2026"], [None, "Mar 2026", 3]])
        sheet.merge_range("A2:A4", "NPS")
        sheet.merge_range("C2:C3", 1)

    first, second, third = read(made(tmp_path / "merged.xlsx", fill))
    assert isinstance(first, Record)
    assert isinstance(third, Record)
    assert (first.data["metric"], third.data["metric"]) == ("NPS", "NPS")
    assert isinstance(second, Rejected)
    assert "beginning with C2" in second.reason


def test_hidden_rows_and_columns_are_read_and_told_and_hidden_sheets_are_not(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        sheet, old = book.add_worksheet("Now"), book.add_worksheet("Old")
        put(sheet, [["KPI", "Jan 2026", "Feb 2026", "Mar 2026"], ["a", 1, 2, 3], ["b", 4, 5, 6]])
        put(old, [["KPI", "Jan 2020", "Feb 2020"], ["a", 9, 9]])
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column("C:C", None, None, {"hidden": True})
        old.hide()

    path = made(tmp_path / "hidden.xlsx", fill)
    assert list(numbers(path).values()) == [1, 2, 3, 4, 5, 6]
    assert "1 hidden rows and 1 hidden columns are read too" in notes(path)
    assert "sheet Old: it is hidden" in notes(path)
    assert list(numbers(path, hidden="skip").values()) == [1, 3]
    assert list(numbers(path, sheets=["Old"]).values()) == [9, 9]


def test_sheets_that_hold_the_same_metrics_are_asked_about(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        for place, region in enumerate(("North", "South")):
            put(book.add_worksheet(region), [["KPI", "Jan 2026", "Feb 2026"], ["Sales", place + 1, place + 3]])
        put(book.add_worksheet("Read me"), [["This workbook is kept by Ada."]])

    path = made(tmp_path / "regions.xlsx", fill)
    assert "North and South both give Sales for 2026-01-01" in asked(path, "segment")
    items = read(path, segment="sheet")
    said = [(item.data["segment"], item.data["value"]) for item in items if isinstance(item, Record)]
    assert said == [("North", 1), ("North", 3), ("South", 2), ("South", 4)]
    assert "Read me" in notes(path, segment="sheet")


@pytest.mark.parametrize(
    ("rows", "field", "question"),
    [
        ([["KPI", "Jan", "Feb"], ["a", 1, 2]], "year", "Set `year`"),
        ([["KPI", "FY25 H1", "FY25 H2"], ["a", 1, 2]], "fiscal_year", "first_month"),
        ([["KPI", "03/04/2026", "04/04/2026"], ["a", 1, 2]], "dates", "dates: dmy"),
        ([["Area", "What", "Jan 26", "Feb 26"], ["x", "a", 1, 2]], "columns", "which column names the metric"),
        ([["KPI", "Jan 26", "Jan 26"], ["a", 1, 2]], "columns", "two columns are headed"),
        ([["KPI", "Oct 24", "Oct 25", "Oct 26"], ["a", 1, 2, 3]], "columns", "two days or two years"),
        ([["Metric", "Month", "Actual", "Ist"], ["a", "Jan 26", 1, 2]], "columns", "can both be the value"),
        ([["Metric", "Value"], ["a", 1]], "period", "Which column names the period"),
        ([["Month", "Value"], ["Jan 26", 1]], "columns", "Which column names the metric"),
        ([["KPI", "Jan 26", "Feb 26"], ["a", "1.234", "5.678"]], "decimal", "decimal: comma"),
    ],
)
def test_what_a_person_would_have_to_ask_is_asked(
    tmp_path: Path, rows: list[list[Any]], field: str, question: str
) -> None:
    path = made(tmp_path / "open.xlsx", lambda book: put(book.add_worksheet(), rows))
    assert question in asked(path, field)


def test_the_year_of_a_title_counts_for_months_without_one_and_is_told(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["KPI report 2025"], [], ["KPI", "Jan", "Feb"], ["a", 1, 2]]
    path = made(tmp_path / "title.xlsx", lambda book: put(book.add_worksheet(), rows))
    assert list(numbers(path)) == [("a", "2025-01-01"), ("a", "2025-02-01")]
    assert "are of 2025, as the title says" in notes(path)


def test_a_second_table_under_the_first_is_put_aside_and_not_misread(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["KPI", "Jan 26", "Feb 26"], ["a", 1, 2], [], ["KPI", "Mar 26", "Apr 26"], ["a", 3, 4]]
    one, two, rest = read(made(tmp_path / "two.xlsx", lambda book: put(book.add_worksheet(), rows)))
    assert isinstance(one, Record)
    assert isinstance(two, Record)
    assert isinstance(rest, Rejected)
    assert "a second table begins here" in rest.reason


def test_headings_repeated_on_each_page_are_skipped_and_double_names_put_aside(tmp_path: Path) -> None:
    heading = ["KPI", "Jan 26", "Feb 26"]
    rows: list[list[Any]] = [heading, ["a", 1, 2], ["b", 3, None], heading, ["b", 4, None], ["c", 5, None]]
    items = read(made(tmp_path / "pages.xlsx", lambda book: put(book.add_worksheet(), rows)))
    assert [item.data["value"] for item in items if isinstance(item, Record)] == [1, 2, 5]
    assert ["'b'" in item.reason for item in items if isinstance(item, Rejected)] == [True, True]


def test_years_and_months_in_columns_of_their_own(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["Kennzahl", "Jahr", "Monat", "Ist"], ["a", 2026, 3, 7], ["a", 2026, "April", 8]]
    path = made(tmp_path / "split.xlsx", lambda book: put(book.add_worksheet(), rows))
    assert numbers(path) == {("a", "2026-03-01"): 7, ("a", "2026-04-01"): 8}


def test_an_audit_workbook_gives_a_stream_for_each_sheet(tmp_path: Path) -> None:
    def fill(book: Any) -> None:  # noqa: ANN401 - the writer's
        put(book.add_worksheet("metrics"), [["metric", "name", "unit", "self_reported"], ["m1", "Sales", "EUR", True]])
        put(book.add_worksheet("Observations"), [["metric", "period_start", "value"], ["m1", "2026-01-01", 5]])
        put(
            book.add_worksheet("people"), [["person", "unit", "active"], ["ada", "sales", "yes"], ["ben", "x", "maybe"]]
        )
        put(book.add_worksheet("Notes"), [["anything"]])

    path = made(tmp_path / "audit.xlsx", fill)
    assert numbers(path) == {("m1", "2026-01-01"): 5}
    (metric,) = read(path, "metrics", layout="audit")
    assert isinstance(metric, Record)
    assert (metric.data["name"], metric.data["self_reported"]) == ("Sales", True)
    ada, ben = read(path, "people", layout="audit")
    assert isinstance(ada, Record)
    assert ada.data["active"] is True
    assert isinstance(ben, Rejected)
    assert "neither true nor false" in ben.reason
    assert "Notes is no table of an audit workbook" in notes(path, layout="audit")


NAMES = "urn:oasis:names:tc:opendocument:xmlns"
SPACES = " ".join(f'xmlns:{name}="{NAMES}:{name}:1.0"' for name in ("office", "table", "text", "style"))
ODS = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content {spaces} xmlns:number="{names}:datastyle:1.0">
<office:automatic-styles><number:date-style style:name="N1"><number:month/><number:year/></number:date-style>
<style:style style:name="ce1" style:data-style-name="N1"/></office:automatic-styles>
<office:body><office:spreadsheet><table:table table:name="Blatt">
<table:table-column table:number-columns-repeated="2"/><table:table-column table:visibility="collapse"/>
<table:table-row>{heading}</table:table-row>
<table:table-row><table:table-cell office:value-type="string"><office:annotation><text:p>checked</text:p>
</office:annotation><text:p>Quote</text:p></table:table-cell>
<table:table-cell office:value-type="percentage" office:value="0.07"/>
<table:table-cell office:value-type="currency" office:currency="EUR" office:value="5"/></table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p>Offen</text:p></table:table-cell>
<table:table-cell table:formula="of:=[.B2]*2"/><table:table-cell office:value-type="float" office:value="1.5"/>
</table:table-row>
<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/>
</table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""
HEADING = (
    '<table:table-cell office:value-type="string"><text:p>Kennzahl</text:p></table:table-cell>'
    '<table:table-cell table:style-name="ce1" office:value-type="date" office:date-value="2026-01-15"/>'
    '<table:table-cell table:style-name="ce1" office:value-type="date" office:date-value="2026-02-15"/>'
)


def test_an_ods_file_reads_like_the_same_workbook(tmp_path: Path) -> None:
    path = tmp_path / "blatt.ods"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", ODS.format(heading=HEADING, spaces=SPACES, names=NAMES))
    percent, money, uncalculated, plain = read(path)
    for item, value, unit in ((percent, 7.0, "%"), (money, 5, "EUR"), (plain, 1.5, None)):
        assert isinstance(item, Record)
        assert (item.data["value"], item.data["unit"]) == (value, unit)
    assert isinstance(uncalculated, Rejected)
    assert uncalculated.place == "blatt.ods, sheet Blatt, row 3, column B 2026-01-15"
    assert "1 hidden columns" in notes(path)
