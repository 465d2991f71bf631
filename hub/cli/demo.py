"""What `plumbline up --demo` adds: stand-ins for the tools that the sample company uses."""

from __future__ import annotations

import sys

from hub.settings import Settings
from hub.supervisor import Child, Plan, choose_port, python_options

HOST = "127.0.0.1"
JIRA_OFFSET = 10
"""The Jira stand-in listens so far above the pages; its address must stay the same from one start to the next."""
JIRA_ADDRESS = "PLUMBLINE_DEMO_JIRA"
"""Variable that names the stand-in's address in the sample's connection: its port follows that of the pages."""


def demo_environ(plan: Plan) -> dict[str, str]:
    """Let the product reach the stand-ins on this machine, and say where they are."""
    return {
        "PLUMBLINE_ALLOW_PRIVATE_HOSTS": f"{HOST},localhost",
        "PLUMBLINE_PUBLIC_URL": plan.address,
        JIRA_ADDRESS: f"http://{HOST}:{plan.port + JIRA_OFFSET}",
    }


def demo_children(settings: Settings, plan: Plan) -> list[Child]:
    """Give the processes of the stand-ins."""
    port = str(choose_port(HOST, plan.port + JIRA_OFFSET))
    state = str(settings.home.absolute() / "demo-jira.json")
    options = ["--port", port, "--state", state, "--webhook", f"{plan.address}/webhooks/jira"]
    command = [sys.executable, *python_options(), "-m", "hub.cli", "sandbox", "jira", *options]
    return [Child("Jira stand-in", command, patient=True)]
