import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.spreadsheet.amounts import Mark, TwoReadingsError, UnreadableError, read_amount
from connectors.spreadsheet.parsing.formats import date_cell, kind_of, number_cell


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0", 0, None),
        ("-12", -12, None),
        ("\N{MINUS SIGN}12", -12, None),
        ("(1.5)", -1.5, None),
        ("1.5", 1.5, None),
        (".5", 0.5, None),
        ("0,125", 0.125, None),
        ("1e3", 1000.0, None),
        ("1.5e-3", 0.0015, None),
        ("1.234,56", 1234.56, None),
        ("1,234.56", 1234.56, None),
        ("1 234,56", 1234.56, None),
        ("1\u202f234\u202f567", 1234567, None),
        ("1'234.50", 1234.5, None),
        ("1.234.567", 1234567, None),
        ("12,34,567.8", None, None),
        ("12,5 %", 12.5, "%"),
        ("12.5%", 12.5, "%"),
        ("1.234,50 €", 1234.5, "€"),
        ("€ 5", 5, "€"),
        ("$1,234.50", 1234.5, "$"),
        ("-$5", -5, "$"),
        ("CHF 1'000", 1000, "CHF"),
        ("7.5 USD", 7.5, "USD"),
    ],
)
def test_a_number_with_one_reading_is_read(text: str, value: float | None, unit: str | None) -> None:
    if value is None:
        with pytest.raises(UnreadableError):
            read_amount(text, None)
        return
    read = read_amount(text, None)
    assert read is not None
    assert (read.value, read.unit) == (value, unit)


@pytest.mark.parametrize("text", ["", "-", "\N{EN DASH}", "n/a", "N/A", "k.A.", "null"])
def test_unknown_is_not_zero(text: str) -> None:
    assert read_amount(text, None) is None


@pytest.mark.parametrize(
    ("text", "point", "comma"), [("1.234", 1.234, 1234), ("12,345", 12345, 12.345), ("-1.000", -1, -1000)]
)
def test_two_readings_are_told_and_settled_by_the_mark(text: str, point: float, comma: float) -> None:
    with pytest.raises(TwoReadingsError) as asked:
        read_amount(text, None)
    assert asked.value.setting == "decimal"
    marks: list[tuple[Mark, float]] = [("point", point), ("comma", comma)]
    for mark, value in marks:
        read = read_amount(text, mark)
        assert read is not None
        assert read.value == value


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from(["point", "comma"]))
def test_what_a_program_writes_is_read_back(value: float, mark: Mark) -> None:
    for text in (repr(value), f"{value:.2f}", f"{value:,.4f}"):
        written = text if mark == "point" else text.translate(str.maketrans(",.", ".,"))
        read = read_amount(written, mark)
        assert read is not None
        assert read.value == float(text.replace(",", ""))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", ("number", None)),
        ("0.00", ("number", None)),
        ("#,##0", ("number", None)),
        ("0%", ("percent", None)),
        ("0.0 %;[Red]-0.0 %", ("percent", None)),
        ("dd.mm.yyyy", ("date", "day")),
        ("[$-407]d. mmmm yyyy;@", ("date", "day")),
        ("mmm yy", ("date", "month")),
        ("mmm", ("date", "month")),
        ("yyyy", ("date", "year")),
        ("yyyy-mm-dd hh:mm", ("date", "day")),
        ("hh:mm", ("time", None)),
        ("mm:ss", ("time", None)),
        ("[h]:mm", ("time", None)),
        ("#,##0.00 [$€-407]", ("money", "€")),
        ('#,##0.00 "€"', ("money", "€")),
        ("[$CHF] #,##0", ("money", "CHF")),
        ('0.0 "days"', ("number", None)),
    ],
)
def test_number_formats_say_what_a_number_is(code: str, kind: tuple[str, str | None]) -> None:
    assert kind_of(code) == kind


@pytest.mark.parametrize(
    ("serial", "from_1904", "day"),
    [
        (1, False, "1900-01-01"),
        (59, False, "1900-02-28"),
        (61, False, "1900-03-01"),
        (46112, False, "2026-03-31"),
        (0, True, "1904-01-01"),
        (44650, True, "2026-03-31"),
    ],
)
def test_serial_dates_of_both_systems(serial: float, from_1904: bool, day: str) -> None:  # noqa: FBT001 - a parameter of the test
    assert date_cell(serial, "day", from_1904=from_1904) == ["date", day, "day"]


def test_a_day_that_never_was_is_an_error_and_not_another_day() -> None:
    assert date_cell(60, "day", from_1904=False)[0] == "error"
    assert date_cell(-1, "day", from_1904=False)[0] == "error"


def test_percent_has_no_noise_of_binary_fractions() -> None:
    assert number_cell("0.07", "0%", from_1904=False) == ["percent", 7.0]
    assert number_cell("0.28999999999999998", "0%", from_1904=False) == ["percent", 29.0]
