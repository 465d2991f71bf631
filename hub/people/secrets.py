"""Random secrets that are shown once and kept as hashes: they are long, so a plain hash is enough."""

from __future__ import annotations

import hashlib
import secrets

TOKEN_PREFIX = "plb_"  # noqa: S105  # how a token begins, not a token
SECRET_BYTES, SECRET_LENGTH = 32, 43
"""How much chance is in a secret, and how many characters that makes."""


def new_api_token() -> str:
    """Make an API token; its beginning lets scanners for leaked secrets find it."""
    return TOKEN_PREFIX + new_secret()


def new_secret() -> str:
    """Make 256 random bits that fit into an address."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Give what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
