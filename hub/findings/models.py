"""Installed rules, what they tested last, and the life of every finding."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.access import Owned
from hub.core.database import Base, Id, PublicId, Ref
from hub.core.inventory import Inventory


class AlertStatus(StrEnum):
    """Where a finding stands; people see *finding*, or *measurement question* for integrity patterns."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Rule(Base):
    """A rule by its name, which is never reused; what it says is in its versions."""

    __tablename__ = "rule"
    __inventory__ = Inventory(
        purpose="Which rules are installed.",
        retention="for ever: names are never reused",
        seen_by="rules.read",
        plain=(
            "name",
            "managed",
        ),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    managed: Mapped[str] = mapped_column(String(10))
    """Who may change it: `pack` (shipped), `file` (plumbline apply) or `form`."""
    current_version_id: Mapped[int | None] = mapped_column(Ref)
    retired_at: Mapped[datetime | None]


class RuleVersion(Base):
    """What a rule said from one day on; never changed."""

    __tablename__ = "rule_version"
    __inventory__ = Inventory(
        purpose="What a rule said from one day on.",
        retention="for ever",
        seen_by="rules.read",
        plain=(
            "body",
            "digest",
        ),
        personal={"installed_by": "who installed it"},
    )

    id: Mapped[Id]
    rule_id: Mapped[int] = mapped_column(Ref, ForeignKey("rule.id"))
    number: Mapped[int]
    body: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))
    installed_at: Mapped[datetime]
    installed_by: Mapped[str] = mapped_column(String(60))

    __table_args__ = (UniqueConstraint("rule_id", "number"),)


class TestedCases(Base):
    """The newest result of every case a rule tested: false-discovery control always runs over this snapshot."""

    __tablename__ = "tested_cases"
    __inventory__ = Inventory(
        purpose="The newest result of every case that a rule tested.",
        retention="replaced by the next run",
        seen_by="findings.read",
        plain=("cases", "statement"),
    )

    rule_id: Mapped[int] = mapped_column(Ref, ForeignKey("rule.id"), primary_key=True)
    as_of: Mapped[datetime]
    cases: Mapped[bytes]
    """What rules.snapshot.Cases.to_json gave, as compressed JSON: one row a rule, because it is replaced as a whole."""
    statement: Mapped[str] = mapped_column(Text)
    """How many were tested, skipped (and what they need) and found, in one line."""


class Alert(Base, Owned):
    """A finding's life: one row per (rule, subject, slot), for ever."""

    __tablename__ = "alert"
    __inventory__ = Inventory(
        purpose="Findings about series, key results and objectives.",
        retention="with the deployment; expunged 90 days after an upheld appeal",
        seen_by="findings.read, from visible_from on",
        plain=(
            "subject_kind",
            "subject_id",
            "slot",
            "severity",
            "lifecycle",
            "summary",
            "evidence",
        ),
    )

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    rule_id: Mapped[int] = mapped_column(Ref, ForeignKey("rule.id"))
    rule_version_id: Mapped[int] = mapped_column(Ref, ForeignKey("rule_version.id"))
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[str] = mapped_column(String(40))
    slot: Mapped[str] = mapped_column(String(120))
    status: Mapped[AlertStatus] = mapped_column(String(10))
    severity: Mapped[str] = mapped_column(String(10))
    integrity: Mapped[bool]
    """Integrity patterns are asked as a measurement question, owner first."""
    visible_from: Mapped[datetime]
    lifecycle: Mapped[dict[str, Any]]
    """State of rules.lifecycle, as it gave it."""
    summary: Mapped[str] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]]
    occurrence: Mapped[int] = mapped_column(default=0)
    announced: Mapped[int] = mapped_column(default=0)
    """The last occurrence that was acted on; a rule in shadow finds, and announces nothing."""
    opened_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    tested_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("rule_id", "subject_kind", "subject_id", "slot"),
        Index("ix_alert_status", "status"),
    )


class AlertStep(Base):
    """One step in a finding's life, for its page and for whoever asks why."""

    __tablename__ = "alert_step"
    __inventory__ = Inventory(
        purpose="What became of a finding, step by step.",
        retention="with the finding",
        seen_by="findings.read",
        plain=(
            "step",
            "reason",
        ),
    )

    id: Mapped[Id]
    alert_id: Mapped[int] = mapped_column(Ref, ForeignKey("alert.id"), index=True)
    occurrence: Mapped[int]
    at: Mapped[datetime]
    step: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text)
