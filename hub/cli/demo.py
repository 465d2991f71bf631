"""What `plumbline up --demo` adds: stand-ins for the tools that the sample company uses, and what to try with them."""

from __future__ import annotations

import sys
from pathlib import Path

from hub.settings import Settings
from hub.supervisor import Child, Plan, choose_port, python_options

HOST = "127.0.0.1"
JIRA_OFFSET = 10
"""The Jira stand-in listens so far above the pages; its address must stay the same from one start to the next."""
JIRA_ADDRESS = "PLUMBLINE_DEMO_JIRA"
"""Variable that names the stand-in's address in the sample's connection: its port follows that of the pages."""

EMAIL, PASSWORD = "ada@sample.example", "plumb line and level"  # printed on the console, opens a sample
WELCOME = f"""
The sample company is at {{address}}
Sign in as {EMAIL} with the password: {PASSWORD}
Five things to try:
  1. Overview and Findings: three series are overdue; open one and look at its evidence.
  2. Actions: each finding has become a ticket in the Jira stand-in at {{jira}}; open it there.
  3. Close a ticket in Jira without doing anything: it comes back with the reason.
  4. Add the missing weeks to {{csv}}, close another ticket: the finding ends.
  5. Connections: stop all writing, and see what waits under Deliveries.
"""
NO_SAMPLE = "{home} was in use before, so no sample company was added: give it another PLUMBLINE_HOME."


def demo_notice(settings: Settings, plan: Plan, *, filled: bool) -> str:
    """Give what a first-time user needs to know; `filled` says whether this home holds the sample."""
    if not filled:
        return NO_SAMPLE.format(home=settings.home)
    return WELCOME.format(address=plan.address, jira=_jira_address(plan), csv=sample_csv(settings))


def sample_csv(settings: Settings) -> Path:
    """Give the place of the sample's numbers."""
    return settings.home.absolute() / "sample" / "numbers.csv"


def _jira_address(plan: Plan) -> str:
    return f"http://{HOST}:{plan.port + JIRA_OFFSET}"


def demo_environ(plan: Plan) -> dict[str, str]:
    """Let the product reach the stand-ins on this machine, and say where they are."""
    return {
        "PLUMBLINE_ALLOW_PRIVATE_HOSTS": f"{HOST},localhost",
        "PLUMBLINE_PUBLIC_URL": plan.address,
        JIRA_ADDRESS: _jira_address(plan),
    }


def demo_children(settings: Settings, plan: Plan) -> list[Child]:
    """Give the processes of the stand-ins."""
    port = str(choose_port(HOST, plan.port + JIRA_OFFSET))
    state = str(settings.home.absolute() / "demo-jira.json")
    options = ["--port", port, "--state", state, "--webhook", f"{plan.address}/webhooks/jira"]
    command = [sys.executable, *python_options(), "-m", "hub.cli", "sandbox", "jira", *options]
    return [Child("Jira stand-in", command, patient=True)]
