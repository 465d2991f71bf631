import pytest

from connectors.sdk.errors import (
    AmbiguousError,
    AuthError,
    ConfigError,
    ConnectorError,
    NotAppliedError,
    TransientError,
)
from connectors.sdk.outcomes import outcome_of_status, receipt_of_error
from connectors.sdk.protocol import Outcome


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([200, 201, 202, 204, 206], Outcome.APPLIED),
        ([300, 301, 304, 307, 308, 400, 401, 403, 404, 405, 410, 412, 413, 415, 422, 425, 429], Outcome.NOT_APPLIED),
        ([100, 302, 303, 408, 409, 500, 501, 502, 503, 504, 599], Outcome.AMBIGUOUS),
    ],
)
def test_a_status_says_what_became_of_a_write(statuses: list[int], outcome: Outcome) -> None:
    assert {status: outcome_of_status(status) for status in statuses} == dict.fromkeys(statuses, outcome)


@pytest.mark.parametrize(
    ("error", "outcome", "retry_after"),
    [
        (AmbiguousError("x"), Outcome.AMBIGUOUS, None),
        (NotAppliedError("x"), Outcome.NOT_APPLIED, None),
        (AuthError("x"), Outcome.NOT_APPLIED, None),
        (ConfigError("x"), Outcome.NOT_APPLIED, None),
        (TransientError("x"), Outcome.NOT_APPLIED, 0.0),
        (TransientError("x", retry_after=7.5), Outcome.NOT_APPLIED, 7.5),
    ],
)
def test_an_error_becomes_a_receipt_and_only_a_transient_one_may_be_repeated(
    error: ConnectorError, outcome: Outcome, retry_after: float | None
) -> None:
    receipt = receipt_of_error("c1", error)
    assert (receipt.change_id, receipt.outcome, receipt.reason, receipt.retry_after) == (
        "c1",
        outcome,
        "x",
        retry_after,
    )
