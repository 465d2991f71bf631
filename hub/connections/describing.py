"""What a kind of connector says of itself, asked in a process of its own: no other's code runs in ours.

python -m hub.connections.describing KIND
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from connectors import registry
from connectors.sdk.errors import BrokenConnectorError, ConfigError, ConnectorError

SECONDS = 60


@dataclass(frozen=True)
class Description:
    """A kind of connector."""

    kind: str
    title: str
    summary: str
    capabilities: tuple[str, ...]
    schema: dict[str, Any]
    """JSON Schema of its configuration; secrets are `writeOnly`."""


def describe(kind: str) -> Description:
    """Ask a kind of connector what it is; raises ConfigError or BrokenConnectorError."""
    registry.find(kind)  # an unknown name is told at once, with the names there are
    command = (sys.executable, "-P", "-m", "hub.connections.describing", kind)
    passed = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    passed["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        done = subprocess.run(  # noqa: S603  # our own module; the name is one of the registry's
            command, env=passed, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise BrokenConnectorError(f"Connector {kind!r} does not say what it is: {error}") from None
    if "error" in answer:
        raise ConfigError(answer["error"])
    return Description(**{**answer, "capabilities": tuple(answer["capabilities"])})


@cache
def describe_once(kind: str) -> Description:
    """Ask a kind what it is, the first time: what is installed changes with a restart. Raises as `describe` does."""
    return describe(kind)


def main() -> None:
    """Print the description of a kind as JSON."""
    kind = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a connector prints while it is imported is no answer
    try:
        connector = registry.load(kind)
        said: dict[str, Any] = asdict(
            Description(
                kind=kind,
                title=connector.spec.title,
                summary=connector.spec.summary,
                capabilities=tuple(sorted(connector.capabilities())),
                schema=connector.config_model.model_json_schema(),
            )
        )
    except ConnectorError as error:
        said = {"error": str(error)}
    answers.write(json.dumps(said))
    answers.close()


if __name__ == "__main__":
    main()
