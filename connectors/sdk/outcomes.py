"""What became of a write: not applied, applied, or AMBIGUOUS = to be looked up before it is repeated."""

from __future__ import annotations

from connectors.sdk.errors import AmbiguousError, ConnectorError, TransientError
from connectors.sdk.protocol import Outcome, Receipt

AMBIGUOUS_STATUSES = frozenset({302, 303, 408, 409})
"""Beside 5xx: the tool, or something in front of it, may have taken the request before it answered so."""


def outcome_of_status(status: int) -> Outcome:
    """Classify the HTTP status that answered a write."""
    if status in AMBIGUOUS_STATUSES or not 200 <= status < 500:  # noqa: PLR2004 - HTTP's own numbers
        return Outcome.AMBIGUOUS
    return Outcome.APPLIED if status < 300 else Outcome.NOT_APPLIED  # noqa: PLR2004 - HTTP's own numbers


def outcome_of_error(error: ConnectorError) -> Outcome:
    """Classify what a write raised: every error but one says that certainly nothing was changed."""
    return Outcome.AMBIGUOUS if isinstance(error, AmbiguousError) else Outcome.NOT_APPLIED


def receipt_of_error(change_id: str, error: ConnectorError) -> Receipt:
    """Answer a change whose write raised."""
    retry_after = (error.retry_after or 0.0) if isinstance(error, TransientError) else None
    return Receipt(change_id=change_id, outcome=outcome_of_error(error), reason=str(error), retry_after=retry_after)
