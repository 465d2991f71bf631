"""Sample measurements by seed, a pattern of every detector planted in some of them, and the rules that ask for it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from rules.calendars import Calendar
from rules.durations import DAY
from rules.engine import evaluate
from rules.history import History
from rules.loader import load_pack, packs
from tests.rules.organisations import BEGIN, CALENDARS, Tables

RULES = tuple(rule for name in packs() if name != "data-trust" for rule in load_pack(name).rules)
WHOLE = frozenset({"people", "ownership", "org_units", "links"})
"""Tables that every block of a run has in full."""
LAST_MONTH = 2026 * 12 + 4


def patterned(seed: int) -> Tables:
    """Make the tables of one organisation; all of it is recorded some time before day 200 of the sample year."""
    chance = random.Random(seed)
    tables: Tables = {name: [] for name in ("series", "targets", "observations", "records", "people", "ownership")}
    tables |= {"org_units": [], "links": [], "objectives": []}
    owned(chance, tables)
    revised(chance, tables)
    marked(chance, tables)
    copied(chance, tables)
    shifted(chance, tables)
    traded(chance, tables)
    smoothed(chance, tables)
    guessed(chance, tables)
    return tables


def owned(chance: random.Random, tables: Tables) -> None:
    """Add series with owners of whom some leave, some work elsewhere, and one holds a great many."""
    functions = ["sales", "finance", "service"]
    tables["org_units"] += [{"id": "head", "function": "board"}]
    tables["org_units"] += [{"id": name, "parent": "head", "function": name} for name in functions]
    for index in range(6):
        left = BEGIN + chance.randrange(300) * DAY if chance.random() < 0.4 else None
        tables["people"].append({"id": f"p{index}", "org_unit": chance.choice([*functions, "head"]), "left_at": left})
    for index in range(8):
        name, owner = f"owned{index}", chance.choice(["", "p0", "p1", "p2", "p3"])
        row = {"id": name, "owner": owner, "org_unit": chance.choice([*functions, ""]), "function": ""}
        tables["series"].append(row)
        tables["objectives"].append(row | {"id": f"{name}-o", "level": "team"})
        tables["links"].append({"source": f"p{chance.randrange(6)}", "target": name, "kind": "works_on"})
        tables["ownership"].append({"subject": name, "role": "owner", "person": f"p{chance.randrange(6)}"})
    tables["series"].append({"id": "laden", "owner": "p5"})
    for index in range(chance.choice([4, 30])):
        tables["ownership"].append({"subject": f"other{index}", "role": "owner", "person": "p5"})
        tables["ownership"].append({"subject": f"other{index}", "role": "steward", "person": "p4"})


def revised(chance: random.Random, tables: Tables) -> None:
    """Add series with quarterly targets that are revised before, in and after their periods, up, down or in unit."""
    for index in range(6):
        name = f"revised{index}"
        tables["series"].append({"id": name, "cadence": "quarterly", "direction": chance.choice(["up", "down", ""])})
        for start, day in (("2026-01-01", 0), ("2026-04-01", 90)):
            target = chance.uniform(50, 60)
            tables["targets"].append({"series": name, "start": start, "target": target})
            for _ in range(chance.choice([0, 0, 1, 2])):
                recorded = BEGIN + (day + chance.randrange(-30, 90)) * DAY
                changed = target * chance.choice([0.9, 1.1, 0.01])
                tables["targets"].append({"series": name, "start": start, "target": changed, "recorded_at": recorded})


def marked(chance: random.Random, tables: Tables) -> None:
    """Add marks of some exams, in two of which many just pass the cutoff at 50."""
    for index in range(5):
        name = f"marks{index}"
        tables["series"].append(
            {"id": name, "direction": "up", "thresholds": [40, 50, 60], "peers": f"exam{index % 2}"}
        )
        counts: Counter[tuple[int, int]] = Counter()
        for _ in range(900):
            mark = round(chance.gauss(54, 14))
            if index < 2 and mark in {47, 48, 49} and chance.random() < 0.7:
                mark += 4
            counts[mark, BEGIN + chance.choice([20, 100]) * DAY] += 1
        tables["records"] += [
            {"series": name, "value": mark, "count": count, "time": day, "recorded_at": day}
            for (mark, day), count in counts.items()
        ]


def months(name: str, values: list[float | None], **more: list[Any]) -> list[dict[str, Any]]:
    """Make monthly observations that end with May of the sample year, each known forty days after its first day."""
    rows = []
    for index, value in enumerate(values):
        number = LAST_MONTH - len(values) + 1 + index
        first = date(number // 12, number % 12 + 1, 1)
        recorded = Calendar().at(first) + 40 * DAY
        row = {"series": name, "start": first.isoformat(), "value": value, "recorded_at": recorded}
        rows.append(row | {column: given[index] for column, given in more.items()})
    return rows


def copied(chance: random.Random, tables: Tables) -> None:
    """Add monthly counts, in some of which months repeat earlier ones."""
    for index in range(4):
        name = f"copied{index}"
        tables["series"].append({"id": name, "cadence": "monthly", "kind": "count"})
        values: list[float | None] = [round(chance.gauss(4000, 300)) for _ in range(30)]
        if index < 2:
            values[20:23] = values[8:11]
        tables["observations"] += months(name, values)


def shifted(chance: random.Random, tables: Tables) -> None:
    """Add monthly counts, in some of which quarters end high and begin low."""
    for index in range(4):
        name = f"shifted{index}"
        tables["series"].append({"id": name, "cadence": "monthly", "kind": "count"})
        level: list[float | None] = [
            1000 + chance.gauss(0, 15) + (index < 2) * {0: 90, 1: -90, 2: 0}[month % 3] for month in range(36)
        ]
        tables["observations"] += months(name, level)


def traded(chance: random.Random, tables: Tables) -> None:
    """Add ratios that lose cases, and metrics that gain while their guardrail suffers."""
    for index in range(4):
        name, guard, odd = f"traded{index}", f"traded{index}.guard", index < 2
        given = {"id": name, "cadence": "monthly", "kind": "ratio", "direction": "up", "guardrail": guard}
        tables["series"] += [given, {"id": guard, "cadence": "monthly", "direction": "down"}]
        lower = [1000 + round(chance.gauss(0, 10)) - 120 * (odd and month > 26) for month in range(36)]
        upper = [round(800 + chance.gauss(0, 8)) for _ in range(36)]
        shares: list[float | None] = [good / cases for good, cases in zip(upper, lower, strict=True)]
        harm: list[float | None] = [40 + chance.gauss(0, 1) + odd * max(0, month - 23) for month in range(36)]
        tables["observations"] += months(name, shares, numerator=upper, denominator=lower) + months(guard, harm)


def smoothed(chance: random.Random, tables: Tables) -> None:
    """Add daily counts, some of them as smooth as no count is, one with two days unlike the others."""
    for index in range(4):
        name = f"smoothed{index}"
        tables["series"].append({"id": name, "cadence": "daily", "kind": "count"})
        for day in range(70):
            start, spread = BEGIN + day * DAY, 1 if index < 2 else 5
            value = round(25 + chance.gauss(0, spread) + 60 * (index == 3 and day in {50, 51}))
            tables["observations"].append({"series": name, "start": start, "value": value, "recorded_at": start + DAY})


def guessed(chance: random.Random, tables: Tables) -> None:
    """Add durations in minutes, some of them rounded to fives by many."""
    for index in range(4):
        name = f"guessed{index}"
        tables["series"].append({"id": name})
        counts = Counter(round(chance.gauss(60, 18)) for _ in range(2000))
        for minutes, count in counts.items():
            value = 5 * round(minutes / 5) if index < 2 and chance.random() < 0.5 else minutes
            tables["records"].append({"series": name, "value": value, "count": count, "recorded_at": BEGIN})


def build(tables: Tables, day: int) -> History:
    return History.build(as_of=BEGIN + day * DAY, calendars=CALENDARS, **tables)  # type: ignore[arg-type] # tables by name


def family(row: Mapping[str, Any]) -> str:
    """Return what belongs in one block with a series: the series it names, its peers, else itself alone."""
    return str(row.get("peers") or row["id"].split(".")[0])


def blocks(tables: Tables, day: int, count: int) -> Iterator[History]:
    """Cut an organisation into blocks of series that name each other."""
    families = sorted({family(row) for row in tables["series"]})
    for first in range(count):
        chosen = {row["id"] for row in tables["series"] if family(row) in families[first::count]}
        part = {name: rows for name, rows in tables.items() if name in WHOLE}
        part["series"] = [row for row in tables["series"] if row["id"] in chosen]
        part["objectives"] = tables["objectives"][first::count]
        for name in ("targets", "observations", "records"):
            part[name] = [row for row in tables[name] if row["series"] in chosen]
        yield build(part, day)


def said(history: History | Iterator[History], **options: Any) -> list[str]:  # noqa: ANN401 - what evaluate takes
    evaluation = evaluate(RULES, history, **options)
    assert [result.failure for result in evaluation.results] == [None] * len(evaluation.results)
    return [finding.model_dump_json() for finding in evaluation.findings]
