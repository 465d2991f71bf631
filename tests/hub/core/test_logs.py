"""What never reaches a log line: secrets, addresses of people, payloads, the messages of libraries (R30, R48)."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from hub.core.logs import HIDDEN, place_of, places_of, redact

CANARY = "canary-5f1c"


def written(**event: object) -> str:
    return json.dumps(redact(logging.getLogger(), "info", {"event": "happened", **event}))


@pytest.mark.parametrize(
    "event",
    [
        {"password": CANARY},
        {"api_token": CANARY},
        {"config": {"client_secret": CANARY}},
        {"configs": [{"Authorization": CANARY}]},
        {"payload": {"text": CANARY}},
        {"address": f"postgresql://ada:{CANARY}@db.example/hub"},
        {"address": f"redis://:{CANARY}@queue.example"},
        {"header": f"Bearer {CANARY}"},
        {"header": f"Basic {CANARY}=="},
        {"who": f"{CANARY}@acme.example"},
    ],
)
def test_r30_what_is_secret_or_about_people_is_taken_out(event: dict[str, object]) -> None:
    assert CANARY not in written(**event)


def test_what_is_harmless_is_kept() -> None:
    kept = written(item=7, kind="test.do", address="https://jira.example/browse/OPS-1", owner="f0d9/12/34")
    assert HIDDEN not in kept
    assert "https://jira.example/browse/OPS-1" in kept


def test_r30_a_process_logs_the_places_of_an_exception_and_never_its_message() -> None:
    script = f"""
import logging, structlog
from hub.core.logs import configure_logs
configure_logs(level="info", style="json")
try:
    int({CANARY!r})
except ValueError:
    structlog.get_logger("ours").exception("failed")
    logging.getLogger("theirs").exception("failed")
structlog.get_logger("ours").debug("not at this level")
logging.getLogger("theirs").info("token %s", "Bearer {CANARY}")
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert [line["logger"] for line in lines] == ["ours", "theirs", "theirs"]
    assert [line["exception"] for line in lines[:2]] == ["ValueError at __main__:6"] * 2
    assert CANARY not in said.stderr + said.stdout


def test_the_place_of_an_error_is_the_deepest_line_of_ours() -> None:
    from hub.core.processes import is_surely_dead

    with pytest.raises(ValueError, match="not enough values") as caught:
        is_surely_dead("nonsense")
    assert place_of(caught.value).startswith("hub.core.processes:")
    assert places_of(caught.value).startswith("ValueError at ")
