"""A stand-in for a Jira site: stateful, with faults, checked against Atlassian's own contract by the tests.

>>> from connectors.jira.sandbox import create_sandbox, running
>>> sandbox = create_sandbox()
>>> with running(sandbox) as base_url:
...     config = demo_config(sandbox.site)

`serve(port)` runs it as a process. Nothing here is imported by the connector.
"""

from __future__ import annotations

from connectors.jira.sandbox.app import FAULT_HEADER, Sandbox, create_sandbox
from connectors.jira.sandbox.control import ledger
from connectors.jira.sandbox.deliveries import Deliveries
from connectors.jira.sandbox.faults import Fault, Kind
from connectors.jira.sandbox.model import BOT, PERSON
from connectors.jira.sandbox.server import running, serve
from connectors.jira.sandbox.site import Site

__all__ = [
    "BOT",
    "FAULT_HEADER",
    "PERSON",
    "Deliveries",
    "Fault",
    "Kind",
    "Sandbox",
    "Site",
    "create_sandbox",
    "demo_config",
    "ledger",
    "running",
    "serve",
]

DEMO_SECRET = "sandbox-webhook-secret"  # noqa: S105 - opens nothing but this sandbox


def demo_config(site: Site) -> dict[str, object]:
    """Write the connection that fits a site, as it would stand in a YAML file."""
    return {
        "base_url": site.base_url,
        "auth": {"kind": "api_token", "email": site.accounts[0].email, "token": site.accounts[0].token}
        if site.deployment == "cloud"
        else {"kind": "pat", "token": site.accounts[0].token},
        "projects": [project.key for project in site.projects],
        "webhook_secret": DEMO_SECRET,
        "tickets": {"project": site.projects[0].key, "issue_type": "Task"},
    }
