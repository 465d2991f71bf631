"""A supervisor for tests: a real queue server, a stand-in for the pages, one for a worker with a child of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hub.core.errors import PlumblineError
from hub.core.processes import die_with_parent
from hub.supervisor import Child, Plan, become_supervisor, choose_port, end_leftovers, python_options, take_lock
from hub.work.queue_server import prepare_embedded, socket_path

STAND_IN = Path(__file__).with_name("stand_in.py")


def main(home: Path) -> None:
    """Do what `plumbline up` does, with stand-ins."""
    folder = home / "run"
    lock = take_lock(folder)
    end_leftovers(folder)
    socket = str(socket_path(home))
    port = choose_port("127.0.0.1", 0)
    python = [sys.executable, *python_options(), str(STAND_IN)]
    children = [
        Child("worker", [*python, "worker", str(home)], {"QUEUE": socket}, patient=True),
        Child("web", [*python, "web", str(home), str(port)]),
        Child("queue server", prepare_embedded(home), queue_socket=socket),
    ]
    become_supervisor(Plan(str(folder), lock, "127.0.0.1", port, children))


if __name__ == "__main__":
    die_with_parent(os.getppid())  # no test run that is cut off leaves anything behind
    try:
        main(Path(sys.argv[1]))
    except PlumblineError as error:
        sys.exit(f"plumbline: {error}")
