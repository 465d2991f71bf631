import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk.errors import ConfigError, RecordError, TransientError
from connectors.sdk.faults import ManualTime
from connectors.sdk.network import Network
from connectors.sdk.protocol import Checkpoint, Cursor, Record, Rejected
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.source import SpreadsheetSource
from connectors.spreadsheet.streams import streams_of
from connectors.spreadsheet.tables import UnansweredError

ROWS = streams_of(SpreadsheetConfig(path=Path("any")))[0]
HEADER = "metric,period_start,value\n"
LONG_AGO, NOW = 1_000_000.0, 2_000_000.0

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file that was last changed long ago; each call a second later."""
    times = iter(range(1000))

    def written(content: str | bytes, name: str = "metrics.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        moment = LONG_AGO + next(times)
        os.utime(path, (moment, moment))
        return path

    return written


def source(path: Path, network: Network | None = None, **config: Any) -> SpreadsheetSource:  # noqa: ANN401 - any entry
    still = Network(timing=ManualTime(now=NOW).timing())
    return SpreadsheetSource(SpreadsheetConfig(path=path, **config), network or still)


def read(path: Path, cursor: Cursor | None = None, **config: Any) -> list[Record | Rejected]:  # noqa: ANN401 - any entry
    items = source(path, **config).read(ROWS, cursor)
    return [item for item in items if not isinstance(item, Checkpoint)]


def cursor_of(path: Path) -> Cursor:
    *_, last = source(path).read(ROWS, None)
    assert isinstance(last, Checkpoint)
    return last.cursor


def data(item: Record | Rejected) -> dict[str, Any]:
    assert isinstance(item, Record), item
    return item.data


def test_a_row_becomes_a_record_with_numbers_texts_and_its_place(write: Write) -> None:
    path = write(
        "Metric,period_start,VALUE,numerator,recorded_at,note,Team\n"
        " revenue ,2026-01-01,1250.5,7,2026-02-03T08:00:00+01:00,,north\n"
    )
    (record,) = read(path)
    assert data(record) == {
        "metric": "revenue",
        "period_start": "2026-01-01",
        "value": 1250.5,
        "numerator": 7,
        "recorded_at": "2026-02-03T08:00:00+01:00",
        "note": None,
        "team": "north",
        "segment": "",
        "org_unit": "",
        "_file": "metrics.csv",
        "_sheet": "",
        "_occurrence": 1,
    }
    assert isinstance(record, Record)
    assert record.place == "metrics.csv, row 2"
    assert record.changed_at == datetime(2026, 2, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize("recorded_at", ["2026-02-03", "2026-02-03T08:00:00", ""])
def test_a_time_without_a_zone_is_left_to_the_calendar(write: Write, recorded_at: str) -> None:
    (record,) = read(write(f"metric,period_start,value,recorded_at\nm,2026-01-01,1,{recorded_at}\n"))
    assert isinstance(record, Record)
    assert record.changed_at is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("1.5", 1.5),
        (".5", 0.5),
        ("2.", 2.0),
        ("1e3", 1000.0),
        ("", None),
        (" 7 ", 7),
    ],
)
def test_plain_numbers_are_read(write: Write, text: str, value: float | None) -> None:
    (record,) = read(write(f"{HEADER}m,2026-01-01,{text}\n"))
    assert data(record)["value"] == value


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("1,234", "`decimal: comma`"),
        ("1.234", "`decimal: point`"),
        ("1,23,4", "the number alone"),
        ("12 pieces", "the number alone"),
        ("2.5M", "the number alone"),
        ("nan", "the number alone"),
        ("Infinity", "the number alone"),
        ("0x10", "the number alone"),
        ("\uff11\uff12", "the number alone"),
        ("=1+1", "the number alone"),
        ("#DIV/0!", "the number alone"),
        ("1e999", "larger unit"),
    ],
)
def test_what_is_not_plainly_a_number_is_rejected_with_the_remedy(write: Write, text: str, remedy: str) -> None:
    rejected, record = read(write(f'{HEADER}m,2026-01-01,"{text}"\nm,2026-02-01,7\n'))
    assert data(record)["value"] == 7
    assert isinstance(rejected, Rejected)
    assert rejected.place == "metrics.csv, row 2, column value"
    assert text in rejected.reason
    assert remedy in rejected.remedy
    assert rejected.raw == ["m", "2026-01-01", text]
    assert rejected.key is not None


@pytest.mark.parametrize(
    ("column", "texts", "answer", "first"),
    [
        ("value", ("1,234", "5,678"), ("decimal", "comma"), 1.234),
        ("value", ("1.234", "5.678"), ("decimal", "comma"), 1234),
        ("period_start", ("03/04/2026", "05/06/2026"), ("dates", "mdy"), "2026-03-04"),
        ("period_start", ("03/04/2026", "05/06/2026"), ("dates", "dmy"), "2026-04-03"),
    ],
)
def test_a_question_about_every_row_is_asked_once_and_its_answer_is_a_setting(
    write: Write, column: str, texts: tuple[str, str], answer: tuple[str, str], first: float | str
) -> None:
    field, value = answer
    rows = [
        {"metric": "m", "period_start": f"2026-0{month}-01", "value": "1"} | {column: text}
        for month, text in enumerate(texts, start=1)
    ]
    path = write("metric;period_start;value\n" + "\n".join(";".join(row.values()) for row in rows))
    for act in (source(path).check, lambda: read(path)):
        with pytest.raises(UnansweredError, match=f"`{field}: {value}`") as asked:
            act()
        assert asked.value.field == field
    config: dict[str, Any] = {field: value}
    assert data(read(path, **config)[0])[column] == first


@pytest.mark.parametrize(
    ("other", "ambiguous", "value"), [("7.5", "1.234", 1.234), ("7,5", "1.234", 1234), ("1.000.000", "1,234", 1.234)]
)
def test_what_has_two_readings_is_settled_by_the_rest_of_its_column(
    write: Write, other: str, ambiguous: str, value: float
) -> None:
    first, _ = read(write(f"metric;period_start;value\nm;2026-01-01;{ambiguous}\nm;2026-02-01;{other}\n"))
    assert data(first)["value"] == value


def test_a_column_written_in_two_ways_settles_nothing(write: Write) -> None:
    one, other, open_ = read(
        write("metric;period_start;value\nm;2026-01-01;1.234,56\nm;2026-02-01;1,234.56\nm;2026-03-01;1,234\n")
    )
    assert [data(one)["value"], data(other)["value"]] == [1234.56, 1234.56]
    assert isinstance(open_, Rejected)


@pytest.mark.parametrize(("text", "value"), [("1,5", 1.5), ("1,234", 1.234), ("7", 7), ("1.234", 1234)])
def test_a_file_of_decimal_commas_is_read_when_the_config_says_so(write: Write, text: str, value: float) -> None:
    (record,) = read(write(f"metric;period_start;value\nm;2026-01-01;{text}\n"), decimal="comma")
    assert data(record)["value"] == value


def test_a_point_among_decimal_commas_is_rejected(write: Write) -> None:
    (rejected,) = read(write("metric;period_start;value\nm;2026-01-01;1.5\n"), decimal="comma")
    assert isinstance(rejected, Rejected)
    assert "`decimal: point`" in rejected.remedy


@pytest.mark.parametrize(
    "text", ["31/12/25 10:30", "2026-13-01", "2026-1-1", "2026-02-30", "29/02/1900", "45678", "2026-W01-1", "soon"]
)
def test_a_date_that_cannot_be_read_is_rejected(write: Write, text: str) -> None:
    (rejected,) = read(write(f"{HEADER}m,{text},1\n"))
    assert isinstance(rejected, Rejected)
    assert (rejected.key, rejected.place) == (None, "metrics.csv, row 2, column period_start")
    assert "2026-03-31" in rejected.remedy


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (",2026-01-01,5", "metric"),
        ("m,,5", "period_start"),
        ("m,2026-01-01,5,6", "(whole row)"),
        ('m,2026"-01-01,"5"6', "(whole row)"),
    ],
)
def test_a_row_that_is_no_observation_is_rejected_and_the_others_are_read(write: Write, line: str, column: str) -> None:
    rejected, record = read(write(f"{HEADER}{line}\nm,2026-01-01,1\n"))
    assert isinstance(rejected, Rejected)
    assert rejected.place == f"metrics.csv, row 2, column {column}"
    assert data(record)["value"] == 1


def test_sums_remarks_and_empty_rows_are_no_observations_and_are_told(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\nTotal,,1\n,Summe:,1\n,,\nSource: SAP,,\n")
    assert len(read(path)) == 1
    assert "left out as sums, headings or remarks: rows 3, 4, 6" in " ".join(source(path).check().notes)


def test_a_quote_that_is_never_closed_is_rejected_and_not_swallowed(write: Write) -> None:
    record, rejected = read(write(f'{HEADER}m,2026-01-01,1\nm,2026-02-01,"2\nm,2026-03-01,3\n'))
    assert data(record)["value"] == 1
    assert isinstance(rejected, Rejected)
    assert rejected.place.startswith("metrics.csv, row 3")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("metric,period_start,value\nZürich,2026-01-01,1\n".encode(), None),
        ("metric,period_start,value\nZürich,2026-01-01,1\n".encode("utf-8-sig"), None),
        ("metric,period_start,value\r\nZürich,2026-01-01,1\r\n".encode("utf-16"), None),
        ("metric,period_start,value\r\nZürich,2026-01-01,1\r\n".encode("cp1252"), "Windows-1252"),
    ],
    ids=["utf-8", "byte order mark", "utf-16", "cp1252"],
)
def test_encodings_are_told_apart_and_a_guess_is_said(write: Write, content: bytes, encoding: str | None) -> None:
    path = write(content)
    (record,) = read(path)
    assert data(record)["metric"] == "Zürich"
    assert ("Windows-1252" in " ".join(source(path).check().notes)) == (encoding == "Windows-1252")


def test_a_file_in_no_known_encoding_names_the_remedy(write: Write) -> None:
    with pytest.raises(ConfigError, match="Save it as CSV UTF-8"):
        read(write(b"metric,period_start,value\nm\x81,2026-01-01,1\n"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_first_row(write: Write, delimiter: str) -> None:
    lines = [["metric", "period_start", "value", '"a,b;c|d"'], ["m", "2026-01-01", "1", "x"]]
    (record,) = read(write("\r\n".join(delimiter.join(line) for line in lines)))
    assert data(record)["a,b;c|d"] == "x"


def test_quoted_cells_may_hold_delimiters_quotes_and_line_breaks(write: Write) -> None:
    path = write('metric,period_start,value,note\nm,2026-01-01,1,"a, ""b""\nc"\n\n,,,\nm,2026-02-01,2,\n')
    first, second = read(path)
    assert data(first)["note"] == 'a, "b"\nc'
    assert (first.place, second.place) == ("metrics.csv, row 2", "metrics.csv, row 6")


def test_a_changed_value_is_a_new_version_of_the_same_record(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\nm,2026-02-01,2\n")
    before, cursor = read(path), cursor_of(path)
    write(f"{HEADER}m,2026-01-01,1\nm,2026-02-01,3\n")
    (after,) = read(path, cursor)
    assert after.key == before[1].key
    assert data(after)["value"] == 3
    assert isinstance(after, Record)
    assert isinstance(before[1], Record)
    assert after.version != before[1].version


def test_rows_may_move_without_changing(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\nm,2026-02-01,2\n")
    cursor = cursor_of(path)
    write(f"{HEADER}\nm,2026-02-01,2\nn,2026-01-01,9\nm,2026-01-01,1\n")
    assert [data(item)["metric"] for item in read(path, cursor)] == ["n"]


def test_several_rows_about_one_period_are_several_records(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\nm,2026-01-01,1\n")
    items = read(path)
    assert len({item.key for item in items}) == 2
    assert [data(item)["_occurrence"] for item in items] == [1, 2]


def test_an_unreadable_value_keeps_its_place_among_the_rows_of_its_period(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,?\nm,2026-01-01,2\n")
    rejected, second = read(path)
    write(f"{HEADER}m,2026-01-01,1\nm,2026-01-01,2\n")
    assert [item.key for item in read(path)] == [rejected.key, second.key]


def test_an_unchanged_file_is_not_even_opened(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\n")
    cursor = cursor_of(path)

    def refuse(*_: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr("connectors.spreadsheet.source.opened", refuse)
    assert read(path, cursor) == []


def test_a_file_changed_a_moment_ago_is_looked_at_again(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\n")
    os.utime(path, (NOW - 1, NOW - 1))
    cursor = cursor_of(path)
    path.write_text(f"{HEADER}m,2026-01-01,2\n")
    os.utime(path, (NOW - 1, NOW - 1))
    assert [data(item)["value"] for item in read(path, cursor)] == [2]


def test_another_way_of_reading_reads_everything_again(write: Write) -> None:
    path = write("metric;period_start;value\nm;2026-01-01;1,5\n")
    cursor = cursor_of(path)
    assert read(path, cursor) == []
    assert [data(item)["value"] for item in read(path, cursor, decimal="comma")] == [1.5]


def test_a_renamed_column_reads_the_rows_again(write: Write) -> None:
    path = write("metric,period_start,value,team\nm,2026-01-01,1,x\n")
    cursor = cursor_of(path)
    write("metric,period_start,value,squad\nm,2026-01-01,1,x\n")
    assert [data(item)["squad"] for item in read(path, cursor)] == ["x"]


def test_the_census_shows_what_is_gone(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\nm,2026-02-01,2\n")
    before = set(source(path).keys(ROWS))
    write(f"{HEADER}m,2026-02-01,2\n")
    after = set(source(path).keys(ROWS))
    assert after < before
    (gone,) = source(path).fetch(ROWS, list(before - after))
    assert gone.deleted


def test_fetching_a_row_that_is_unreadable_now_says_so(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\n")
    (record,) = read(path)
    assert record.key is not None
    write(f"{HEADER}m,2026-01-01,?\n")
    with pytest.raises(RecordError, match="not plainly a number") as raised:
        list(source(path).fetch(ROWS, [record.key]))
    assert raised.value.place == "metrics.csv, row 2, column value"


# folders and paths


def test_a_folder_is_all_its_csv_files_one_checkpoint_each(write: Write, tmp_path: Path) -> None:
    write(f"{HEADER}m,2026-01-01,1\n", "b.csv")
    write(f"{HEADER}m,2026-01-01,2\n", "a.CSV")
    for ignored in (".hidden.csv", "~lock.csv", "notes.txt"):
        write("anything", ignored)
    (tmp_path / "folder.csv").mkdir()
    items = list(source(tmp_path).read(ROWS, None))
    assert [type(item).__name__ for item in items] == ["Record", "Checkpoint", "Record", "Checkpoint"]
    assert [item.data["value"] for item in items if isinstance(item, Record)] == [2, 1]


def test_reading_a_folder_goes_on_after_the_first_file(write: Write, tmp_path: Path) -> None:
    write(f"{HEADER}m,2026-01-01,1\n", "a.csv")
    write(f"{HEADER}m,2026-01-01,2\n", "b.csv")
    _, first, *_ = source(tmp_path).read(ROWS, None)
    assert isinstance(first, Checkpoint)
    assert [data(item)["value"] for item in read(tmp_path, first.cursor)] == [2]


def test_a_file_that_left_the_folder_leaves_the_cursor(write: Write, tmp_path: Path) -> None:
    write(f"{HEADER}m,2026-01-01,1\n", "a.csv")
    gone = write(f"{HEADER}m,2026-01-01,2\n", "b.csv")
    cursor = cursor_of(tmp_path)
    gone.unlink()
    *_, last = source(tmp_path).read(ROWS, cursor)
    assert isinstance(last, Checkpoint)
    assert isinstance(last.cursor["files"], dict)
    assert list(last.cursor["files"]) == ["a.csv"]


def test_a_link_out_of_the_folder_is_not_followed(write: Write, tmp_path: Path) -> None:
    """R32: no files outside."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "out.csv").symlink_to(write(f"{HEADER}secret,2026-01-01,1\n"))
    with pytest.raises(ConfigError, match="holds no spreadsheet"):
        read(folder)


@pytest.mark.parametrize("way", ["plain", "dots", "link"])
def test_only_the_allowed_folders_are_read(write: Write, tmp_path: Path, way: str) -> None:
    """R32: no files outside."""
    outside = write(f"{HEADER}secret,2026-01-01,1\n")
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    path = {"plain": outside, "dots": allowed / ".." / "metrics.csv", "link": allowed / "link.csv"}[way]
    if way == "link":
        path.symlink_to(outside)
    network = replace(Network(), file_roots=(allowed,))
    with pytest.raises(ConfigError, match="PLUMBLINE_FILE_ROOTS"):
        list(source(path, network).read(ROWS, None))


def test_an_allowed_folder_is_read(write: Write, tmp_path: Path) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\n")
    network = Network.from_environ({"PLUMBLINE_FILE_ROOTS": os.pathsep.join(["/elsewhere", str(tmp_path)])})
    assert len(list(source(path, network).read(ROWS, None))) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("metric,value\n", "has no column period; its row 1 names: metric, value. Which column names the period"),
        ("metric,period_start,value,Value\n", "more than one column value"),
        ('metric,"period_start,value\n', "column names are unreadable"),
    ],
)
def test_a_file_without_the_columns_says_which(write: Write, content: str, said: str) -> None:
    path = write(content)
    for act in (source(path).check, lambda: read(path)):
        with pytest.raises(ConfigError, match=said):
            act()


def test_a_file_that_is_no_table_is_not_read_out_in_the_error(tmp_path: Path) -> None:
    for name, said in (("secret.keys", "is no spreadsheet by its name"), ("secret.txt", "names none that is known")):
        path = tmp_path / name
        path.write_text("k1:c2VjcmV0LWtleQ==\nk2:b3RoZXI=\n", encoding="utf-8")
        for act in (source(path).check, lambda path=path: read(path)):
            with pytest.raises(ConfigError, match=said) as refused:
                act()
            assert "c2Vj" not in str(refused.value)


@pytest.mark.parametrize("name", ["missing.csv", "missing"])
def test_a_missing_file_is_an_error_and_not_the_deletion_of_everything(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"There is no .*missing"):
        list(source(tmp_path / name).keys(ROWS))


def test_an_empty_folder_is_an_error_and_not_the_deletion_of_everything(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is the share mounted"):
        list(source(tmp_path).keys(ROWS))


def test_a_file_that_changes_while_it_is_read_is_read_again_later(write: Write) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\nm,2026-02-01,2\n")
    reading = source(path).read(ROWS, None)
    next(reading)
    write(f"{HEADER}m,2026-01-01,1\nm,2026-02-01,2\nm,2026-03-01,3\n")
    with pytest.raises(TransientError, match="was changed while it was read"):
        list(reading)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(PermissionError(13, "Permission denied"), ConfigError), (OSError(5, "I/O error"), TransientError)],
)
def test_a_file_that_cannot_be_opened_is_a_decision(
    write: Write, monkeypatch: pytest.MonkeyPatch, error: OSError, expected: type[Exception]
) -> None:
    path = write(f"{HEADER}m,2026-01-01,1\n")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(expected):
        read(path)
