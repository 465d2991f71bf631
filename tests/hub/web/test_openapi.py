"""The API's description: valid, complete, and with our conventions in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openapi_spec_validator import validate

if TYPE_CHECKING:
    from tests.visitors import Visitor


@pytest.fixture
def description(nobody: Visitor) -> dict[str, Any]:
    """Read the description as a program does."""
    found: dict[str, Any] = nobody.get("/openapi.json").json or {}
    return found


def test_the_description_is_valid_openapi(description: dict[str, Any]) -> None:
    assert description["openapi"] == "3.1.0"
    validate(description)


def test_every_operation_is_named_guarded_and_says_how_it_fails(description: dict[str, Any]) -> None:
    operations = [
        (f"{method} {path}", operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]
    assert len({operation["operationId"] for _, operation in operations}) == len(operations) > 10
    for name, operation in operations:
        assert name.split(" ")[1].startswith("/api/v1/")
        assert operation["security"] == [{"token": []}], name
        for status in ("401", "403", "422", "429", "default"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"], name


def test_posts_take_a_key_and_updates_a_state(description: dict[str, Any]) -> None:
    def headers(path: str, method: str) -> list[str]:
        parameters = description["paths"][path][method]["parameters"]
        return [one["name"] for one in parameters if one["in"] == "header"]

    assert headers("/api/v1/persons", "post") == ["Idempotency-Key"]
    assert headers("/api/v1/persons/{person_id}", "patch") == ["If-Match"]
    assert headers("/api/v1/persons", "get") == []
