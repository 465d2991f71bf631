"""Checks of how a connector takes a tool that misbehaves; they need `Sample.config_at`."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.sdk import faults
from connectors.sdk.errors import AuthError, ConnectorError, TransientError
from connectors.sdk.faults import Fault, FaultyServer, answer
from connectors.sdk.testing.trial import Trial, attempt, must, skip

RETRY_AFTER = 60.0


class FaultyToolContract:
    """The contract of what talks HTTP."""

    def test_refused_credentials_are_an_auth_error(self, trial: Trial) -> None:
        for status in (401, 403):
            (error,) = _answered(trial, answer(status, {}))
            must(isinstance(error, AuthError), f"{status} has to be an AuthError, not {error!r}")

    def test_retry_after_is_passed_on(self, trial: Trial) -> None:
        for status in (429, 503):
            (error,) = _answered(trial, answer(status, {}, {"Retry-After": str(RETRY_AFTER)}))
            must(isinstance(error, TransientError), f"{status} has to be a TransientError, not {error!r}")
            asked = error.retry_after if isinstance(error, TransientError) else None
            must((asked or 0) >= RETRY_AFTER, f"the tool asked for {RETRY_AFTER} s, retry_after is {asked}")

    def test_a_broken_reply_is_transient(self, trial: Trial) -> None:
        broken = {
            "an error of the server": answer(500),
            "a reply that was cut": faults.cut(),
            "a lost connection": faults.drop,
            "a page instead of JSON": answer(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
        }
        for name, error in zip(broken, _answered(trial, *broken.values()), strict=True):
            must(isinstance(error, TransientError), f"{name} has to be a TransientError, not {error!r}")

    def test_an_empty_reply_is_no_bug(self, trial: Trial) -> None:
        list(_answered(trial, answer(200, {}), answer(200, []), answer(200, b""), answer(204)))


def _answered(trial: Trial, *replies: Fault) -> Iterator[ConnectorError | None]:
    """Let `check` meet each of these replies, whatever it asks."""
    config_at = trial.world.config_at or skip("the sample has no config_at")
    for reply in replies:
        with FaultyServer() as server:
            server.script(reply)
            network = server.network().with_limits(attempts=1)
            yield attempt(trial.connector(config_at(server.url), network).check)
