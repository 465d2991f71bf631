"""A small sample organisation for `plumbline up --demo`: numbers in a CSV, a Jira stand-in, one live rule.

Three of its twelve series have stopped being reported: what becomes of them is the thing to look at.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

from hub.cli.demo import EMAIL, JIRA_ADDRESS, PASSWORD, sample_csv
from hub.connections import service as connections
from hub.connections.configuration import Config, split
from hub.connections.describing import describe
from hub.connections.models import Stage
from hub.core.access import Role
from hub.core.database import Database
from hub.core.sealing import Sealer
from hub.findings.service import install_rules
from hub.people.passwords import hash_password
from hub.people.service import add_org_unit, add_person, give_role, set_password
from hub.settings import Settings
from hub.syncing.service import request_sync
from rules.loader import load_text

BY = "system:sample"
WEEKS = 60
STOPPED = {"churn rate": 9, "partner leads": 6, "forecast accuracy": 14}
"""Series that nobody reports any more -> for how many weeks."""
SERIES = (
    *("new customers", "win rate", "pipeline", "churn rate", "partner leads", "support backlog"),
    *("first reply hours", "release frequency", "incidents", "cash collected", "forecast accuracy", "hiring plan"),
)
RULE = """
rules:
  - name: overdue-number
    detector: stale
    description: A number that was due and is not there cannot be decided on.
    scope: {subject: series, when: '!subject.retired'}
    severity: warning
    stage: live
    labels: {theme: data-trust}
    actions: [{type: ticket, to: steward, due: 5bd}]
"""


def fill(database: Database, settings: Settings, *, now: datetime) -> None:
    """Fill an empty deployment with the sample."""
    password_hash = hash_password(PASSWORD)
    csv = write_numbers(sample_csv(settings), today=now.date())
    kinds = {kind: describe(kind).schema for kind in ("jira", "spreadsheet")}
    sealer = Sealer.from_settings(settings)
    with database.write() as session:
        top = add_org_unit(session, key="acme", name="Acme", by=BY)
        for key in ("sales", "support", "finance"):
            add_org_unit(session, key=key, name=key.title(), parent_id=top.id, function=key, by=BY)
        ada = add_person(session, key="ada", name="Ada Sample", email=EMAIL, org_unit_id=top.id, by=BY)
        set_password(session, ada, password_hash, by=BY, now=now)
        give_role(session, person=ada, role=Role.ADMIN, org_unit_id=None, by=BY, now=now)
        install_rules(session, load_text(RULE, "sample.yaml").rules, managed="file", by=BY, now=now)
        for key, kind, title, config in (
            ("jira", "jira", "Jira (stand-in)", jira_config()),
            ("numbers", "spreadsheet", "Weekly numbers", {"path": str(csv)}),
        ):
            plain, secrets = split(config, kinds[kind])
            draft = connections.Draft(
                key=key, kind=kind, title=title, config=plain, secrets=secrets, org_unit_id=top.id
            )
            made = connections.add_connection(session, draft, sealer=sealer, by=BY, now=now)
            if kind == "jira":
                connections.set_stage(session, made, Stage.WRITING, by=BY, now=now)
            request_sync(session, made.id, reason="sample")


def jira_config() -> Config:
    """Give the configuration of the connection to the stand-in."""
    from connectors.jira.sandbox import BOT, DEMO_SECRET

    return {
        "base_url": {"env": JIRA_ADDRESS},
        "auth": {"kind": "api_token", "email": BOT.email, "token": BOT.token},
        "projects": ["OPS"],
        "webhook_secret": DEMO_SECRET,
        "tickets": {"project": "OPS", "issue_type": "Task"},
    }


def write_numbers(path: Path, *, today: date) -> Path:
    """Write the sample's CSV, unless it is there already: weekly values up to last week."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    monday = today - timedelta(days=today.weekday())
    lines = ["metric,period_start,value"]
    for place, name in enumerate(SERIES):
        for week in range(WEEKS, STOPPED.get(name, 0), -1):
            value = 100 + 10 * place + (WEEKS - week) * (place % 4) + (week * 7 + place * 3) % 11
            lines.append(f"{name},{(monday - timedelta(weeks=week)).isoformat()},{value}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
