"""What a ticket says: what is seen, what may explain it innocently, and what closes it. Neutral, about the metric."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.sdk.protocol import TicketDraft
from hub.findings.models import Alert
from hub.findings.service import Installed
from rules.registry import REGISTRY

MOST_ROWS = 10
"""Rows of evidence that fit into a ticket; the finding's page shows them all."""
MOST_COLUMNS = 5


def draft_ticket(alert: Alert, installed: Installed, *, public_url: str | None, due_at: datetime | None) -> TicketDraft:
    """Write the ticket about one finding."""
    title = alert.evidence.get("title") or alert.subject_id
    return TicketDraft(
        title=f"{title}: {alert.summary}"[:250],
        paragraphs=(
            alert.summary,
            installed.text.description,
            *_manual(installed.text.detector),
        ),
        table=_table(alert.evidence.get("evidence") or ()),
        closes_when=_closing(installed.text.detector),
        labels=("plumbline",),
        due=due_at.date().isoformat() if due_at else None,
        link=f"{public_url.rstrip('/')}/findings/{alert.public_id}" if public_url else None,
        link_title="The finding in Plumbline" if public_url else None,
    )


def _closing(detector: str) -> str:
    if REGISTRY.get(detector).clears == "condition":
        return (
            "Close this ticket when it is fixed: the evidence is looked at again then, and either the finding ends "
            "or the ticket comes back with the reason."
        )
    return "Close this ticket with an answer, a correction or an acceptance."


def _manual(detector: str) -> tuple[str, ...]:
    """Say what may explain it innocently, and what would settle it, in the words of the detector's manual."""
    known = REGISTRY.get(detector)
    sections = (
        ("What may explain it", known.section("Innocent explanations")),
        ("What would settle it", known.section("What would settle it")),
    )
    return tuple(f"{heading}: {text}" for heading, text in sections if text)


def _table(rows: Any) -> tuple[tuple[str, ...], ...]:  # noqa: ANN401  # JSON evidence
    shown = [row for row in rows if isinstance(row, Mapping)][:MOST_ROWS]
    if not shown:
        return ()
    columns = [name for name in shown[0] if name not in {"table", "series"}][:MOST_COLUMNS]
    return (tuple(columns), *(tuple(_cell(row.get(name)) for name in columns) for row in shown))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
