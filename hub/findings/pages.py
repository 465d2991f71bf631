"""Pages of findings: the inbox, one finding with its evidence, and the installed rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import func, select

from hub.core.access import Permission
from hub.core.errors import InvalidInputError
from hub.core.instants import from_micros
from hub.core.paging import PageQuery, read_page
from hub.findings import service
from hub.findings.models import Alert, AlertStatus, Rule, TestedCases
from hub.web.panels import panels_at
from hub.web.requests import principal, requires, session, state

pages = Blueprint("findings", __name__, template_folder="templates")


@dataclass(frozen=True)
class RuleLine:
    """One rule of the list, with what its last run said."""

    installed: service.Installed
    firing: int
    statement: str | None
    asked_at: datetime | None


@pages.get("/findings")
@requires(Permission.FINDINGS_READ)
def inbox() -> str:
    """List findings, by default those that hold now."""
    status = _read_status(request.args.get("status", AlertStatus.FIRING))
    statement = service.list_visible(session(), principal(), now=state().clock())
    if status is not None:
        statement = statement.where(Alert.status == status)
    page = read_page(
        session(), statement, by=(Alert.id,), query=PageQuery(cursor=request.args.get("cursor")), newest_first=True
    )
    subjects = service.find_homes(session(), {(alert.subject_kind, alert.subject_id) for alert in page.items})
    return render_template(
        "findings/inbox.html", page=page, status=status, statuses=list(AlertStatus), subjects=subjects
    )


@pages.get("/findings/<public_id>")
@requires(Permission.FINDINGS_READ)
def finding(public_id: str) -> str:
    """Show one finding: what is seen, the rows it rests on, and what became of it."""
    alert = service.get_visible(session(), principal(), public_id, now=state().clock())
    rule = session().get_one(Rule, alert.rule_id)
    return render_template(
        "findings/finding.html",
        alert=alert,
        rule=rule,
        title=alert.evidence.get("title") or alert.subject_id,
        start=_instant(alert.evidence.get("start")),
        end=_instant(alert.evidence.get("end")),
        facts=alert.evidence.get("facts") or {},
        evidence=_by_table(alert.evidence.get("evidence") or ()),
        steps=service.list_steps(session(), alert),
        panels=panels_at("findings.finding", alert),
    )


@pages.get("/rules")
@requires(Permission.RULES_READ)
def rules() -> str:
    """List the rules in force; whoever sees the whole organisation sees the statement of each last run, too.

    A statement counts subjects and findings of every part, and those that only their owners may see yet.
    """
    told_all = principal().may_in(Permission.RULES_READ, None)
    seen = service.list_visible(session(), principal(), now=state().clock(), permission=Permission.FINDINGS_READ)
    holding = seen.where(Alert.status == AlertStatus.FIRING).subquery()
    counted = session().execute(select(holding.c.rule_id, func.count()).group_by(holding.c.rule_id))
    firing: dict[int, int] = {rule_id: count for rule_id, count in counted}  # noqa: C416  # dict() of rows does not type
    lines = []
    for installed in service.list_rules(session()):
        last = session().get(TestedCases, installed.rule.id) if told_all else None
        lines.append(
            RuleLine(
                installed,
                firing=firing.get(installed.rule.id, 0),
                statement=last.statement if last else None,
                asked_at=last.as_of if last else None,
            )
        )
    return render_template("findings/rules.html", lines=lines, told_all=told_all)


def _by_table(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[list[str], list[Mapping[str, Any]]]]:
    """Put rows of one kind together: kind -> its columns in their order, and its rows."""
    groups: dict[str, tuple[list[str], list[Mapping[str, Any]]]] = {}
    for row in rows:
        columns, found = groups.setdefault(str(row.get("table", "")), ([], []))
        columns.extend(name for name in row if name not in {"table", "series", *columns})
        found.append(row)
    return groups


def _read_status(given: str) -> AlertStatus | None:
    if given == "all":
        return None
    try:
        return AlertStatus(given)
    except ValueError:
        known = ", ".join(AlertStatus)
        raise InvalidInputError(f"status: {given!r} is none of {known}, all.") from None


def _instant(micros: Any) -> datetime | None:  # noqa: ANN401  # JSON evidence
    return from_micros(micros) if isinstance(micros, int) and micros > 0 else None
