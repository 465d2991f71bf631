"""Checks that hold for every connector."""

from __future__ import annotations

import base64
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, JsonValue

from connectors.sdk.configuration import parse_config, secrets_of
from connectors.sdk.errors import AuthError, ConfigError, TransientError
from connectors.sdk.protocol import Health, Source, Wire
from connectors.sdk.redaction import forms
from connectors.sdk.testing.trial import README_HEADINGS, Trial, attempt, everything_said, must, overheard

SECRET_NAME = re.compile(r"password|secret|token|api_?key|private_key|credential", re.IGNORECASE)
CANARY = "canary-4Jt7/+x9"


class EveryConnector:
    """The contract of anything that is a connector."""

    def test_passes_the_gate(self, trial: Trial) -> None:
        trial.entry().admit(trial.kind)

    def test_has_a_readme_with_its_headings(self, trial: Trial) -> None:
        readme = Path(inspect.getfile(trial.kind)).with_name("README.md")
        must(readme.is_file(), f"{readme.name} is missing beside {Path(inspect.getfile(trial.kind)).name}")
        found = re.findall(r"^#+ (.+?)\s*$", readme.read_text(encoding="utf-8"), flags=re.MULTILINE)
        missing = [heading for heading in README_HEADINGS if heading not in found]
        must(not missing, f"README.md lacks the headings: {', '.join(missing)}")

    def test_config_forbids_unknown_keys(self, trial: Trial) -> None:
        for place, schema in _objects(trial.kind.config_model.model_json_schema()):
            must(
                schema.get("additionalProperties") is False,
                f"{place} takes unknown keys: derive it from ConnectorConfig",
            )

    def test_secrets_are_declared_as_secrets(self, trial: Trial) -> None:
        for place, schema in _objects(trial.kind.config_model.model_json_schema()):
            for name, entry in schema["properties"].items():
                plain_text = '"type": "string"' in json.dumps(entry) and "writeOnly" not in json.dumps(entry)
                named_values = "const" in entry or "enum" in entry
                must(
                    not (SECRET_NAME.search(name) and plain_text and not named_values),
                    f"{place}: {name} looks like a secret: make it a SecretStr",
                )

    def test_check_answers_with_health(self, trial: Trial) -> None:
        must(isinstance(trial.connector().check(), Health), "check() has to return Health")

    def test_a_wrong_config_names_the_key_and_no_value(self, trial: Trial) -> None:
        config = {**trial.world.config, "no_such_key": CANARY}
        error = attempt(lambda: parse_config(trial.kind.config_model, json.dumps(config)))
        must(
            isinstance(error, ConfigError) and "no_such_key" in str(error),
            "an unknown key has to be a ConfigError naming it",
        )
        must(error is None or CANARY not in everything_said(error), "the error repeats the value")

    def test_secrets_are_never_shown(self, trial: Trial) -> None:
        """R30: not in a repr, an error or a log, in any spelling; tried with the right secrets and with wrong ones."""
        with overheard() as said:
            for config in (trial.world.config, _planted(trial)):
                connector = trial.connector(config)
                said += [repr(connector), str(connector), repr(connector.config), str(vars(connector))]
                acts = [connector.check, *([connector.discover] if isinstance(connector, Source) else [])]
                said += [everything_said(error) for act in acts if (error := attempt(act)) is not None]
        text = " ".join(said)
        secrets = {CANARY, *secrets_of(trial.connector().config)}
        for secret in secrets:
            shown = [form for form in _spellings(secret) if form in text]
            must(not shown, f"a secret of the configuration is shown: ...{_around(text, shown)}...")

    def test_wrong_credentials_are_refused(self, trial: Trial) -> None:
        if not list(secrets_of(trial.connector().config)):
            return  # no credentials, none to get wrong
        error = attempt(trial.connector(_planted(trial)).check)
        must(
            isinstance(error, AuthError),
            f"check() with wrong secrets has to raise AuthError, not {type(error).__name__}",
        )

    def test_an_unreachable_tool_is_transient(self, trial: Trial) -> None:
        error = attempt(trial.connector(network=trial.alone()).check)
        must(
            error is None or isinstance(error, TransientError),
            f"with no network check() raised {error!r}, not TransientError",
        )

    def test_what_it_gives_survives_json(self, trial: Trial) -> None:
        for item in _given(trial):
            kind = type(item)
            must(isinstance(item, Wire), f"{kind.__name__} is none of the protocol's types")
            must(
                kind.model_validate_json(item.model_dump_json()) == item,
                f"a {kind.__name__} changes on its way: {item!r:.200}",
            )

    def test_runs_in_a_process_of_its_own(self, trial: Trial) -> None:
        """R35."""
        with trial.process() as process:
            must(process.check() == trial.connector().check(), "check() answers differently in a process of its own")
            must(process.capabilities() == trial.kind.capabilities(), "the capabilities differ in a process of its own")


def _given(trial: Trial) -> Iterator[BaseModel]:
    connector = trial.connector()
    yield connector.spec
    yield connector.check()
    if isinstance(connector, Source):
        for stream in connector.discover():
            yield stream
            yield from connector.read(stream, None)


def _planted(trial: Trial) -> Mapping[str, JsonValue]:
    """Return the sample's configuration with another value for every secret."""
    real = set(secrets_of(trial.connector().config))

    def plant(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, Mapping):
            return {name: plant(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [plant(item) for item in value]
        return CANARY if isinstance(value, str) and value in real else value

    planted: Mapping[str, JsonValue] = plant(trial.world.config)
    return planted


def _spellings(secret: str) -> Iterator[str]:
    """Yield the forms of a secret, also in the middle of something longer that was put into base64."""
    yield from forms(secret)
    for before in range(3):
        inside = base64.b64encode(b"x" * before + secret.encode() + b"x" * 3).decode()
        yield inside[4:-8]


def _objects(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each object in a configuration's schema that has named entries."""
    for name, part in [("the configuration", schema), *schema.get("$defs", {}).items()]:
        if "properties" in part:
            yield name, part


def _around(text: str, shown: list[str]) -> str:
    place = text.find(shown[0]) if shown else 0
    return text[max(0, place - 60) : place]
