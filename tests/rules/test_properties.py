"""What never changes a finding: the order of rows, the pieces of a run, the machine, and what came later."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.durations import DAY
from rules.engine import evaluate
from rules.history import History
from rules.ledger import Ledger
from rules.snapshot import Cases
from tests.rules.organisations import BEGIN, CALENDARS, RULES, Tables, blocks, build, organisation, said

seeds = st.integers(0, 10_000)
when = st.integers(20, 200)


@settings(deadline=None, max_examples=25)
@given(seeds, when, st.integers(0, 1000))
def test_the_order_of_rows_never_changes_a_finding(seed: int, day: int, order: int) -> None:
    tables, shuffler = organisation(seed), random.Random(order)
    before = said(build(tables, day))
    for rows in tables.values():
        shuffler.shuffle(rows)
    assert said(build(tables, day)) == before


@settings(deadline=None, max_examples=25)
@given(seeds, when)
def test_a_history_cut_at_a_day_is_what_a_run_on_that_day_saw(seed: int, day: int) -> None:
    tables = organisation(seed)
    ledger = Ledger.of(calendars=CALENDARS, **tables)  # type: ignore[arg-type] # tables by name
    as_of = BEGIN + day * DAY
    cut = History.of(ledger, as_of)
    known_then: Tables = {
        name: [row for row in rows if not isinstance(row.get("recorded_at"), int) or row["recorded_at"] <= as_of]
        for name, rows in tables.items()
    }
    known_then["feeds"] = [row for row in tables["feeds"] if row["last_attempt"] <= as_of]
    assert said(cut) == said(build(known_then, day))


@settings(deadline=None, max_examples=15)
@given(seeds, when, st.integers(1, 8))
def test_blocks_of_series_never_change_a_finding(seed: int, day: int, count: int) -> None:
    tables = organisation(seed)
    assert said(blocks(tables, day, count)) == said(build(tables, day))


@settings(deadline=None, max_examples=15)
@given(seeds, when, st.integers(2, 8))
def test_runs_over_parts_end_where_one_full_run_does(seed: int, day: int, count: int) -> None:
    tables = organisation(seed)
    snapshot: dict[str, Cases | None] = {}
    for block in blocks(tables, day, count):
        for result in evaluate(RULES, block, snapshot=snapshot).results:
            snapshot[result.rule.name] = Cases.from_json(result.cases.to_json())
    for result in evaluate(RULES, build(tables, day)).results:
        last = snapshot[result.rule.name]
        assert (last.to_json() if last else []) == result.cases.to_json()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change its zone")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns"])
def test_the_zone_of_the_machine_never_changes_a_finding(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = organisation(7, 20)
    before = said(build(tables, 150))
    assert before
    try:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert said(build(tables, 150)) == before
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_seed_of_hashes_never_changes_a_finding() -> None:
    code = "from tests.rules.organisations import *; print(said(build(organisation(3, 12), 150)))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert "stale-series" in outputs.pop()


def test_a_rule_that_finds_everything_here_would_prove_nothing() -> None:
    """The organisations of these tests have findings of every rule, and cases that are left alone."""
    found: dict[str, set[bool]] = {rule.name: set() for rule in RULES}
    slots: set[str] = set()
    for seed in range(12):
        for result in evaluate(RULES, build(organisation(seed), 170)).results[:-1]:
            found[result.rule.name] |= set(result.cases.holds.tolist())
            slots |= {finding.slot for finding in result.findings}
    assert set(map(frozenset, found.values())) == {frozenset({True, False})}
    assert slots == {"", "feed", "unchanged"}
