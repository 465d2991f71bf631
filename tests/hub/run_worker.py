"""A worker process for tests: the sample area, settings from the environment, ends on SIGTERM."""

from __future__ import annotations

import os
import signal

from hub.core.logs import configure_logs
from hub.core.processes import die_with_parent
from hub.settings import Settings
from hub.work import AREA as WORK
from hub.worker import create_worker
from tests.hub.sample_area import AREA

if __name__ == "__main__":
    die_with_parent(os.getppid())  # no test run that is cut off leaves anything behind
    configure_logs(level="info", style="json")
    worker = create_worker(Settings(), [AREA, WORK], tools={"sample": lambda settings: settings.time_zone})
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()
