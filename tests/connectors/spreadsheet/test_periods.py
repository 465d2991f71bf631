import pytest

from connectors.spreadsheet.amounts import TwoReadingsError, UnreadableError
from connectors.spreadsheet.periods import Calendar, FiscalYear, NoYearError, month_names, read_period

PLAIN = Calendar()
APRIL = Calendar(fiscal=FiscalYear(4, "end"))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-03-31", "2026-03-31", None),
        ("2026-03-31T08:00:00Z", "2026-03-31T08:00:00Z", None),
        ("31.03.2026", "2026-03-31", None),
        ("1.4.26", "2026-04-01", None),
        ("31/03/2026", "2026-03-31", None),
        ("03/31/2026", "2026-03-31", None),
        ("31.12.2025 00:00", "2025-12-31", None),
        ("2026/03/31", "2026-03-31", None),
        ("20260331", "2026-03-31", None),
        ("31 March 2026", "2026-03-31", None),
        ("March 31, 2026", "2026-03-31", None),
        ("31. März 2026", "2026-03-31", None),
        ("2026-03", "2026-03-01", "2026-03-31"),
        ("202603", "2026-03-01", "2026-03-31"),
        ("03/2026", "2026-03-01", "2026-03-31"),
        ("2.2024", "2024-02-01", "2024-02-29"),
        ("Okt 2025", "2025-10-01", "2025-10-31"),
        ("Okt. 25", "2025-10-01", "2025-10-31"),
        ("Oct-25", "2025-10-01", "2025-10-31"),
        ("October 2025", "2025-10-01", "2025-10-31"),
        ("2025 Oct", "2025-10-01", "2025-10-31"),
        ("oct. 2025", "2025-10-01", "2025-10-31"),
        ("octobre 2025", "2025-10-01", "2025-10-31"),
        ("octubre de 2025", "2025-10-01", "2025-10-31"),
        ("ottobre 2025", "2025-10-01", "2025-10-31"),
        ("październik 2025", "2025-10-01", "2025-10-31"),
        ("Jan '24", "2024-01-01", "2024-01-31"),
        ("janv. 2024", "2024-01-01", "2024-01-31"),
        ("Sept 99", "1999-09-01", "1999-09-30"),
        ("2025-W07", "2025-02-10", "2025-02-16"),
        ("W07 2025", "2025-02-10", "2025-02-16"),
        ("KW 7/2025", "2025-02-10", "2025-02-16"),
        ("KW07 25", "2025-02-10", "2025-02-16"),
        ("Week 7, 2025", "2025-02-10", "2025-02-16"),
        ("2020-W53", "2020-12-28", "2021-01-03"),
        ("Q3 24", "2024-07-01", "2024-09-30"),
        ("Q3/2024", "2024-07-01", "2024-09-30"),
        ("3Q24", "2024-07-01", "2024-09-30"),
        ("2024Q3", "2024-07-01", "2024-09-30"),
        ("2024-Q3", "2024-07-01", "2024-09-30"),
        ("3. Quartal 2024", "2024-07-01", "2024-09-30"),
        ("3rd quarter of 2024", "2024-07-01", "2024-09-30"),
        ("H1 2025", "2025-01-01", "2025-06-30"),
        ("2. Halbjahr 2025", "2025-07-01", "2025-12-31"),
        ("2025", "2025-01-01", "2025-12-31"),
    ],
)
def test_periods_are_read_as_people_write_them(text: str, start: str, end: str | None) -> None:
    read = read_period(text, PLAIN)
    assert (read.start, read.end) == (start, end)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("FY25", "2024-04-01", "2025-03-31"),
        ("FY2025", "2024-04-01", "2025-03-31"),
        ("FY25 H1", "2024-04-01", "2024-09-30"),
        ("FY25 Q4", "2025-01-01", "2025-03-31"),
        ("Q1 FY26", "2025-04-01", "2025-06-30"),
        ("2024/25", "2024-04-01", "2025-03-31"),
        ("FY24/25", "2024-04-01", "2025-03-31"),
        ("GJ 2024/2025", "2024-04-01", "2025-03-31"),
    ],
)
def test_fiscal_years_begin_where_the_configuration_says(text: str, start: str, end: str) -> None:
    read = read_period(text, APRIL)
    assert (read.start, read.end) == (start, end)
    with pytest.raises(TwoReadingsError) as asked:
        read_period(text, PLAIN)
    assert asked.value.setting == "fiscal_year"


@pytest.mark.parametrize(("named_after", "start"), [("start", "2025-04-01"), ("end", "2024-04-01")])
def test_a_fiscal_year_is_named_after_its_start_or_end(named_after: str, start: str) -> None:
    fiscal = FiscalYear(4, "start" if named_after == "start" else "end")
    assert read_period("FY25", Calendar(fiscal=fiscal)).start == start


@pytest.mark.parametrize(
    ("text", "dmy", "mdy"), [("03/04/2026", "2026-04-03", "2026-03-04"), ("1-2-26", "2026-02-01", "2026-01-02")]
)
def test_day_and_month_are_not_guessed(text: str, dmy: str, mdy: str) -> None:
    with pytest.raises(TwoReadingsError) as asked:
        read_period(text, PLAIN)
    assert asked.value.setting == "dates"
    assert read_period(text, Calendar(order="dmy")).start == dmy
    assert read_period(text, Calendar(order="mdy")).start == mdy


@pytest.mark.parametrize("text", ["Okt", "Q3", "KW 7", "H1", "3. Quartal"])
def test_a_period_without_a_year_takes_the_one_that_stands_above_it(text: str) -> None:
    with pytest.raises(NoYearError, match="`year`"):
        read_period(text, PLAIN)
    assert read_period(text, PLAIN, 2025).start.startswith("2025")


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "S1 2025", "T2 2025", "Q5 2025", "2025-W54", "KW 53 2025", "31.02.2026", "29/02/1900", "2026-13",
        "45678", "1.234", "12,5", "Jan", "May 5", "Total", "2026-01-01x", "Q1 Q2 2025", "Jan Feb 2025", "13/13/2026",
        "03/25",
    ],
)  # fmt: skip
def test_what_is_no_period_is_not_made_one(text: str) -> None:
    with pytest.raises(UnreadableError):
        read_period(text, PLAIN)


def test_no_name_of_a_month_means_two_months_in_two_languages() -> None:
    """A name that did would be dropped, and months with it: then it has to be asked which language is meant."""
    names = month_names()
    assert {"january", "januar", "janvier", "enero", "gennaio", "januari", "styczeń", "leden"} <= names.keys()
    assert set(names.values()) == set(range(1, 13))
