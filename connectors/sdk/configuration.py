"""A connector's configuration: parsed with errors that name the key and never repeat a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue, SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from connectors.sdk.errors import ConfigError
from connectors.sdk.protocol import ConnectorConfig
from connectors.sdk.redaction import Redactor

Model = TypeVar("Model", bound=ConnectorConfig)


def parse_config(model: type[Model], text: str | bytes) -> Model:
    """Parse configuration JSON; raises ConfigError with the dotted name of each wrong entry."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_context=False, include_url=False)
        mask = Redactor(texts_in(_json_or_none(text)))
        lines = [f"{_dotted(fault['loc'])}: {_said(fault, model, mask)}" for fault in faults]
        raise ConfigError(
            "The configuration is not right. " + "; ".join(lines), field=_dotted(faults[0]["loc"])
        ) from None


def _said(fault: ErrorDetails, model: type[BaseModel], mask: Redactor) -> str:
    """Say what is wrong with an entry in words for whoever wrote it."""
    if fault["type"] == "missing":
        return "is missing"
    if fault["type"] != "extra_forbidden":
        return mask(fault["msg"])
    if len(fault["loc"]) > 1:
        return "there is no such entry"
    known = list(model.model_fields)
    close = get_close_matches(str(fault["loc"][0]), known, n=1)
    return f"there is no such entry, did you mean {close[0]}?" if close else f"there is only {', '.join(known)}"


def secrets_of(value: object) -> Iterator[str]:
    """Yield every secret in a configuration, however deep."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode("utf-8", errors="replace")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from secrets_of(item)


def texts_in(value: JsonValue) -> Iterator[str]:
    """Yield every text in a JSON value, and each line of a long one (a key file shows up line by line)."""
    if isinstance(value, str):
        yield value
        yield from (line for line in value.splitlines() if line != value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


def _json_or_none(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError:
        return None


def _dotted(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place) or "(whole)"
