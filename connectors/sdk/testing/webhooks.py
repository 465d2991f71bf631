"""Checks of what takes webhooks (R28)."""

from __future__ import annotations

from functools import partial

from connectors.sdk.errors import ForgedRequestError
from connectors.sdk.protocol import Source, WebhookRequest
from connectors.sdk.testing.trial import Trial, attempt, must, skip


class WebhookContract:
    """The contract of what is called by a tool."""

    def test_a_genuine_webhook_is_believed(self, trial: Trial) -> None:
        trial.connector().verify(_genuine(trial))

    def test_a_wrong_signature_is_refused_before_anything_is_parsed(self, trial: Trial) -> None:
        genuine = _genuine(trial)
        forged = {
            "another body": genuine.model_copy(update={"body": genuine.body + b" "}),
            "no body": genuine.model_copy(update={"body": b""}),
            "a body that cannot be parsed": genuine.model_copy(update={"body": b'\xff\x00{"'}),
            "no headers": genuine.model_copy(update={"headers": {}}),
        }
        for name, request in forged.items():
            error = attempt(partial(trial.connector().verify, request))
            must(
                isinstance(error, ForgedRequestError),
                f"verify() of {name} has to raise ForgedRequestError, not {error!r}",
            )

    def test_parsing_needs_no_network_and_gives_the_same_each_time(self, trial: Trial) -> None:
        connector, genuine = trial.connector(network=trial.alone()), _genuine(trial)
        connector.verify(genuine)
        touched = list(connector.parse(genuine))
        must(touched, "the sample's webhook touches nothing")
        must(list(connector.parse(genuine)) == touched, "parse() gives other event ids for the same request")

    def test_webhooks_speak_of_known_streams(self, trial: Trial) -> None:
        if not issubclass(trial.kind, Source):
            return  # its streams belong to another connection
        names = {stream.name for stream in trial.streams()}
        unknown = {touched.stream for touched in trial.connector().parse(_genuine(trial))} - names
        must(not unknown, f"parse() speaks of {unknown}, which discover() does not list")


def _genuine(trial: Trial) -> WebhookRequest:
    return trial.world.webhook or skip("the sample has no webhook")
