"""Deterministic detectors on generated cases with honest look-alikes: precision and recall at least 0.99."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rules.calendars import Calendar
from rules.durations import DAY
from rules.engine import evaluate
from rules.history import History
from rules.loader import load_pack
from rules.schema import Rule

NOW = Calendar().read("2026-06-30", day="end")
Tables = dict[str, list[dict[str, Any]]]


def judged(pack: str, tables: Tables, wanted: set[str], only: str | None = None) -> tuple[float, float]:
    """Return precision and recall of the subjects that the rules of a pack find."""
    rules: list[Rule] = [rule for rule in load_pack(pack).rules if only in (None, rule.name)]
    evaluation = evaluate(rules, History.build(as_of=NOW, **tables))  # type: ignore[arg-type] # tables by name
    assert all(result.failure is None for result in evaluation.results)
    found = {finding.subject for finding in evaluation.findings if finding.subject_kind == "series"}
    hits = len(found & wanted)
    return hits / max(len(found), 1), hits / max(len(wanted), 1)


def moved_targets(chance: random.Random) -> tuple[Tables, set[str]]:
    """Make quarterly targets: eased in or after their quarter, or revised as honest planning does."""
    calendar, series, rows, wanted = Calendar(), [], [], set()
    for index in range(200):
        name, way = f"t{index}", chance.choice([1, -1])
        series.append({"id": name, "cadence": "quarterly", "direction": "up" if way > 0 else "down"})
        begin = calendar.read("2026-01-01")
        target = chance.uniform(20, 200)
        first = {"series": name, "start": "2026-01-01", "target": target, "recorded_at": begin - 20 * DAY}
        rows.append(first)
        kind = chance.choice(
            ["eased", "eased late", "before", "harder", "unit", "same", "next quarter", "none", "late"]
        )
        during = begin + chance.randrange(1, 90) * DAY
        easier = target * (1 - way * chance.uniform(0.01, 0.3))
        revisions: dict[str, dict[str, Any]] = {
            "eased": {"target": easier, "recorded_at": during},
            "eased late": {"target": easier, "recorded_at": begin + chance.randrange(91, 150) * DAY},
            "before": {"target": easier, "recorded_at": begin - chance.randrange(1, 19) * DAY},
            "harder": {"target": 2 * target - easier, "recorded_at": during},
            "unit": {"target": target * chance.choice([100, 0.01, 1000]), "recorded_at": during},
            "same": {"reason": "confirmed", "recorded_at": during},
            "next quarter": {"target": easier, "start": "2026-04-01", "recorded_at": begin + 60 * DAY},
        }
        if kind in revisions:
            rows.append(first | revisions[kind])
        if kind == "late":
            first["recorded_at"] = during
        if kind.startswith("eased"):
            wanted.add(name)
    return {"series": series, "targets": rows}, wanted


def owners(chance: random.Random) -> tuple[Tables, set[str]]:
    """Make series without an owner or whose owner has left, and hand-overs, future leavers, and deputies."""
    tables: Tables = {"series": [], "people": [], "ownership": []}
    wanted = set()
    for index in range(200):
        name = f"m{index}"
        kind = chance.choice(["none", "left", "inactive", "there", "leaves later", "handed over", "shared", "by term"])
        owner, other = f"p{index}", f"q{index}"
        tables["series"].append({"id": name, "owner": "" if kind in {"none", "by term"} else owner})
        left = NOW - chance.randrange(1, 700) * DAY
        person: dict[str, Any] = {"id": owner, "active": kind != "inactive"}
        if kind in {"left", "shared"}:
            person |= {"left_at": left, "active": chance.random() < 0.5}
        if kind == "leaves later":
            person["left_at"] = NOW + chance.randrange(1, 90) * DAY
        tables["people"] += [person, {"id": other}]
        if kind in {"shared", "by term"}:
            tables["ownership"].append({"subject": name, "role": "owner", "person": other, "start": NOW - 90 * DAY})
        if kind == "handed over":
            ended = {"subject": name, "role": "owner", "person": f"gone{index}", "end": NOW - 30 * DAY}
            tables["people"].append({"id": f"gone{index}", "active": False})
            tables["ownership"].append(ended | {"start": NOW - 400 * DAY})
        if kind in {"none", "left", "inactive"}:
            wanted.add(name)
    return tables, wanted


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(100, 120))])
def test_eased_targets_are_found_and_honest_revisions_left_alone(seed: int) -> None:
    precision, recall = judged("targets", *moved_targets(random.Random(seed)))
    assert min(precision, recall) >= 0.99


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(100, 120))])
def test_missing_owners_are_found_and_hand_overs_left_alone(seed: int) -> None:
    precision, recall = judged("ownership", *owners(random.Random(seed)), only="owner-missing")
    assert min(precision, recall) >= 0.99
