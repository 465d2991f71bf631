"""A connection's configuration: as given, as stored (secrets apart), as used (references resolved)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, SecretStr

from hub.core.errors import InvalidInputError
from hub.settings import PREFIX, Settings, default_home

Config = dict[str, Any]
Place = tuple[str | int, ...]
REFERENCES = ("env", "file")
SEALED_ENTRY = {"sealed": True}
"""Stands in the stored configuration where a secret was."""


def split(config: Config, schema: Mapping[str, Any]) -> tuple[Config, dict[str, str]]:
    """Take the secrets out: what is stored in plain, and the secrets by dotted name."""
    plain = deepcopy(config)
    secrets = {}
    for place in _secret_places(config, schema, schema, ()):
        secrets[_dotted(place)] = str(_at(plain, place[:-1])[place[-1]])
        _at(plain, place[:-1])[place[-1]] = dict(SEALED_ENTRY)
    return plain, secrets


def join(plain: Config, secrets: Mapping[str, str]) -> Config:
    """Put the secrets back."""
    config = deepcopy(plain)
    for place in list(_leaves(plain, ())):
        if _dotted(place) in secrets and _at(plain, place) == SEALED_ENTRY:
            _at(config, place[:-1])[place[-1]] = secrets[_dotted(place)]
    return config


def resolve(config: Config, environ: Mapping[str, str]) -> Config:
    """Replace every `{env: X}` and `{file: X}` by what it names, now: a rotated secret needs no restart."""
    resolved = deepcopy(config)
    for place in list(_leaves(config, ())):
        value = _at(config, place)
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in REFERENCES:
            kind, name = next(iter(value.items()))
            _at(resolved, place[:-1])[place[-1]] = _read(kind, str(name), _dotted(place), environ)
    return resolved


def secret_values(config: Config, schema: Mapping[str, Any]) -> list[str]:
    """Give every secret of a resolved configuration, to be masked wherever it might show."""
    return [str(_at(config, place)) for place in _secret_places(config, schema, schema, ())]


def _read(kind: str, name: str, entry: str, environ: Mapping[str, str]) -> str:
    if kind == "env":
        if name in own_secret_variables():
            raise InvalidInputError(f"{entry}: {name} is Plumbline's own secret; no tool may have it")
        if name not in environ:
            raise InvalidInputError(f"{entry}: the environment variable {name} is not set where Plumbline runs")
        return environ[name]
    if _is_own(Path(name), environ):
        raise InvalidInputError(f"{entry}: {name} holds Plumbline's own secrets; no tool may have it")
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{entry}: the file {name} cannot be read: {error}") from error


def _is_own(path: Path, environ: Mapping[str, str]) -> bool:
    """Say whether a file lies in Plumbline's home or is a secret that is mounted for Plumbline itself."""
    home = Path(environ.get(f"{PREFIX}HOME") or default_home())
    mounted = [Path(environ[name]) for own in own_secret_variables() if (name := f"{own}_FILE") in environ]
    whole = path.resolve()
    return whole.is_relative_to(home.resolve()) or whole in {file.resolve() for file in mounted}


def own_secret_variables() -> frozenset[str]:
    """Name the variables that hold Plumbline's own secrets."""
    names: set[str] = set()
    for field, info in Settings.model_fields.items():
        if SecretStr in _types(info.annotation):
            alias = info.validation_alias
            names.update(map(str, alias.choices) if isinstance(alias, AliasChoices) else [PREFIX + field.upper()])
    return frozenset(names)


def _types(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401  # an annotation has no common type
    return (annotation, *getattr(annotation, "__args__", ()))


def _secret_places(value: object, schema: Mapping[str, Any], root: Mapping[str, Any], place: Place) -> Iterator[Place]:
    """Find what any branch of the schema calls a secret: rather one too many than one too few."""
    options = list(_branches(schema, root))
    if isinstance(value, str):
        if any(_is_secret(option, root) for option in options):
            yield place
        return
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    for name, child in children:
        inner = {"anyOf": [part for option in options for part in _child_schemas(option, name)]}
        yield from _secret_places(child, inner, root, (*place, name))


def _is_secret(schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    if schema.get("writeOnly") or schema.get("format") == "password":
        return True
    # a connector may take one secret where its schema says a list of them
    items = schema.get("items")
    return isinstance(items, Mapping) and any(_is_secret(option, root) for option in _branches(items, root))


def _branches(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        yield from _branches(target, root)
    for word in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(word, ()):
            yield from _branches(branch, root)
    yield schema


def _child_schemas(schema: Mapping[str, Any], name: str | int) -> Iterator[Mapping[str, Any]]:
    found = (
        schema.get("items")
        if isinstance(name, int)
        else schema.get("properties", {}).get(name, schema.get("additionalProperties"))
    )
    if isinstance(found, Mapping):
        yield found


def _leaves(value: object, place: Place) -> Iterator[Place]:
    if isinstance(value, dict) and value != SEALED_ENTRY and not (len(value) == 1 and next(iter(value)) in REFERENCES):
        for name, child in value.items():
            yield from _leaves(child, (*place, name))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(child, (*place, index))
    elif place:
        yield place


def _at(value: Any, place: Place) -> Any:  # noqa: ANN401  # JSON
    for part in place:
        value = value[part]
    return value


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))
