"""A worker process for tests: the sample area, settings from the environment, ends on SIGTERM."""

from __future__ import annotations

import os
import signal

import structlog

from hub.core.logs import configure_logs
from hub.core.processes import die_with_parent
from hub.settings import Settings
from hub.work import AREA as WORK
from hub.worker import create_worker
from tests.hub.sample_area import AREA


class Sample:
    """A tool that a handler can borrow."""

    def __init__(self, settings: Settings) -> None:
        self._zone = settings.time_zone

    def __str__(self) -> str:
        """Say something that a handler can show."""
        return self._zone

    def close(self) -> None:
        """Leave a trace, so that a test sees that it was closed."""
        structlog.get_logger().info("the tool was closed")


if __name__ == "__main__":
    die_with_parent(os.getppid())  # no test run that is cut off leaves anything behind
    configure_logs(level="info", style="json")
    worker = create_worker(Settings(), [AREA, WORK], tools={"sample": Sample})
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()
