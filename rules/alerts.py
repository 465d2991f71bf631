"""What the engine says and the hub keeps: findings with their key, and verdicts on open alerts. All of it is JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue

from rules.calendars import UNKNOWN
from rules.schema import Severity


class AlertKey(NamedTuple):
    """Identity of an alert: never labels, detector versions or the end of a range."""

    rule: str
    subject_kind: str
    subject: str
    slot: str = ""


class Withheld(StrEnum):
    """Why nothing is pushed for a finding, although it is stored."""

    MATERIALITY = "materiality"
    SHADOW = "shadow"
    PILOT = "pilot"
    LIMIT = "limit"


class Candidate(BaseModel):
    """What is said about a case if it becomes a finding; kept with the case, so that no run has to test it again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    org_units: tuple[str, ...]
    calendar: str
    summary: str
    facts: dict[str, JsonValue]
    evidence: tuple[dict[str, JsonValue], ...]
    known_at: int = UNKNOWN


class Finding(BaseModel):
    """A detector's statement on one subject, judged: instants are microseconds in UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    rule_version: str
    detector: str
    detector_version: int
    clears: Literal["condition", "event"]
    subject_kind: str
    subject: str
    slot: str
    title: str
    score: float
    effect: float | None
    p: float | None
    start: int
    end: int
    as_of: int
    known_at: int
    severity: Severity
    stage: str
    labels: dict[str, str]
    summary: str
    facts: dict[str, JsonValue]
    evidence: tuple[dict[str, JsonValue], ...]
    calendar: str
    org_units: tuple[str, ...]
    withheld: tuple[Withheld, ...] = ()

    @property
    def key(self) -> AlertKey:
        """Identity of the alert that this finding opens or continues."""
        return AlertKey(self.rule, self.subject_kind, self.subject, self.slot)


class Standing(StrEnum):
    """What a run says: it is so, it is not, the data to tell are missing, or the subject is not asked about."""

    FOUND = "found"
    CLEAR = "clear"
    UNKNOWN = "unknown"
    GONE = "gone"


@dataclass(frozen=True)
class Verdict:
    """What a run says about one alert; `needs` says what is missing where the standing is unknown."""

    standing: Standing
    finding: Finding | None = None
    needs: str = ""


CLEAR = Verdict(Standing.CLEAR)
GONE = Verdict(Standing.GONE)
