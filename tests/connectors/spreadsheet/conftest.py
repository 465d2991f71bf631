"""Files are parsed in this process, where a test does not ask for the real one: a process each would cost minutes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.spreadsheet.opening import Opened, Wish, refused, told
from connectors.spreadsheet.parsing import running
from connectors.spreadsheet.parsing.model import RefusedError
from connectors.spreadsheet.places import accessible


@contextmanager
def opened_here(path: Path, name: str, wish: Wish) -> Iterator[Opened]:
    """Stand in for `opening.opened`, with the same question and the same answers."""
    answers: list[dict[str, Any]] = []
    question = {"path": str(path), "name": name, "sheets": None, **vars(wish)}
    try:
        with accessible(path):
            running.serve(question, answers.append)
    except RefusedError as error:
        raise refused(name, error.reason, error.remedy) from None
    yield told(answer for answer in answers if "end" not in answer)


@pytest.fixture(autouse=True)
def parsed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.spreadsheet.source.opened", opened_here)
