"""Sample organisations by seed: corrections, gaps, feeds, key results; what a test can cut, shuffle and rebuild."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from rules.calendars import Calendar
from rules.durations import DAY
from rules.engine import evaluate
from rules.history import History
from rules.loader import load_pack

RULES = load_pack("data-trust").rules
CALENDARS = [{"name": "berlin", "zone": "Europe/Berlin", "country": "DE"}, {"name": "apia", "zone": "Pacific/Apia"}]
BEGIN = Calendar().read("2026-01-01")
Tables = dict[str, list[dict[str, Any]]]


def organisation(seed: int, size: int = 8) -> Tables:
    """Make an organisation with corrections, gaps, feeds and key results, all recorded some time in half a year."""
    chance = random.Random(seed)
    tables: Tables = {name: [] for name in ("series", "observations", "objectives", "links", "feeds")}
    for index in range(size):
        name, cadence = f"s{index}", chance.choice(["daily", "weekly", "monthly", "irregular", ""])
        for recorded in range(chance.choice([1, 2])):
            tables["series"].append(
                {
                    "id": name,
                    "cadence": cadence,
                    "calendar": chance.choice(["", "berlin", "apia"]),
                    "latency": chance.choice(["", "1d", "2bd", "5d"]),
                    "since": chance.choice(["", "2026-01-05"]),
                    "recorded_at": BEGIN + recorded * chance.randrange(180) * DAY,
                }
            )
        tables["observations"] += observations(chance, name, {"daily": 1, "weekly": 7}.get(cadence, 30))
        tables["objectives"].append(
            {"id": f"kr{index}", "level": "key_result", "parent": f"o{index}", "start": "2026-02-01"}
        )
        tables["objectives"].append({"id": f"o{index}"})
        tables["links"].append({"source": f"kr{index}", "target": name, "kind": "measures"})
        for _ in range(chance.choice([0, 0, 3])):
            tried = BEGIN + chance.randrange(180) * DAY
            read = tried - chance.randrange(20) * DAY
            error = chance.choice(["", "AuthError"])
            tables["feeds"].append({"series": name, "last_attempt": tried, "last_success": read, "error": error})
    return tables


def observations(chance: random.Random, name: str, step: int) -> list[dict[str, Any]]:
    rows = []
    values: list[float | None] = chance.choice([[None, 1.0, 2.0, 3.0], [4.0]])
    for period in range(chance.randrange(180) // step):
        start = BEGIN + period * step * DAY
        for _ in range(chance.choice([0, 1, 1, 1, 2])):
            recorded = start + (step + chance.randrange(6)) * DAY + chance.randrange(DAY)
            value = chance.choice(values)
            imputed = chance.random() < 0.2
            rows.append({"series": name, "start": start, "value": value, "recorded_at": None if imputed else recorded})
    return rows


def build(tables: Tables, day: int) -> History:
    return History.build(as_of=BEGIN + day * DAY, calendars=CALENDARS, **tables)  # type: ignore[arg-type] # tables by name


def said(history: History | Iterator[History], **options: Any) -> list[str]:  # noqa: ANN401 - what evaluate takes
    evaluation = evaluate(RULES, history, **options)
    assert [result.failure for result in evaluation.results] == [None] * len(evaluation.results)
    return [finding.model_dump_json() for finding in evaluation.findings]


def blocks(tables: Tables, day: int, count: int) -> Iterator[History]:
    """Cut an organisation into blocks of series; what belongs to other series is left to their blocks."""
    names = sorted({row["id"] for row in tables["series"]})
    for first in range(count):
        chosen = set(names[first::count])
        numbers = {name[1:] for name in chosen}
        part = {
            "series": [row for row in tables["series"] if row["id"] in chosen],
            "observations": [row for row in tables["observations"] if row["series"] in chosen],
            "feeds": [row for row in tables["feeds"] if row["series"] in chosen],
            "objectives": [row for row in tables["objectives"] if row["id"].lstrip("kro") in numbers],
            "links": [row for row in tables["links"] if row["target"] in chosen],
        }
        yield build(part, day)
