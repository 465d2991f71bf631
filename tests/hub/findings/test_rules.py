"""What a rule says is kept in versions; who owns a rule decides who may change it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from hub.findings import service
from hub.findings.models import RuleVersion
from hub.findings.service.rules import ManagedElsewhereError
from rules.loader import load_text
from rules.schema import Stage
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


def stages(desk: Desk) -> dict[str, str]:
    with desk.database.read() as session:
        return {one.rule.name: one.text.stage.name for one in service.list_rules(session)}


def test_shipped_rules_start_in_shadow_and_keep_the_stage_that_they_are_given(desk: Desk) -> None:
    shipped = load_text(RULE, "pack.yaml").rules
    changed = load_text(RULE.replace("warning", "critical"), "pack.yaml").rules
    assert shipped[0].stage.name == "live"  # what its file is made for
    with desk.database.write() as session:
        service.install_packs(session, shipped, by="system:tests", now=desk.clock())
    assert stages(desk) == {"late-series": "shadow"}
    with desk.database.write() as session:
        pilot = Stage(name="pilot", org_units=("sales",))
        service.set_rule_stage(session, "late-series", pilot, by="system:tests", now=desk.clock())
        again = service.install_packs(session, shipped, by="system:tests", now=desk.clock())
        assert [change.what for change in again] == ["unchanged"]
        service.install_packs(session, changed, by="system:tests", now=desk.clock())
    assert stages(desk) == {"late-series": "pilot"}
    with desk.database.read() as session:
        assert service.get_rule(session, "late-series").text.severity == "critical"


def test_a_pilot_pushes_in_the_org_units_that_it_names_by_key(desk: Desk) -> None:
    pilot = "stage: {pilot: {org_units: [%s]}}"
    desk.install(RULE.replace("stage: live", pilot % "support"))
    desk.observe("win-rate", datetime(2026, 2, 2, tzinfo=UTC), 0.4)
    desk.ask()
    assert (len(desk.alerts()), desk.told) == (1, [])
    desk.install(RULE.replace("stage: live", pilot % "acme"))  # and everything below it
    desk.clock.advance(hours=1)
    desk.ask()
    assert [name for name, _ in desk.told] == ["alert.fired"]


def test_a_condition_names_an_org_unit_by_its_key(desk: Desk) -> None:
    for unit, count in (("support", 0), ("sales", 1)):
        scope = f"""scope: {{subject: series, when: 'subject.org_unit == "{unit}"'}}"""
        desk.install(RULE.replace("scope: {subject: series}", scope))
        desk.observe("win-rate", datetime(2026, 2, 2, tzinfo=UTC), 0.4)
        desk.ask()
        assert len(desk.alerts()) == count


def test_the_stage_of_a_rule_of_a_file_is_changed_in_the_file(desk: Desk) -> None:
    desk.install()
    with desk.database.write() as session, pytest.raises(ManagedElsewhereError, match="managed by file"):
        service.set_rule_stage(session, "late-series", Stage(name="shadow"), by="system:tests", now=desk.clock())
