"""R32: whatever a file holds, it is read, rejected or refused, and never a bug."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.sdk.errors import ConnectorError
from connectors.sdk.protocol import Checkpoint
from connectors.spreadsheet.config import SpreadsheetConfig
from connectors.spreadsheet.source import SpreadsheetSource
from connectors.spreadsheet.streams import streams_of

ROWS = streams_of(SpreadsheetConfig(path=Path("any")))[0]
CORPUS = Path(__file__).parents[4] / "shared" / "data" / "hostile"
HEADER = b"metric,period_start,value,note\n"


def read_or_refuse(path: Path) -> None:
    try:
        items = list(SpreadsheetSource(SpreadsheetConfig(path=path)).read(ROWS, None))
    except ConnectorError:
        return
    assert isinstance(items[-1], Checkpoint)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of hostile files is not beside the project")
def test_no_file_of_the_corpus_is_a_bug(tmp_path: Path) -> None:
    files = [path for path in sorted(CORPUS.rglob("*")) if path.is_file() and path.stat().st_size < 2_000_000]
    assert len(files) > 100
    for number, path in enumerate(files):
        content = path.read_bytes()
        for name, whole in (("bare", content), ("under a header", HEADER + content)):
            copy = tmp_path / f"{number} {name}.csv"
            copy.write_bytes(whole)
            read_or_refuse(copy)
            copy.unlink()


@given(st.binary(max_size=200))
@example(b"\xff\xfea")
@example(b"\xfe\xff\xd8\x00")
@example(b"\x00" * 50)
@example(b'"' * 200_001)
def test_no_bytes_are_a_bug(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    for whole in (content, HEADER + content):
        path.write_bytes(whole)
        read_or_refuse(path)


@given(st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=5))
def test_every_row_comes_back_as_a_record_or_in_quarantine(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    import csv

    path = tmp_path_factory.getbasetemp() / "rows.csv"
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        csv.writer(file).writerows([["metric", "period_start", "value", "note"], *rows])
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    try:
        items = list(SpreadsheetSource(SpreadsheetConfig(path=path)).read(ROWS, None))
    except ConnectorError as error:
        refusals = ("neither UTF-8 nor Windows-1252", "it is no text")  # lone surrogates and zero bytes
        assert any(each in str(error) for each in refusals), error  # noqa: PT017 - nothing else is refused
        return
    # A cell alone in its row may be a remark.
    assert sum(cells > 1 for cells in filled) <= len(items) - 1 <= sum(cells > 0 for cells in filled)
