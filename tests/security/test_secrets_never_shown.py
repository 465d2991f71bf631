"""Canaries in every place where secrets are configured appear nowhere else (R30, and R29 for the raw database)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from hub.settings import Settings
from tests.workbench import running_queue_server, short_folder

ROOT = Path(__file__).parents[2]
KEY = base64.b64encode(b"canary key of thirty-two bytes!!").decode()
CANARIES = {
    "password": "canary Pass/word+1 & more",
    "connection secret": "canary-Jira/token+2&é",
    "webhook secret": "canary-hook/secret+3&",
    "database address": "postgresql://plumbline:canary-db-pass-4@127.0.0.1:1/plumbline",
    "queue address": "redis://:canary-queue-pass-5@127.0.0.1:1/0",
    "key": KEY,
}
"""Place -> canary. A new place of configuration is a line here and a step of planted_site.py."""
PASSWORDS = {"database address": "canary-db-pass-4", "queue address": "canary-queue-pass-5"}
"""Of an address only the password is secret."""


@dataclass(frozen=True)
class Planted:
    """What the site left behind: secrets to look for, by place, and everything that was shown or stored."""

    secrets: dict[str, str]
    shown: dict[str, bytes]


@pytest.fixture(scope="module")
def planted() -> Planted:
    with short_folder() as folder, running_queue_server(Settings(home=folder / "home")):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PLUMBLINE_")},
            "PLUMBLINE_HOME": str(folder / "home"),
            "PLUMBLINE_SECRET_KEYS": f"canary:{KEY}",
            "PLUMBLINE_AUDIT_CHECKPOINT_PATH": str(folder / "outside"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.security.planted_site", str(folder)],
            input=json.dumps(CANARIES),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=environment,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        shown = {"log": done.stderr.encode(), "output": done.stdout.encode(), **read_all(folder)}
    made = json.loads(shown.pop("made.json"))
    return Planted({**CANARIES, **PASSWORDS, **made}, shown)


def read_all(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def forms(secret: str) -> dict[str, bytes]:
    """Give the forms in which a secret may hide: as it is, in an address, in JSON, in hex, in base64 at any offset."""
    raw = secret.encode()
    found = {
        "as it is": raw,
        "in an address": quote(secret, safe="").encode(),
        "in a form": quote_plus(secret).encode(),
        "in JSON": json.dumps(secret)[1:-1].encode(),
        "in HTML": escape(secret).encode(),
        "in hex": raw.hex().encode(),
    }
    for offset in range(3):
        # what surrounds a text changes only the first and last characters of its base64
        encoded = base64.b64encode(b"\0" * offset + raw)
        start = -(-offset * 4 // 3) + (1 if offset else 0)
        found[f"in base64 at {offset}"] = encoded[start : len(encoded) - 4]
        found[f"in base64 for addresses at {offset}"] = encoded[start : len(encoded) - 4].translate(
            bytes.maketrans(b"+/", b"-_")
        )
    return found


def hits(planted: Planted, place: str) -> list[str]:
    return [
        f"{where}: {form}"
        for form, hidden in forms(planted.secrets[place]).items()
        for where, content in planted.shown.items()
        if hidden in content
    ]


MADE = ("set-up token", "API token", "session", "key canary")
"""Secrets that the product makes by itself."""


@pytest.mark.parametrize("place", [*CANARIES, *MADE])
def test_no_secret_is_shown_anywhere(planted: Planted, place: str) -> None:
    assert hits(planted, place) == []


@pytest.mark.parametrize("name", ["zoe.canary@acme.example", "Zoe Canaryson"])
def test_no_person_is_named_in_logs_queue_or_the_lasting_part_of_the_trail(planted: Planted, name: str) -> None:
    """R48: names stay in the rows about people; logs, queue and metrics have public ids."""
    entries = [json.loads(line) for line in planted.shown["export/entries.jsonl"].splitlines()]
    lasting = json.dumps([{**entry, "value": None, "salt": None} for entry in entries]).encode()
    queue = {where: content for where, content in planted.shown.items() if "appendonly" in where or ".rdb" in where}
    assert queue
    places = {"log": planted.shown["log"], "metrics": planted.shown["shown/GET _metrics"], "trail": lasting, **queue}
    assert hits(Planted({"name": name}, places), "name") == []


def test_what_was_searched_is_what_people_and_machines_get_to_see(planted: Planted) -> None:
    """A search of nothing would find nothing: logs of crashes, pages, replies, export, backup, database and queue."""
    shown = planted.shown
    lines = [json.loads(line) for line in shown["log"].splitlines() if line.startswith(b"{")]
    assert {"request.failed", "connection.added", "sealed.wrong_key", "settings"} <= {line["event"] for line in lines}
    assert any("RuntimeError at " in str(line.get("exception")) for line in lines)
    names = set(shown)
    assert {"home/plumbline.db", "backup.db", "export/entries.jsonl", "outside/checkpoints.jsonl"} <= names
    assert {"shown/GET _crash", "shown/GET _api_v1_crash", "shown/GET _audit-trail", "shown/commands"} <= names
    assert any(b"test.fail" in content for content in shown.values())
    assert b"plb1.canary." in shown["home/plumbline.db"]
    assert len(names) > 40


@pytest.mark.parametrize("secret", [*CANARIES.values(), "plb_" + "x" * 43])
def test_the_search_finds_a_planted_leak_in_each_of_its_forms(secret: str) -> None:
    raw = secret.encode()
    leaks = {
        "as it is": raw,
        "in an address": quote(secret, safe="").encode(),
        "in a form": quote_plus(secret).encode(),
        "in JSON": json.dumps({"x": secret}).encode(),
        "in HTML": escape(secret).encode(),
        "in hex": raw.hex().encode(),
        **{f"in base64 at {n % 3}": base64.b64encode(b"x" * n + raw + b"yyyy") for n in range(6)},
        "in base64 for addresses": base64.urlsafe_b64encode(b"user:" + raw),
    }
    for name, content in leaks.items():
        found = hits(Planted({"here": secret}, {"a page": b"<p>" + content + b"</p>"}), "here")
        assert found, name
    assert hits(Planted({"here": secret}, {"a page": b"<p>nothing of it</p>"}), "here") == []
