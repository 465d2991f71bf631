"""The whole product as its users run it: `plumbline up`, a Jira stand-in, and a command line, all real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from connectors.jira.sandbox import BOT, DEMO_SECRET, PERSON
from tests.workbench import ROOT, wait_until

HOST = "127.0.0.1"
READY_SECONDS = 90
CONVERGE_SECONDS = 120
PASSWORD = "correct horse battery staple"


@dataclass
class Spoken:
    """A process and what it has said so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Keep reading, so that the process never waits for us."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, pattern: str, seconds: float = READY_SECONDS) -> re.Match[str]:
        """Wait until it says something; what it said instead is in the failure."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.lines):
                found = re.search(pattern, line)
                if found:
                    return found
            if self.process.poll() is not None and not any(re.search(pattern, line) for line in self.lines):
                break
            time.sleep(0.05)
        said = "\n".join(self.lines[-40:])
        raise AssertionError(f"it never said {pattern!r}, but:\n{said}")


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def start(arguments: list[str], environ: Mapping[str, str]) -> Spoken:
    """Start a command of ours in a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hub.cli", *arguments],
        cwd=ROOT,
        env={**environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    spoken = Spoken(process)
    threading.Thread(target=spoken.listen, daemon=True).start()
    return spoken


class Deployment:
    """One organisation's Plumbline with its Jira stand-in."""

    def __init__(self, folder: Path, *, database_url: str | None = None, **environ: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://{HOST}:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PLUMBLINE_")}
        self.environ = {
            **inherited,
            "PLUMBLINE_HOME": str(folder / "home"),
            "PLUMBLINE_PORT": str(self.port),
            "PLUMBLINE_PUBLIC_URL": self.address,
            "PLUMBLINE_ALLOW_PRIVATE_HOSTS": f"{HOST},localhost",
            "PLUMBLINE_RECONCILE_SECONDS": "5",
            "PLUMBLINE_LEASE_SECONDS": "10",
            "PLUMBLINE_SETTLE_SECONDS": "10",
            **({"DATABASE_URL": database_url} if database_url else {}),
            **environ,
        }
        self.jira = self._start_jira()
        self.up: Spoken | None = None

    def _start_jira(self) -> JiraSite:
        hook = f"{self.address}/webhooks/jira"
        state = str(self.folder / "jira.json")
        spoken = start(["sandbox", "jira", "--port", "0", "--webhook", hook, "--state", state], self.environ)
        found = spoken.wait_for(r"(http://\S+)")
        return JiraSite(found[1], spoken)

    def start(self) -> str | None:
        """Start the product and wait until it is ready; give the set-up token where it asks for set-up."""
        self.up = start(["up", "--workers", "1"], self.environ)
        self.up.wait_for("Plumbline is ready")
        token = next((m[1] for line in self.up.lines if (m := re.search(r"setup\?token=(\S+)", line))), None)
        return token.rstrip(";") if token else None

    def set_up(self, token: str) -> requests.Session:
        """Go through the set-up form as the first admin does, and stay signed in."""
        browser = requests.Session()
        page = browser.get(f"{self.address}/setup", params={"token": token}, timeout=30)
        fields = {
            "csrf_token": form_token(page.text),
            "token": token,
            "organisation": "Acme",
            "name": "Ada Admin",
            "email": "ada@acme.example",
            "password": PASSWORD,
            "time_zone": "UTC",
        }
        done = browser.post(f"{self.address}/setup", data=fields, headers={"Origin": self.address}, timeout=30)
        assert done.status_code == 200, re.findall(r"(?:invalid-feedback|alert).*", done.text)
        return browser

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run a command and give what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "hub.cli", *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == expect, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def write(self, name: str, content: Mapping[str, Any] | str) -> Path:
        """Write a file of the user's: YAML from a mapping, or text as it is."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(dict(content)), encoding="utf-8")
        return path

    def jira_config(self) -> dict[str, Any]:
        """Give the configuration of a connection to the stand-in."""
        return {
            "base_url": self.jira.address,
            "auth": {"kind": "api_token", "email": BOT.email, "token": BOT.token},
            "projects": ["OPS"],
            "webhook_secret": DEMO_SECRET,
            "tickets": {"project": "OPS", "issue_type": "Task"},
        }

    def pids(self) -> dict[str, int]:
        """Give the pids of the product's processes by name."""
        path = Path(self.environ["PLUMBLINE_HOME"]) / "run" / "children.json"
        return {entry["name"]: entry["pid"] for entry in json.loads(path.read_text())}

    def stop(self) -> None:
        """End the product as Ctrl-C does; a second call does nothing."""
        if self.up is not None and self.up.process.poll() is None:
            self.up.process.send_signal(signal.SIGINT)
            self.up.process.wait(timeout=30)

    def close(self) -> None:
        """End everything."""
        self.stop()
        self.jira.spoken.process.kill()
        self.jira.spoken.process.wait()


@dataclass
class JiraSite:
    """The stand-in, and a person who works in it."""

    address: str
    spoken: Spoken

    def issues(self) -> list[dict[str, Any]]:
        """Give every issue as the site's own ledger has it: what safety is counted at."""
        found: list[dict[str, Any]] = self._ledger()["issues"]
        return found

    def _ledger(self) -> dict[str, Any]:
        reply = requests.get(f"{self.address}/__sandbox__/ledger", timeout=30)
        reply.raise_for_status()
        ledger: dict[str, Any] = reply.json()
        return ledger

    def issue(self, key: str) -> dict[str, Any]:
        """Give one issue."""
        return next(issue for issue in self.issues() if issue["key"] == key)

    def close_issue(self, key: str) -> None:
        """Close a ticket as a team member does."""
        auth = (PERSON.email, PERSON.token)
        offered = requests.get(f"{self.address}/rest/api/3/issue/{key}/transitions", auth=auth, timeout=30).json()
        closing = next(one["id"] for one in offered["transitions"] if one["to"]["statusCategory"]["key"] == "done")
        done = requests.post(
            f"{self.address}/rest/api/3/issue/{key}/transitions",
            json={"transition": {"id": closing}},
            auth=auth,
            timeout=30,
        )
        assert done.status_code == 204, done.text

    def switch(self, **switches: Any) -> None:  # noqa: ANN401  # the switches of the stand-in
        """Set switches of the stand-in."""
        requests.patch(f"{self.address}/__sandbox__/switches", json=switches, timeout=30).raise_for_status()


def form_token(page: str) -> str:
    """Read the hidden token of a form of ours."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None, page[:2000]
    return found[1]


@contextmanager
def deployed(folder: Path, *, database_url: str | None = None, **environ: str) -> Iterator[Deployment]:
    """Run a deployment for the length of a test."""
    deployment = Deployment(folder, database_url=database_url, **environ)
    try:
        yield deployment
    finally:
        deployment.close()


__all__ = ["CONVERGE_SECONDS", "Deployment", "JiraSite", "deployed", "form_token", "free_port", "wait_until"]
