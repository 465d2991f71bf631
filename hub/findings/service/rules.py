"""Install rules: what a rule says is kept in versions that never change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.audit.service import Actor, record
from hub.core.errors import ConflictError, NotFoundError
from hub.core.ids import new_public_id
from hub.findings.models import Rule, RuleVersion
from rules.schema import Rule as RuleText
from rules.schema import Stage

PACK = "pack"
"""What we ship manages its rules."""
FIRST_STAGE = Stage(name="shadow")
"""A shipped rule finds from the first day, and pushes nothing before an admin has looked at what it finds."""


class ManagedElsewhereError(ConflictError):
    """A rule is owned by another place (pack, file, form) than the one that tries to change it."""

    slug, status, title = "rule-managed-elsewhere", 409, "This rule is managed elsewhere"


@dataclass(frozen=True)
class Installed:
    """A rule that is in force: its row, its current version, and what it says."""

    rule: Rule
    version: RuleVersion
    text: RuleText


@dataclass(frozen=True)
class Change:
    """What installing would do, or did, to one rule."""

    name: str
    what: str
    """`new`, `changed`, `unchanged` or `retired`."""


def install_rules(
    session: Session, texts: Iterable[RuleText], *, managed: str, by: Actor | str, now: datetime
) -> list[Change]:
    """Bring the installed rules to these texts; an unchanged text makes no new version. Rules not named stay."""
    return [_install(session, text, managed, by, now) for text in texts]


def install_packs(session: Session, texts: Iterable[RuleText], *, by: Actor | str, now: datetime) -> list[Change]:
    """Bring the shipped rules to these texts: a new one in shadow, a known one in the stage that it was given here."""
    stages = {one.rule.name: one.text.stage for one in list_rules(session) if one.rule.managed == PACK}
    staged = [text.model_copy(update={"stage": stages.get(text.name, FIRST_STAGE)}) for text in texts]
    return install_rules(session, staged, managed=PACK, by=by, now=now)


def set_rule_stage(session: Session, name: str, stage: Stage, *, by: Actor | str, now: datetime) -> Change:
    """Let a shipped rule loose, or take it back; what a file or a form manages says its stage there."""
    text = get_rule(session, name).text.model_copy(update={"stage": stage})
    return _install(session, text, PACK, by, now)


def plan_rules(session: Session, texts: Iterable[RuleText], *, managed: str) -> list[Change]:
    """Say what `install_rules` would do, without doing it."""
    found: list[Change] = []
    for text in texts:
        rule = _find(session, text.name)
        _refuse_foreign(rule, managed)
        found.append(Change(text.name, _compare(session, rule, _digest(text))))
    return found


def retire_rules(
    session: Session, names: Iterable[str], *, managed: str, by: Actor | str, now: datetime
) -> list[Change]:
    """Take rules out of force; their findings and names stay."""
    retired: list[Change] = []
    for name in names:
        rule = _find(session, name)
        if rule is None or rule.retired_at is not None:
            continue
        _refuse_foreign(rule, managed)
        rule.retired_at = now
        record(session, action="rule.retired", subject=("rule", rule.public_id), by=by, detail={"rule": name}, now=now)
        retired.append(Change(name, "retired"))
    return retired


def list_rules(session: Session) -> list[Installed]:
    """List the rules in force by name, each with its current version."""
    rows: Sequence[tuple[Rule, RuleVersion]] = [
        (rule, version)
        for rule, version in session.execute(
            select(Rule, RuleVersion)
            .join(RuleVersion, RuleVersion.id == Rule.current_version_id)
            .where(Rule.retired_at.is_(None))
            .order_by(Rule.name)
        )
    ]
    return [Installed(rule, version, RuleText.model_validate(version.body)) for rule, version in rows]


def get_rule(session: Session, name: str) -> Installed:
    """Give one rule in force by its name."""
    for installed in list_rules(session):
        if installed.rule.name == name:
            return installed
    raise NotFoundError(f"There is no rule named {name!r}: `plumbline rules list` shows the names.")


def _install(session: Session, text: RuleText, managed: str, by: Actor | str, now: datetime) -> Change:
    rule = _find(session, text.name)
    _refuse_foreign(rule, managed)
    digest = _digest(text)
    what = _compare(session, rule, digest)
    if what == "unchanged":
        return Change(text.name, what)
    if rule is None:
        rule = Rule(public_id=new_public_id("rul"), name=text.name, managed=managed)
        session.add(rule)
        session.flush()
    newest = session.scalar(select(func.max(RuleVersion.number)).where(RuleVersion.rule_id == rule.id)) or 0
    version = RuleVersion(
        rule_id=rule.id,
        number=newest + 1,
        body=text.model_dump(mode="json", by_alias=True),
        digest=digest,
        installed_at=now,
        installed_by=by if isinstance(by, str) else by.audit_name,
    )
    session.add(version)
    session.flush()
    rule.current_version_id, rule.retired_at = version.id, None
    record(
        session,
        action="rule.installed",
        subject=("rule", rule.public_id),
        by=by,
        detail={"rule": text.name, "version": version.number, "stage": version.body["stage"], "digest": digest},
        now=now,
    )
    return Change(text.name, what)


def _find(session: Session, name: str) -> Rule | None:
    return session.scalar(select(Rule).where(Rule.name == name))


def _refuse_foreign(rule: Rule | None, managed: str) -> None:
    if rule is not None and rule.managed != managed:
        raise ManagedElsewhereError(
            f"The rule {rule.name!r} is managed by {rule.managed}, not by {managed}: "
            "change it there, or give yours a new name."
        )


def _compare(session: Session, rule: Rule | None, digest: str) -> str:
    if rule is None or rule.current_version_id is None:
        return "new"
    current = session.get_one(RuleVersion, rule.current_version_id)
    return "unchanged" if current.digest == digest and rule.retired_at is None else "changed"


def _digest(text: RuleText) -> str:
    body = orjson.dumps(text.model_dump(mode="json", by_alias=True), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).hexdigest()
