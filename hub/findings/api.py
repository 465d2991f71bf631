"""Findings and rules for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from hub.core.access import Permission
from hub.core.paging import PageQuery, read_page
from hub.findings import service
from hub.findings.models import Alert, AlertStatus
from hub.web.requests import principal, requires, session, state

api = APIBlueprint("findings_api", __name__, tag="Findings")


class FindingQuery(PageQuery):
    """Which findings to list."""

    status: AlertStatus | None = Field(default=None, description="Only findings in this status.")


class FindingOut(BaseModel):
    """A finding with its evidence."""

    id: str
    subject_kind: str
    subject_id: str
    status: AlertStatus
    severity: str
    summary: str
    evidence: dict[str, Any] = Field(description="Statistic, facts and the rows that the finding rests on.")
    occurrence: int
    opened_at: datetime
    fired_at: datetime | None
    resolved_at: datetime | None


class FindingPage(BaseModel):
    """One page of findings."""

    items: list[FindingOut]
    next_cursor: str | None


class RuleOut(BaseModel):
    """A rule in force."""

    name: str
    managed: str
    version: int
    installed_at: datetime
    rule: dict[str, Any] = Field(description="What the rule says, as in its YAML.")


class RuleList(BaseModel):
    """All rules in force."""

    items: list[RuleOut]


@api.get("/findings")
@api.input(FindingQuery, location="query", arg_name="query")
@api.output(FindingPage)
@requires(Permission.FINDINGS_READ)
def list_findings(query: FindingQuery) -> FindingPage:
    """List the findings that you may see, newest first."""
    statement = service.list_visible(session(), principal(), now=state().clock())
    if query.status is not None:
        statement = statement.where(Alert.status == query.status)
    page = read_page(session(), statement, by=(Alert.id,), query=query, newest_first=True)
    return FindingPage(items=[_show(alert) for alert in page.items], next_cursor=page.next_cursor)


@api.get("/findings/<finding_id>")
@api.output(FindingOut)
@requires(Permission.FINDINGS_READ)
def get_finding(finding_id: str) -> FindingOut:
    """Give one finding with its evidence."""
    return _show(service.get_visible(session(), principal(), finding_id, now=state().clock()))


@api.get("/rules")
@api.output(RuleList)
@requires(Permission.RULES_READ)
def list_rules() -> RuleList:
    """List the rules in force."""
    return RuleList(
        items=[
            RuleOut(
                name=one.rule.name,
                managed=one.rule.managed,
                version=one.version.number,
                installed_at=one.version.installed_at,
                rule=one.version.body,
            )
            for one in service.list_rules(session())
        ]
    )


def _show(alert: Alert) -> FindingOut:
    return FindingOut(
        id=alert.public_id,
        subject_kind=alert.subject_kind,
        subject_id=alert.subject_id,
        status=alert.status,
        severity=alert.severity,
        summary=alert.summary,
        evidence=alert.evidence,
        occurrence=alert.occurrence,
        opened_at=alert.opened_at,
        fired_at=alert.fired_at,
        resolved_at=alert.resolved_at,
    )
