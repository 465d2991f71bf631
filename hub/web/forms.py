"""Forms of pages: read by a pydantic model, given back with a sentence beside each field that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, get_origin

from flask import request
from pydantic import BaseModel, ValidationError

from hub.core.errors import BadRequestError, ConflictError, InvalidInputError, PlumblineError
from hub.web.csrf import FIELD
from hub.web.translations import gettext

M = TypeVar("M", bound=BaseModel)
WHOLE = ""
"""Key of an error that belongs to no single field."""
_MANY = (list, tuple, set, frozenset)


@dataclass
class Form(Generic[M]):
    """What somebody sent: `data` is None as long as `errors` has any."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    data: M | None = None

    def refuse(self, error: PlumblineError) -> None:
        """Show a service's refusal beside the field it names."""
        if not isinstance(error, (InvalidInputError, ConflictError)):
            raise error
        self.errors.setdefault(str(error.extra.get("field", WHOLE)), []).append(str(error))


def read_form(model: type[M]) -> Form[M]:
    """Read the request's form; fields left empty count as not given."""
    values = {name: _read_field(model, name) for name in request.form if name != FIELD}
    if any("\0" in str(value) for value in values.values()):
        raise BadRequestError("A field holds the character NUL: take it out.")
    given = {name: value for name, value in values.items() if value not in ("", [])}
    try:
        return Form(values, data=model.model_validate(given))
    except ValidationError as invalid:
        errors: dict[str, list[str]] = {}
        for one in invalid.errors(include_url=False, include_input=False):
            errors.setdefault(str(one["loc"][0]) if one["loc"] else WHOLE, []).append(_say(one["type"], one["msg"]))
        return Form(values, errors)


def _read_field(model: type[BaseModel], name: str) -> str | list[str]:
    known = model.model_fields.get(name)
    many = known is not None and get_origin(known.annotation) in _MANY
    return request.form.getlist(name) if many else request.form[name].strip()


def _say(kind: str, message: str) -> str:
    if kind == "missing":
        return gettext("Fill this in.")
    return message.removeprefix("Value error, ")
