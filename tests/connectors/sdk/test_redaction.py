import base64
from urllib.parse import quote, quote_plus

import pytest

from connectors.sdk.redaction import Redactor

SECRET = "s3cret/to ken+1"


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        "s3cret/to%20ken+1",
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_every_spelling_of_a_secret_is_masked(spelling: str) -> None:
    """R30."""
    assert Redactor([SECRET])(f"before {spelling} after").rstrip("= ") == "before *** after"


def test_base64_for_addresses_is_masked() -> None:
    secret = "\u00fe>?\u00ff~"
    assert Redactor([secret])(base64.urlsafe_b64encode(secret.encode()).decode()) == "***"


def test_a_secret_inside_another_is_masked_whole() -> None:
    assert Redactor(["token", "token-of-ann"])("token-of-ann, token") == "***, ***"


def test_very_short_values_are_left_alone() -> None:
    assert Redactor(["", "ab"])("a cab") == "a cab"


def test_a_redactor_shows_nothing_of_what_it_hides() -> None:
    assert SECRET not in repr(Redactor([SECRET]))
