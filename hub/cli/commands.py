"""The one table of commands: adding one is a module beside this file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """Where a command is and what it is for."""

    target: str
    """`module:attribute` of a click command or group."""
    help: str


COMMANDS: Mapping[str, Entry] = {
    "audit": Entry("hub.cli.audit:command", "Check the numbers in files: no account, no server."),
    "up": Entry("hub.cli.up:command", "Start everything on this machine: queue server, pages, workers."),
    "web": Entry("hub.cli.web:command", "Serve the pages and the API only."),
    "worker": Entry("hub.cli.worker:command", "Do work that is due only."),
    "rules": Entry("hub.cli.rules:rules", "List, check, test and run rules."),
    "apply": Entry("hub.cli.apply:command", "Bring rules (and nothing else yet) to what the files of a folder say."),
    "connections": Entry("hub.cli.connections:connections", "Plug tools in, look at them, read them."),
    "push": Entry("hub.cli.push:command", "Bring the numbers of a CSV file to a hub, without a connector."),
    "writes": Entry("hub.cli.writes:command", "Stop all writing to tools, or let it go on."),
    "connectors": Entry("hub.cli.connectors:connectors", "Which tools can be plugged in; a start for a new one."),
    "sandbox": Entry("hub.cli.sandbox:sandbox", "Stand-ins for tools, to try things out."),
    "work": Entry("hub.cli.work:command", "List work items; retry those that wait for a person."),
    "db": Entry("hub.cli.db:db", "Upgrade, back up, restore and verify the database."),
    "trail": Entry("hub.cli.trail:trail", "Verify and export the audit trail."),
    "secrets": Entry("hub.cli.secrets:secrets", "Rotate the keys that secrets are sealed with."),
    "people": Entry("hub.cli.people:people", "What is stored about a person; erase a person; make an admin."),
    "settings": Entry("hub.cli.settings:command", "Every setting: variable, default, meaning."),
    "inventory": Entry("hub.cli.inventory:command", "What every column of the database is for."),
    "doctor": Entry("hub.cli.doctor:command", "Check this installation and say what to put right."),
}
