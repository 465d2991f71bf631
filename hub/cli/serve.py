"""`python -m hub.cli.serve HOST PORT THREADS`: granian alone, so that its main process stays small.

The app, with all that it imports, is built in granian's child; this process only holds the socket and waits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from hub.core.processes import die_with_parent

STOP_SECONDS = 8
"""How long requests may go on after the server was told to stop; less than the supervisor waits."""


def main(arguments: Sequence[str]) -> None:
    """Serve until told to stop."""
    host, port, threads = arguments
    server = Server(
        "hub.app:create_app_from_environ",
        address=host,
        port=int(port),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=int(threads),
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.error,
    )
    server.serve(target_loader=partial(_load, os.getpid()), wrap_loader=False)


def _load(parent: int) -> Callable[..., Any]:
    """Build the app, in granian's own child: the wish to die with the parent is not inherited."""
    die_with_parent(parent)
    from hub.app import create_app_from_environ  # the child alone pays for it

    app: Callable[..., Any] = create_app_from_environ()
    return app


if __name__ == "__main__":
    main(sys.argv[1:])
