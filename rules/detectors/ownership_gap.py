"""Ownership gap: nobody answers for it, or somebody who cannot.

**What it says.** Nobody is named as owner (slot `none`); whoever is named has left (`left`); the owner works in a
function that has no part in the work, and not above it either (`outside`); the owner answers for more than anybody can
look after (`overloaded`). With `role: steward` it asks the same about whoever answers for the data.

**Method.** Rules over the graph of persons, org units, terms of ownership and links. The holders of a role are the ones
in the subject's own row and those whose term covers the day. Of several holders one who is there is enough. A person
has left when the date of leaving (plus `handover`) has passed, or when they are no longer active. The functions that do
the work are those of the persons and org units linked to the subject by `works_on`; without such links the subject's
own function, or that of the nearest org unit above it. An owner whose org unit lies above the subject's is never
outside. The load counts every current term of the role; it is too much where it exceeds `most` and is `times` what is
usual among the other owners of the same org unit (of all, where that has fewer than two others).

**Source.** Deterministic: a graph decides, not statistics. The score is 1 where the condition holds, for the load the
number of terms over `most`. The effect is the number of days since the last holder left.

**Assumptions.** The list of people is complete enough to know who has left; a name that is not on it is somebody who is
there. Where there is neither a list of people nor a table of terms, an empty owner is unknown, not missing.

**Minimum sample.** None. `outside` needs the functions of owner and work, `overloaded` a table of terms.

**How it looks when someone does it.** A number that will look bad is left without an owner, or with one who cannot be
asked any more; a shared number is handed to whoever has no say in it.

**Innocent explanations.** A hand-over is under way; the list of people is behind; a project is led across functions on
purpose; a small organisation in which few people answer for much; a deputy who is not recorded.

**What would settle it.** The name of the person who answers for it from now on, a term of ownership with its dates, or
a corrected entry in the list of people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import Field

from rules.calendars import UNKNOWN
from rules.durations import DAY, Duration
from rules.findings import Evidence, Explanation, Findings, Skipped, Tested
from rules.history import History
from rules.owners import Owners
from rules.registry import Params as Base
from rules.registry import detector

Gap = Literal["none", "left", "outside", "overloaded"]
GAPS: tuple[Gap, ...] = ("none", "left", "outside", "overloaded")
_NEEDS_PEOPLE = "a list of people, or of who owns what"
_NEEDS_OWNER = "an owner who is named"
_NEEDS_FUNCTIONS = "the functions of its owner and of whoever does the work"
_NEEDS_TERMS = "a table of who owns what"


class Params(Base):
    """What may be set in a rule's `params`."""

    role: Literal["owner", "steward"] = Field(default="owner", description="owner: the result; steward: the data")
    look_for: tuple[Gap, ...] = Field(default=GAPS, min_length=1, description="which gaps to look for")
    handover: Duration = Field(default=Duration(), description="so long after leaving somebody may still be named")
    most: int = Field(default=20, ge=1, description="so many subjects one person can answer for")
    times: float = Field(default=3.0, ge=1, description="a load that is too much is so many times the usual one")


@dataclass(frozen=True)
class _Answer:
    """What is known about one gap of one subject; `needs` where that is not enough to tell."""

    holds: bool = False
    score: float = 0.0
    days: float = np.nan
    summary: str = ""
    count: int = 0
    needs: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass
class _Cases:
    """The cases of one gap, collected subject by subject."""

    rows: list[int] = field(default_factory=list)
    answers: list[_Answer] = field(default_factory=list)
    skipped: dict[str, list[int]] = field(default_factory=dict)

    def add(self, row: int, answer: _Answer) -> None:
        if answer.needs:
            self.skipped.setdefault(answer.needs, []).append(row)
            return
        self.rows.append(row)
        self.answers.append(answer)


@detector(
    "ownership_gap",
    version=1,
    params=Params,
    clears="condition",
    subjects=("series", "key_result", "objective"),
    facts=("gap", "role", "count"),
    effect="days",
)
def detect(history: History, params: Params) -> Findings:
    """Ask of each subject who answers for it on the day of the history."""
    owners, asked = Owners(history, params.role), history.asked
    if not owners.known:
        return Findings(skipped=(Skipped(asked.rows, _NEEDS_PEOPLE),) if len(asked.rows) else ())
    judge: dict[Gap, Callable[[Owners, Params, int, tuple[str, ...]], _Answer]] = {
        "none": _none,
        "left": _left,
        "outside": _outside,
        "overloaded": _overloaded,
    }
    cases: dict[Gap, _Cases] = {gap: _Cases() for gap in params.look_for}
    for row in asked.rows.tolist():
        holders = owners.holders(asked.kind, row)
        for gap, found in cases.items():
            nobody = not holders and gap != "none"
            found.add(row, _Answer(needs=_NEEDS_OWNER) if nobody else judge[gap](owners, params, row, holders))
    tested = tuple(_tested(history, params, gap, found) for gap, found in cases.items() if found.rows)
    skipped = (
        Skipped(np.array(rows, dtype=np.int64), needs, gap)
        for gap, found in cases.items()
        for needs, rows in found.skipped.items()
    )
    return Findings(tested, tuple(skipped))


def _none(_owners: Owners, params: Params, _row: int, holders: tuple[str, ...]) -> _Answer:
    missing = not holders
    return _Answer(holds=missing, score=float(missing), summary=f"Nobody is named as {params.role}")


def _left(owners: Owners, params: Params, _row: int, holders: tuple[str, ...]) -> _Answer:
    people, as_of = owners.history.people, owners.history.as_of
    gone = [(owners.gone(person, params.handover), person) for person in holders]
    if any(since is None for since, _ in gone):
        return _Answer()
    since, last = max((since, person) for since, person in gone if since is not None)
    named = "Everybody named" if len(holders) > 1 else f"The {params.role}"
    when = "" if since == UNKNOWN else f" on {owners.history.calendar('').day_of(since)}"
    days = np.nan if since == UNKNOWN else (as_of - since) / DAY
    evidence = (owners.history.describe(people, people.row_of[last], "active", "left_at"),)
    said = f"{named} has left{when} and nobody has taken over"
    return _Answer(holds=True, score=1.0, days=days, summary=said, evidence=evidence)


def _outside(owners: Owners, params: Params, row: int, holders: tuple[str, ...]) -> _Answer:
    history, kind = owners.history, owners.history.asked.kind
    working = owners.working(kind, row)
    functions = {owners.function_of(person) for person in holders}
    if not working or "" in functions:
        return _Answer(needs=_NEEDS_FUNCTIONS)
    unit = history.subjects(kind).org_unit[row]  # type: ignore[attr-defined] # series and objectives both have one
    if functions & working or any(owners.above(person, unit) for person in holders):
        return _Answer()
    said = f"The work is done in {_listed(working)}, the {params.role} works in {_listed(functions)}"
    people = history.people
    evidence = tuple(history.describe(people, people.row_of[person], "function", "org_unit") for person in holders)
    return _Answer(holds=True, score=1.0, summary=said, evidence=evidence)


def _overloaded(owners: Owners, params: Params, _row: int, holders: tuple[str, ...]) -> _Answer:
    if not len(owners.history.ownership):
        return _Answer(needs=_NEEDS_TERMS)
    least, usual = min((owners.load[person], owners.usual_load(person)) for person in holders)
    said = f"Its {params.role} answers for {least} measurements and objectives; {usual:g} are usual"
    holds = least > params.most and least >= params.times * usual
    return _Answer(holds=holds, score=least / params.most, summary=said, count=least)


def _listed(words: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(words))


def _tested(history: History, params: Params, gap: Gap, found: _Cases) -> Tested:
    table = history.subjects(history.asked.kind)
    answers = found.answers

    def explain(case: int) -> Explanation:
        row, answer = found.rows[case], answers[case]
        facts = {"gap": gap, "role": params.role, "count": answer.count}
        own = history.describe(table, row, table.first_column, "title", "function", "org_unit")
        return Explanation(answer.summary, facts, (own, *answer.evidence))

    size = len(answers)
    return Tested(
        rows=np.array(found.rows, dtype=np.int64),
        score=np.array([answer.score for answer in answers]),
        effect=np.array([answer.days for answer in answers]),
        holds=np.array([answer.holds for answer in answers], dtype=np.bool_),
        start=np.full(size, history.as_of),
        end=np.full(size, history.as_of),
        explain=explain,
        slot=gap,
    )
