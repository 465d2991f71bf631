"""Which connectors there are: ours are listed, others come by entry point; all pass one gate (`Entry.admit`)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Any

from connectors.sdk.child import ProcessLimits
from connectors.sdk.entry import Entry
from connectors.sdk.errors import BrokenConnectorError, ConfigError
from connectors.sdk.process import ConnectorProcess
from connectors.sdk.protocol import Connector

GROUP = "plumbline.connectors"
SAMPLES = "plumbline.connectors.samples"
"""Entry points of the same names that give what the contract tests need; see `connectors.sdk.testing`."""
OURS = "plumbline-hub"

BUILT_IN = {
    "jira": "connectors.jira.connector:JiraConnector",
    "spreadsheet": "connectors.spreadsheet.sink:Spreadsheet",
}
BUILT_IN_SAMPLES = {
    "jira": "connectors.jira.sandbox.sample:sample",
    "spreadsheet": "connectors.spreadsheet.sample:sample",
}


class UnknownKindError(ConfigError):
    """No installed connector has this name."""

    def __init__(self, kind: str, known: list[str]) -> None:
        super().__init__(f"No connector {kind!r} is installed. Installed: {', '.join(known)}.", field="kind")


class KindClashError(BrokenConnectorError):
    """Two distributions offer a connector of one name; nobody may guess which is meant."""

    def __init__(self, one: Entry, other: Entry) -> None:
        super().__init__(
            f"Both {one.distribution} {one.version} and {other.distribution} {other.version} bring a connector "
            f"{one.kind!r}: uninstall one of them."
        )


def kinds() -> list[Entry]:
    """List all connectors by name, with the distribution each comes from; imports none of them."""
    found: dict[str, Entry] = {}
    for entry in _installed():
        if entry.kind in found:
            raise KindClashError(found[entry.kind], entry)
        found[entry.kind] = entry
    return [found[kind] for kind in sorted(found)]


def find(kind: str) -> Entry:
    """Find a connector by name, without importing it."""
    known = {entry.kind: entry for entry in kinds()}
    if kind not in known:
        raise UnknownKindError(kind, list(known))
    return known[kind]


def load(kind: str) -> type[Connector[Any]]:
    """Import a connector's class through the gate. This runs its code here: to use it, see `connect`."""
    return find(kind).load()


def connect(kind: str, config_json: str, limits: ProcessLimits | None = None) -> ConnectorProcess:
    """Return a connector that runs in a process of its own, with its own secrets only; not started yet."""
    return ConnectorProcess(find(kind), config_json, limits)


def sample_target(kind: str) -> str | None:
    """Find where a connector's distribution keeps the sample for its contract tests; None if it brings none."""
    theirs = (point.value for point in entry_points(group=SAMPLES, name=kind))
    return BUILT_IN_SAMPLES.get(kind) or next(theirs, None)


def table() -> str:
    """Write the connectors as the table that README.md shows; imports them all."""
    rows = ["| kind | tool | can do | what it does |", "|---|---|---|---|"]
    for entry in kinds():
        loaded = entry.load()
        able = ", ".join(sorted(loaded.capabilities()))
        rows.append(f"| `{entry.kind}` | {loaded.spec.title} | {able} | {loaded.spec.summary} |")
    return "\n".join(rows)


def _installed() -> Iterator[Entry]:
    for kind, target in BUILT_IN.items():
        yield Entry(kind, target, OURS, _our_version())
    for point in entry_points(group=GROUP):
        origin = point.dist
        yield Entry(point.name, point.value, origin.name if origin else "?", origin.version if origin else "?")


def _our_version() -> str:
    try:
        return version(OURS)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
