"""Stand-ins for the children of the supervisor: small, quick to start, and they leave traces."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HOME = Path(sys.argv[2])


class Ready(BaseHTTPRequestHandler):
    """Answers /readyz: 503 while the test says so."""

    def do_GET(self) -> None:
        """Say whether we are ready."""
        self.send_response(503 if (HOME / "not ready").exists() else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def web(port: int) -> None:
    """Be the pages."""
    (HOME / "web.pid").write_text(str(os.getpid()))
    HTTPServer(("127.0.0.1", port), Ready).serve_forever()


def worker() -> None:
    """Be a worker that has started a process of its own; at the end, look whether the queue server is still there."""
    if (HOME / "setting is wrong").exists():
        sys.exit(2)
    grandchild = subprocess.Popen(["sleep", "100"])
    (HOME / "grandchild.pid").write_text(str(grandchild.pid))
    (HOME / "worker.pid").write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, end)
    while True:
        time.sleep(0.05)


def end(*_: object) -> None:
    """End as a worker does, which needs the queue server until then."""
    with socket.socket(socket.AF_UNIX) as queue:
        queue.connect(os.environ["QUEUE"])
        queue.sendall(b"PING\r\n")
        (HOME / "queue at the end").write_bytes(queue.recv(16))
    sys.exit(0)


if __name__ == "__main__":
    web(int(sys.argv[3])) if sys.argv[1] == "web" else worker()
