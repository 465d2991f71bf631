"""What a ticket says: what is seen, what may explain it innocently, and what closes it. Neutral, about the metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.sdk.protocol import TicketDraft
from hub.findings.models import Alert
from hub.findings.service import Installed
from rules.registry import REGISTRY

MOST_ROWS = 10
"""Rows of evidence that fit into a ticket; the finding's page shows them all."""
MOST_COLUMNS = 5
HIDDEN = frozenset({"table", "series", "id"})
"""Columns that only programs need."""
DESCRIBING = frozenset({"series", "objectives", "feeds"})
"""Tables that say what the subject is, not what was seen."""


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
            "the condition is gone. Close this ticket when it is fixed: the evidence is then looked at again, "
            "and either the finding ends or the ticket comes back with the reason."
        )
    return "it is answered, corrected or accepted. Close this ticket with a line that says which."


def _manual(detector: str) -> tuple[str, ...]:
    """Say what may explain it innocently, and what would settle it, in the words of the detector's manual."""
    known = REGISTRY.get(detector)
    sections = (
        ("What may explain it", known.section("Innocent explanations")),
        ("What would settle it", known.section("What would settle it")),
    )
    return tuple(f"{heading}: {text}" for heading, text in sections if text)


def _table(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """Show the kind of row that there is most of: the numbers that the finding rests on."""
    kinds = Counter(row.get("table") for row in rows)
    if not kinds:
        return ()
    kind, _count = max(kinds.items(), key=lambda entry: (entry[0] not in DESCRIBING, entry[1]))
    shown = [row for row in rows if row.get("table") == kind][-MOST_ROWS:]
    columns = [name for name in shown[0] if name not in HIDDEN][:MOST_COLUMNS]
    return (tuple(columns), *(tuple(_cell(row.get(name)) for name in columns) for row in shown))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
