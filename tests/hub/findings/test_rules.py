"""What a rule says is kept in versions; who owns a rule decides who may change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from hub.findings import service
from hub.findings.models import RuleVersion
from hub.findings.service.rules import ManagedElsewhereError
from rules.loader import load_text
from tests.hub.desk import RULE

if TYPE_CHECKING:
    from tests.hub.desk import Desk


def test_the_same_text_makes_no_new_version(desk: Desk) -> None:
    desk.install()
    desk.install()
    with desk.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RuleVersion)) == 1


def test_a_changed_text_makes_the_next_version_and_keeps_the_first(desk: Desk) -> None:
    desk.install()
    desk.install(RULE.replace("warning", "critical"))
    with desk.database.read() as session:
        numbers = session.scalars(select(RuleVersion.number).order_by(RuleVersion.number)).all()
        assert numbers == [1, 2]
        assert service.get_rule(session, "late-series").text.severity == "critical"


def test_another_owner_may_not_change_it(desk: Desk) -> None:
    desk.install()
    rules = load_text(RULE, "rules.yaml").rules
    with desk.database.write() as session, pytest.raises(ManagedElsewhereError, match="late-series"):
        service.install_rules(session, rules, managed="form", by="system:tests", now=desk.clock())


def test_a_retired_rule_is_out_of_force_and_can_come_back(desk: Desk) -> None:
    desk.install()
    with desk.database.write() as session:
        service.retire_rules(session, ["late-series"], managed="file", by="system:tests", now=desk.clock())
        assert service.list_rules(session) == []
    desk.install()
    with desk.database.read() as session:
        assert [one.rule.name for one in service.list_rules(session)] == ["late-series"]


def test_a_plan_says_what_would_change_and_changes_nothing(desk: Desk) -> None:
    rules = load_text(RULE, "rules.yaml").rules
    with desk.database.write() as session:
        assert [change.what for change in service.plan_rules(session, rules, managed="file")] == ["new"]
        assert service.list_rules(session) == []
