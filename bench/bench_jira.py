"""How fast all issues of a Jira site become records, beside the `jira` package's own loop over the same pages.

    python bench/bench_jira.py [--issues 20000] [--bytes 4000] [--latency 0 20]

Both ask the same server, a process of its own that holds every issue as ready bytes, so that it costs both the same.
Each reader runs in a process of its own; the package's issues are turned into no records, only collected. Targets:
half the package's time at 0 and at 20 ms, 100 MiB, ceil(N / 100) + 5 requests, 3 for 100 changes afterwards.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

START = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = timedelta(minutes=7)
CHANGES = 100
LARGEST_PAGE = 100
SINCE = re.compile(r"updated >= (\d+)")


def instant(number: int) -> datetime:
    """Say when an issue was updated last."""
    return START + number * EVERY


def issue(number: int, size: int) -> bytes:
    """Write an issue of about `size` bytes as Cloud does."""
    at = f"{instant(number):%Y-%m-%dT%H:%M:%S}.000+0000"
    person = {"accountId": "5b10a2844c20165700ede21g", "displayName": "Sam Rivers", "active": True, "timeZone": "UTC"}
    fields: dict[str, Any] = {
        "summary": f"Issue {number}",
        "created": at,
        "updated": at,
        "project": {"id": "10000", "key": "OPS", "name": "Operations"},
        "issuetype": {"id": "10002", "name": "Task", "subtask": False},
        "status": {"id": "3", "name": "In Progress", "statusCategory": {"id": 4, "key": "indeterminate"}},
        "labels": ["one", "two"],
        "assignee": person,
        "reporter": person,
        **{f"customfield_{10000 + n}": None for n in range(40)},
    }
    whole = {"id": str(100_000 + number), "key": f"OPS-{number}", "self": "https://example.com", "fields": fields}
    room = max(0, size - len(json.dumps(whole)) - 120)
    text = {"type": "text", "text": "word " * (room // 5)}
    fields["description"] = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [text]}]}
    return json.dumps(whole).encode()


@dataclass
class Site:
    """The issues as bytes, oldest first."""

    issues: list[bytes]
    latency: float
    asked: int = 0

    def answer(self, path: str, body: dict[str, Any]) -> bytes:
        """Answer a call after the time that a network takes."""
        time.sleep(self.latency)
        self.asked += 1
        if path.endswith("serverInfo"):
            return b'{"deploymentType":"Cloud","version":"1001.0.0","versionNumbers":[1001,0,0],"baseUrl":"http://x"}'
        if path.endswith("/field"):
            return b"[]"
        bound = SINCE.search(body["jql"])
        start = 0
        if bound:
            since = (datetime.fromtimestamp(int(bound[1]) / 1000, UTC) - START) / EVERY
            start = max(0, math.ceil(since))
        start += int(body.get("nextPageToken") or 0)
        end = min(start + min(int(body.get("maxResults") or 50), LARGEST_PAGE), len(self.issues))
        token = int(body.get("nextPageToken") or 0) + end - start
        after = b"" if end == len(self.issues) else b'"nextPageToken":"%d",' % token
        last = b"true" if end == len(self.issues) else b"false"
        return b'{%s"isLast":%s,"issues":[%s]}' % (after, last, b",".join(self.issues[start:end]))


def serve(site: Site, pipe: Connection) -> None:
    """Serve until told to end; told a number, make so many changes and say how much was asked since."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._reply(dict(parse_qsl(urlsplit(self.path).query)))

        def _reply(self, asked: dict[str, Any]) -> None:
            answer = site.answer(self.path.partition("?")[0], asked)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(server.server_port)
    while (more := pipe.recv()) is not None:
        size = len(site.issues[0])
        site.issues += [issue(len(site.issues) + n, size) for n in range(more)]
        pipe.send(site.asked)
        site.asked = 0


def read_ours(port: int, cursor: Any, pipe: Connection) -> None:  # noqa: ANN401 - a cursor
    """Read with the connector, every field, and keep nothing but the last cursor, as the hub's reader does."""
    from connectors.jira import JiraConnector  # noqa: PLC0415 - each reader pays for its own imports
    from connectors.jira.config import JiraConfig  # noqa: PLC0415
    from connectors.sdk.network import Network  # noqa: PLC0415
    from connectors.sdk.protocol import Checkpoint, Record  # noqa: PLC0415

    auth = {"kind": "api_token", "email": "a@example.com", "token": "token"}
    config = {"base_url": f"http://127.0.0.1:{port}", "auth": auth, "projects": ["OPS"], "fields": "all"}
    jira = JiraConnector(JiraConfig.model_validate(config), Network(private_hosts=frozenset({"127.0.0.1"})))
    began, worked, records = time.perf_counter(), time.process_time(), 0
    for entry in jira.read(jira.discover()[0], cursor):
        if isinstance(entry, Record):
            entry.model_dump_json()
            records += 1
        elif isinstance(entry, Checkpoint):
            cursor = entry.cursor
    pipe.send((time.perf_counter() - began, time.process_time() - worked, records, peak(), cursor))


def read_theirs(port: int, _cursor: Any, pipe: Connection) -> None:  # noqa: ANN401 - it has none
    """Read with the package's own loop over pages."""
    from jira import JIRA  # noqa: PLC0415 - each reader pays for its own imports

    client = JIRA(server=f"http://127.0.0.1:{port}", basic_auth=("a@example.com", "token"), max_retries=0)
    began, worked = time.perf_counter(), time.process_time()
    found = client.enhanced_search_issues("project = OPS ORDER BY updated ASC", maxResults=0, fields="*all")
    pipe.send((time.perf_counter() - began, time.process_time() - worked, len(found), peak(), None))


def peak() -> float:
    """Tell the most memory that this process has used, in MiB; getrusage would tell its parent's too."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def run(read: Callable[[int, Any, Connection], None], port: int, cursor: Any = None) -> Any:  # noqa: ANN401 - a cursor
    """Run a reader in a fresh process, so that nothing of one run helps or burdens the next."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=read, args=(port, cursor, there))
    process.start()
    there.close()
    told = here.recv()
    process.join()
    return told


def main() -> None:
    """Print one line a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--issues", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=4000)
    parser.add_argument("--latency", type=float, nargs="*", default=[0, 20], help="milliseconds")
    options = parser.parse_args()
    issues = [issue(number, options.bytes) for number in range(options.issues)]
    print(f"{options.issues} issues, {sum(map(len, issues)) / len(issues):.0f} bytes each")
    for latency in options.latency:
        pipe, there = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(Site(issues, latency / 1000), there), daemon=True)
        server.start()
        port = pipe.recv()

        def asked(more: int = 0, pipe: Connection = pipe) -> int:
            pipe.send(more)
            return int(pipe.recv())

        theirs, cpu, _, memory, _ = run(read_theirs, port)
        print(
            f"{latency:3.0f} ms  jira package {theirs:6.2f} s ({cpu:.2f} s CPU)  {asked()} requests  {memory:.0f} MiB"
        )
        ours, cpu, records, memory, cursor = run(read_ours, port)
        limit = math.ceil(options.issues / LARGEST_PAGE) + 5
        told = f"{ours:6.2f} s ({cpu:.2f} s CPU)  {asked(CHANGES)} requests  {memory:.0f} MiB"
        print(f"{latency:3.0f} ms  connector    {told}")
        print(f"        at most {limit} requests and 100 MiB")
        print(f"        ratio {ours / theirs:.2f} (at most 0.50), {records} records")
        again, _, records, _, _ = run(read_ours, port, cursor)
        print(f"        {CHANGES} changes: {records} records, {again:.2f} s, {asked()} requests (at most 3)")
        pipe.send(None)
        server.join()


if __name__ == "__main__":
    main()
