"""What tests of the work engine share: an engine whose handlers a test gives, and a look at a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import pytest

from hub.core.database import Database
from hub.settings import Settings
from hub.work.context import Context
from hub.work.engine import Engine
from tests.workbench import Bench, QueueServer, running_queue_server, short_folder

Plain = Callable[[Context, dict[str, Any]], None]


class MakeEngine(Protocol):
    def __call__(self, handlers: Mapping[str, Plain] | None = None, **options: Any) -> Engine: ...  # noqa: ANN401


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def make_engine(database: Database, settings: Settings) -> MakeEngine:
    def make(handlers: Mapping[str, Plain] | None = None, **options: Any) -> Engine:  # noqa: ANN401
        return Engine(database, settings, handlers or {}, **{"chance": lambda: 0.0, **options})

    return make


@pytest.fixture
def queue_server() -> Iterator[QueueServer]:
    """Run a real queue server for one test."""
    with short_folder() as home, running_queue_server(Settings(home=home)) as server:
        yield server
