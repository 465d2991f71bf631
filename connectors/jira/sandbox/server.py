"""The sandbox as a server: a threaded one, for tests inside a thread, for `plumbline sandbox jira` as a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from connectors.jira.sandbox.app import Sandbox, create_sandbox
from connectors.jira.sandbox.site import Site

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.01
"""How often a server in a thread looks whether it is to end."""


class _Quiet(WSGIRequestHandler):
    """Keeps no log of its own: the site remembers every request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _server(sandbox: Sandbox, port: int, host: str) -> BaseWSGIServer:
    class Dated(_Quiet):
        """Answers with the date of the site's own clock."""

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(sandbox.site.clock().timestamp() if timestamp is None else timestamp)

    server = make_server(host, port, sandbox.app, threaded=True, request_handler=Dated)
    sandbox.site.base_url = f"http://{host}:{server.port}"
    return server


@contextmanager
def running(sandbox: Sandbox, *, port: int = 0) -> Iterator[str]:
    """Serve from a thread of this process, webhooks included; gives the base address."""
    server = _server(sandbox, port, LOOPBACK)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="jira-sandbox", daemon=True)
    thread.start()
    sandbox.deliveries.start()
    try:
        yield sandbox.site.base_url
    finally:
        sandbox.deliveries.stop()
        server.shutdown()
        thread.join()
        server.server_close()


def serve(
    port: int,
    *,
    host: str = LOOPBACK,
    state: Path | None = None,
    projects: Sequence[tuple[str, str]] = (("OPS", "Operations"),),
    webhook: tuple[str, str] | None = None,
    ready: Callable[[str], object] = lambda _: None,
) -> None:
    """Serve until the process ends; `ready` is told the address once requests are taken.

    `state` keeps the site over restarts, `webhook` is (address, secret). Port 0 means any free one.
    """
    sandbox = create_sandbox(Site(projects=projects, state=state))
    server = _server(sandbox, port, host)
    if webhook is not None:
        sandbox.site.register(webhook[0], secret=webhook[1])
    sandbox.deliveries.start()
    ready(sandbox.site.base_url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:  # Ctrl-C ends it; nothing is lost, the journal is written before each reply
        pass
    finally:
        sandbox.deliveries.stop()
        server.server_close()
