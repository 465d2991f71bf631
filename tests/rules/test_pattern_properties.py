"""What never changes a finding of any rule we ship: order of rows, pieces of a run, the machine, what came later."""

from __future__ import annotations

import random
import time

import pytest

from rules.durations import DAY
from rules.engine import evaluate
from rules.history import History
from rules.ledger import Ledger
from rules.snapshot import Cases
from tests.rules.organisations import BEGIN, CALENDARS, Tables
from tests.rules.patterned import RULES, WHOLE, blocks, build, patterned, said

SEED, DAY_OF_RUN = 1, 190


@pytest.fixture(scope="module")
def whole() -> list[str]:
    """Return what one run over everything says."""
    found = said(build(patterned(SEED), DAY_OF_RUN))
    assert found
    return found


def test_the_order_of_rows_never_changes_a_finding(whole: list[str]) -> None:
    tables, shuffler = patterned(SEED), random.Random(SEED)
    for rows in tables.values():
        shuffler.shuffle(rows)
    assert said(build(tables, DAY_OF_RUN)) == whole


@pytest.mark.parametrize("day", [60, 150])
def test_a_history_cut_at_a_day_is_what_a_run_on_that_day_saw(day: int) -> None:
    tables, as_of = patterned(SEED), BEGIN + day * DAY
    ledger = Ledger.of(calendars=CALENDARS, **tables)  # type: ignore[arg-type] # tables by name
    known_then: Tables = {
        name: [row for row in rows if row.get("recorded_at") is None or row["recorded_at"] <= as_of]
        for name, rows in tables.items()
    }
    assert said(History.of(ledger, as_of)) == said(build(known_then, day))


def test_blocks_of_series_that_name_each_other_never_change_a_finding(whole: list[str]) -> None:
    assert said(blocks(patterned(SEED), DAY_OF_RUN, 3)) == whole


def test_runs_over_parts_end_where_one_full_run_does() -> None:
    tables = patterned(SEED)
    snapshot: dict[str, Cases | None] = {}
    for block in blocks(tables, DAY_OF_RUN, 2):
        for result in evaluate(RULES, block, snapshot=snapshot).results:
            snapshot[result.rule.name] = Cases.from_json(result.cases.to_json())
    for result in evaluate(RULES, build(tables, DAY_OF_RUN)).results:
        last = snapshot[result.rule.name]
        assert (last.to_json() if last else []) == result.cases.to_json()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change its zone")
def test_the_zone_of_the_machine_never_changes_a_finding(whole: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        monkeypatch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        assert said(build(patterned(SEED), DAY_OF_RUN)) == whole
    finally:
        monkeypatch.undo()
        time.tzset()


def test_every_rule_finds_something_here_and_leaves_something_alone() -> None:
    found: dict[str, int] = {rule.name: 0 for rule in RULES}
    tested: dict[str, int] = {rule.name: 0 for rule in RULES}
    for seed in (1, 2):
        for result in evaluate(RULES, build(patterned(seed), DAY_OF_RUN)).results[:-1]:
            found[result.rule.name] += len(result.findings)
            tested[result.rule.name] += len(result.cases)
    assert all(0 < found[name] < tested[name] for name in found), found


def test_tables_that_are_whole_in_every_block_are_tables() -> None:
    assert set(patterned(0)) >= WHOLE
