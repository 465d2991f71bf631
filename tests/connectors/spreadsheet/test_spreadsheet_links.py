from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk.errors import AuthError, ConfigError
from connectors.sdk.faults import FaultyServer, answer
from connectors.sdk.protocol import Checkpoint, Cursor, Record
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.links import file_address
from connectors.spreadsheet.sample import write_workbook
from connectors.spreadsheet.sink import Spreadsheet
from connectors.spreadsheet.streams import streams_of

ROWS, *_ = streams_of(SpreadsheetConfig(path=Path("any")))
CSV = b"metric,period_start,value\nm,2026-01-01,1\n"
SECRET = "AbCdEf0123456789"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def linked(server: FaultyServer, path: str = f"/share/{SECRET}/download", **config: Any) -> Spreadsheet:  # noqa: ANN401 - any entry
    network = server.network()
    return Spreadsheet(SpreadsheetConfig.model_validate({"url": server.url + path, **config}), network)


def read(source: Spreadsheet, cursor: Cursor | None = None) -> tuple[list[Any], Cursor]:
    *items, last = source.read(ROWS, cursor)
    assert isinstance(last, Checkpoint)
    return items, last.cursor


def test_a_file_behind_a_link_is_read_and_its_link_is_never_shown(server: FaultyServer) -> None:
    """R30."""
    server.script(answer(200, CSV))
    (record,), cursor = read(linked(server))
    assert isinstance(record, Record)
    assert record.data["value"] == 1
    assert SECRET not in f"{record} {cursor}"
    server.script(answer(404, b"nothing"))
    with pytest.raises(ConfigError) as error:
        read(linked(server))
    assert SECRET not in str(error.value)
    assert SECRET not in repr(linked(server).config)


def test_an_unchanged_file_is_not_sent_again(server: FaultyServer) -> None:
    server.script(answer(200, CSV, {"ETag": '"v1"'}), answer(304))
    _, cursor = read(linked(server))
    items, again = read(linked(server), cursor)
    assert (items, again) == ([], cursor)
    assert server.received[-1].headers["if-none-match"] == '"v1"'


def test_a_server_without_versions_costs_a_transfer_and_nothing_more(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script(answer(200, CSV, {"ETag": '"v1"'}), answer(200, CSV, {"ETag": '"v2"'}))
    _, cursor = read(linked(server))
    monkeypatch.setattr("connectors.spreadsheet.source.opened", lambda *_: pytest.fail("opened"))
    items, again = read(linked(server), cursor)
    assert items == []
    assert '"v2"' in str(again)


def test_only_the_changed_rows_of_a_changed_file_are_read(server: FaultyServer) -> None:
    server.script(answer(200, CSV), answer(200, CSV + b"m,2026-02-01,2\n"))
    _, cursor = read(linked(server))
    (record,), _ = read(linked(server), cursor)
    assert record.data["value"] == 2


def test_the_streams_of_one_run_share_one_transfer(server: FaultyServer) -> None:
    server.script(answer(200, CSV))
    source = linked(server)
    for stream in source.discover():
        list(source.read(stream, None))
    list(source.keys(ROWS))
    assert len(server.received) == 1


def test_a_sign_in_page_is_told_as_a_missing_permission(server: FaultyServer) -> None:
    server.script(answer(200, b"<!DOCTYPE html><html>Sign in</html>"))
    with pytest.raises(AuthError, match="anyone who has the link"):
        read(linked(server))


def test_a_workbook_behind_a_link_is_read_and_not_written(server: FaultyServer, tmp_path: Path) -> None:
    from connectors.sdk.protocol import Change, Op, Outcome

    write_workbook(tmp_path / "a.xlsx", {"S": [["Metric", "Month", "Value", "Status"], ["a", "Jan 2026", 1, None]]})
    server.script(answer(200, (tmp_path / "a.xlsx").read_bytes()))
    source = linked(server, write_back=["Status"])
    (record,), _ = read(source)
    (receipt,) = source.write(ROWS, [Change(id="1", op=Op.UPDATE, key=record.key, fields={"status": "x"})])
    assert receipt.outcome is Outcome.NOT_APPLIED
    assert "behind a link is only read" in str(receipt.reason)


def test_a_larger_file_than_is_allowed_is_refused(server: FaultyServer) -> None:
    server.script(answer(200, CSV * 1000))
    network = server.network().with_limits(max_bytes=1000)
    source = Spreadsheet(SpreadsheetConfig.model_validate({"url": server.url + "/a.csv"}), network)
    with pytest.raises(ConfigError, match="larger than"):
        read(source)


def test_a_private_address_is_refused() -> None:
    """R27."""
    for url in (
        "https://127.0.0.1/a.csv",
        "http://example.org/a.csv",
        "file:///etc/passwd",
        "https://169.254.169.254/x",
    ):
        with pytest.raises(ConfigError):
            read(Spreadsheet(SpreadsheetConfig.model_validate({"url": url})))


@pytest.mark.parametrize(
    ("link", "address"),
    [
        (
            "https://docs.google.com/spreadsheets/d/1AbC-d_E/edit?usp=sharing#gid=12",
            "https://docs.google.com/spreadsheets/d/1AbC-d_E/export?format=xlsx",
        ),
        (
            "https://docs.google.com/spreadsheets/d/e/2PACX-1v/pubhtml",
            "https://docs.google.com/spreadsheets/d/e/2PACX-1v/pub?output=xlsx",
        ),
        (
            "https://docs.google.com/spreadsheets/d/e/2PACX-1v/pub?output=csv",
            "https://docs.google.com/spreadsheets/d/e/2PACX-1v/pub?output=csv",
        ),
        ("https://example.org/numbers.csv?sig=1", "https://example.org/numbers.csv?sig=1"),
    ],
)
def test_a_google_link_is_the_address_of_a_workbook(link: str, address: str) -> None:
    assert file_address(link) == address


@pytest.mark.parametrize("given", [{}, {"path": "/a", "url": "https://example.org/a.csv"}])
def test_either_a_path_or_a_link_is_given(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either `path` or `url`"):
        SpreadsheetConfig.model_validate(given)
